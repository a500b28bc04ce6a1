import { isCommonWord } from '../placeholder-words.ts';
import { shortestValue } from './value-forms.ts';

/** A value that no output may contain. Receipts and findings contain `known:` and the name instead of the value. */
export interface KnownValue {
  readonly name: string;
  readonly value: string;
}

/** Why a variable is not masked although its name is that of a secret. */
export type SkipReason = 'too-short' | 'integer' | 'common-word' | 'setting';

export interface SkippedVariable {
  readonly name: string;
  readonly reason: SkipReason;
}

export interface VariableSecrets {
  readonly values: readonly KnownValue[];
  /**
   * The variables whose values are not masked. If the reason is `too-short`, the caller should print a warning with the
   * name of the variable.
   */
  readonly skipped: readonly SkippedVariable[];
}

export interface KnownValueOptions {
  /**
   * Globs with `*` and `?`. They must match the whole name of a variable, without case. They are used instead of
   * `secretNames`.
   */
  readonly names?: readonly string[];
}

/** Globs of the names of variables whose values are secrets. */
export const secretNames: readonly string[] = [
  '*PASSWORD*',
  '*PASSWD*',
  '*SECRET*',
  '*TOKEN*',
  '*API_KEY*',
  '*APIKEY*',
  '*CREDENTIAL*',
  '*PRIVATE_KEY*',
  '*ACCESS_KEY*',
  '*CONNECTION_STRING*',
  '*DSN*',
];

/** Variables whose values are always secrets, even if other globs are configured. */
const alwaysSecret: ReadonlySet<string> = new Set(['GIT_TOKEN', 'ARTIFACT_STORE_API_KEY', 'KIRO_API_KEY']);

/** Settings of Proofhouse whose names look like names of secrets. */
const ownSettings: ReadonlySet<string> = new Set(['PROOFHOUSE_SECRET_POLICY']);

/**
 * Common values of settings. They are not masked, because they occur in ordinary text. Words of placeholders with at least 6
 * characters are not listed here.
 */
const settingWords: ReadonlySet<string> = new Set(
  (
    'true false never enable disable automatic nothing refuse warning verbose silent notice basic bearer digest oauth oauth2 ' +
    'internal external strict relaxed memory inherit keyring keychain plaintext'
  ).split(' '),
);

/**
 * Returns the secrets in environment variables: the values of variables whose names match a glob, and the passwords in
 * all URLs. TOKENS and TOKENIZER in a name do not count as TOKEN, because such variables contain numbers or names of
 * libraries.
 */
export function knownValues(
  variables: Readonly<Record<string, string | undefined>>,
  options: KnownValueOptions = {},
): VariableSecrets {
  const values: KnownValue[] = [];
  const skipped: SkippedVariable[] = [];
  const globs = (options.names ?? secretNames).map(nameGlob);
  for (const [name, value] of Object.entries(variables)) {
    if (value === undefined || value.trim() === '') continue;
    const secrets = urlPasswords(value);
    if (isSecretName(name, globs)) secrets.push(value);
    for (const secret of secrets) {
      const reason = skipReason(name, secret.trim());
      if (reason === undefined) values.push({ name, value: secret });
      else skipped.push({ name, reason });
    }
  }
  return { values, skipped };
}

function isSecretName(name: string, globs: readonly RegExp[]): boolean {
  const upper = name.toUpperCase();
  if (alwaysSecret.has(upper)) return true;
  const counted = upper.replace(/TOKENS(?![A-Z])|TOKENI[SZ]\w*?(?=_|$)/g, '');
  return globs.some((glob) => glob.test(counted));
}

/** Returns the pattern of a glob. If the glob ends with a letter, the pattern also matches the plural of a name. */
function nameGlob(glob: string): RegExp {
  const source = glob.toUpperCase().replace(/[.+^${}()|[\]\\]/g, '\\$&');
  const plural = /[A-Z]$/.test(source) ? 'S?' : '';
  return new RegExp(`^${source.replaceAll('*', '.*').replaceAll('?', '.')}${plural}$`);
}

function skipReason(name: string, value: string): SkipReason | undefined {
  if (ownSettings.has(name.toUpperCase())) return 'setting';
  if (/^[+-]?\d+$/.test(value)) return 'integer';
  if (settingWords.has(value.toLowerCase())) return 'common-word';
  if (value.length < shortestValue) return 'too-short';
  return isCommonWord(value) ? 'common-word' : undefined;
}

const schemes = /[a-z][a-z0-9+.-]*:\/\//gi;
const standardUserinfo = /^[^\s/?#]*?:([^\s/?#]+)@/;
/**
 * Matches a URL whose password contains signs that would end the host of a URL. Digits before such a sign are a port
 * and no password.
 */
const unescapedUserinfo = /^(?!\[)[^\s/?#:@]*:(?!\d{1,5}[/?#])(\S+)@/;

/**
 * Returns the passwords of all URLs in a value, both as written and percent-decoded. The URLs may be in quotes, in a
 * list, in JSON or after a prefix such as `jdbc:`.
 */
function urlPasswords(value: string): string[] {
  const passwords = new Set<string>();
  const starts = [...value.matchAll(schemes)];
  starts.forEach((start, index) => {
    const rest = value.slice(start.index + start[0].length, starts[index + 1]?.index);
    const isQuoted = /["'`]/.test(value.slice(0, start.index));
    const password = (isQuoted ? passwordIn(/^[^\s"'`\\]*/.exec(rest)?.[0] ?? '') : undefined) ?? passwordIn(rest);
    if (password !== undefined) passwords.add(password).add(percentDecoded(password));
  });
  return [...passwords];
}

/** Returns the password of a URL, or undefined. `text` begins after the scheme of the URL. */
function passwordIn(text: string): string | undefined {
  return (standardUserinfo.exec(text) ?? unescapedUserinfo.exec(text))?.[1];
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
