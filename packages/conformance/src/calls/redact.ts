/** Replaces a secret in a report. */
const blank = '[secret]';

/** A member with a token, in JSON or in JSON inside a JSON string. The text may end within the token. */
const tokenMember = /(\\?"(?:registration_)?token\\?": ?\\?")[^"\\]+/g;

/**
 * Replaces secrets: the known ones, also when the text is cut within one, and every value that a server names a token.
 */
export function redact(text: string, secrets: ReadonlySet<string>): string {
  const known = [...secrets].reduce((left, secret) => withoutTail(left.replaceAll(secret, blank), secret), text);
  return known.replace(tokenMember, `$1${blank}`);
}

/** Shorter prefixes of a secret reveal nothing. */
const tellingLength = 4;

function withoutTail(text: string, secret: string): string {
  for (let length = secret.length - 1; length >= tellingLength; length--)
    if (text.endsWith(secret.slice(0, length))) return `${text.slice(0, -length)}${blank}`;
  return text;
}
