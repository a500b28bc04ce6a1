import type { StorageProvider } from './artifact.ts';
import { hostOf, signedUrlIn } from './signed-url.ts';

/** Largest length of a stored URL, in characters (UTF-16 code units). */
export const maxUrlLength = 2048;

/**
 * Which URIs of files on the caller's machine the server accepts. `none`: none, in production. `uri`: only
 * `local-dev://…`, in tests. `path`: also bare paths and `file:` URIs, which become `local-dev://…`, in local mode.
 */
export type LocalFiles = 'none' | 'uri' | 'path';

/**
 * The result of the rule for stored URIs. It is the URI in its stored form with its provider, or the reason for
 * refusing it.
 */
export type JudgedUri =
  | { readonly uri: string; readonly provider: StorageProvider; readonly objection?: undefined }
  | { readonly objection: string };

/** Hosts that determine a provider. For a host in the second list, its subdomains have the same provider. */
const providerHosts: readonly (readonly [StorageProvider, readonly string[], readonly string[]])[] = [
  [
    'github',
    ['github.com', 'www.github.com', 'gist.github.com', 'raw.github.com', 'api.github.com', 'codeload.github.com'],
    ['githubusercontent.com'],
  ],
  ['dropbox', [], ['dropbox.com']],
  ['google-drive', ['drive.google.com', 'docs.google.com'], []],
];

/**
 * Applies the storage policy to the URI of a pointer, and derives the storage provider from it. The policy is the same
 * for every create and update. The rules for `local-dev` depend on the mode of the server (`localFiles`).
 */
export function judgeStorageUri(text: string, localFiles: LocalFiles): JudgedUri {
  const objection = textObjection(text);
  if (objection !== undefined) return { objection };
  const scheme = schemeOf(text);
  switch (scheme) {
    case 'http':
    case 'https':
      return judgeWebUrl(text);
    case 's3':
    case 'gs':
      return judgeBucketUri(text, scheme);
    case 'local-dev':
      if (localFiles === 'none')
        return { objection: 'is a file of a development machine, which is not durable storage' };
      return /^local-dev:\/\/./i.test(text)
        ? { uri: text, provider: 'local-dev' }
        : { objection: 'must be written as local-dev://path' };
    case 'file':
    case undefined:
      if (localFiles === 'path') return judgeStorageUri(localDevUri(text), localFiles);
      return { objection: scheme === 'file' ? 'is a file of one machine' : 'must be an absolute URL, not a path' };
    default:
      return { objection: `has the scheme ${scheme.slice(0, 20)}:, which is not one of https, http, s3 and gs` };
  }
}

/**
 * Returns why a link of a task or bundle must not be stored, or undefined if it may be. A link must be an http or https
 * URL, to which the rules of `judgeStorageUri` apply.
 */
export function linkObjection(text: string): string | undefined {
  const objection = textObjection(text);
  if (objection !== undefined) return objection;
  return /^https?:/i.test(text) ? judgeWebUrl(text).objection : 'must be an http or https URL';
}

/** Returns why a text of this form cannot be a URL, or undefined. */
function textObjection(text: string): string | undefined {
  if (text === '') return 'must not be empty';
  if (text.length > maxUrlLength) return `is longer than ${String(maxUrlLength)} characters`;
  if (!text.isWellFormed()) return 'is not valid Unicode';
  if (/\s/u.test(text)) return 'contains white space';
  if (/[\p{Cc}\p{Cf}]/u.test(text)) return 'contains a control character or an invisible character';
  if (/[<>"`]/.test(text)) return 'contains a character that URLs do not have';
  const reason = signedUrlIn(text);
  return reason === undefined ? undefined : `is a URL with ${reason}`;
}

function judgeWebUrl(text: string): JudgedUri {
  if (text.includes('\\')) return { objection: 'contains a backslash' };
  const [, authority] = /^https?:\/\/([^/?#]+)/i.exec(text) ?? [];
  if (authority === undefined || !URL.canParse(text)) return { objection: 'must be written as https://host/path' };
  if (authority.includes('@')) return { objection: 'contains a user name' };
  const host = hostOf(authority);
  if (host === undefined || host === '') return { objection: 'must be written as https://host/path' };
  return { uri: text, provider: providerOfHost(host) };
}

function providerOfHost(host: string): StorageProvider {
  const found = providerHosts.find(
    ([, hosts, parents]) =>
      hosts.includes(host) || parents.some((parent) => host === parent || host.endsWith(`.${parent}`)),
  );
  return found?.[0] ?? 'external-url';
}

function judgeBucketUri(text: string, scheme: 's3' | 'gs'): JudgedUri {
  const isWhole = /^(?:s3|gs):\/\/[a-z0-9][a-z0-9._-]{1,221}\/[^?#]/i.test(text);
  if (!isWhole) return { objection: `must be written as ${scheme}://bucket/key` };
  return { uri: text, provider: scheme === 's3' ? 's3' : 'gcs' };
}

/** Returns the scheme of a URI in lower case. Returns undefined for a path. `C:\a` and `C:/a` are paths too. */
function schemeOf(text: string): string | undefined {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  return scheme?.length === 1 ? undefined : scheme;
}

/** Returns the `local-dev:` URI for a path or a `file:` URI. */
function localDevUri(text: string): string {
  const path = text.replace(/^file:/i, '').replaceAll('\\', '/');
  if (/^\/\/[^/]/.test(path)) return `local-dev:${path}`;
  if (/^[a-z]:/i.test(path)) return `local-dev:///${path}`;
  return `local-dev://${path.replace(/^\/+/, '/')}`;
}
