/** The text that replaces a secret in a report. */
const blank = '[secret]';

/**
 * Matches a JSON member that contains a token, also in JSON inside a JSON string. The text may end inside the token.
 */
const tokenMember = /(\\?"(?:registration_)?token\\?": ?\\?")[^"\\]+/g;

/**
 * Replaces the secrets in a text by `[secret]`. They are each known secret, the beginning of a known secret at the end
 * of the text, and the value of each JSON member named `token` or `registration_token`.
 */
export function redact(text: string, secrets: ReadonlySet<string>): string {
  const known = [...secrets].reduce((left, secret) => withoutTail(left.replaceAll(secret, blank), secret), text);
  return known.replace(tokenMember, `$1${blank}`);
}

/**
 * The end of a text may cut a secret. The remaining beginning is replaced only if it has at least this length. A
 * shorter one reveals nothing.
 */
const tellingLength = 4;

function withoutTail(text: string, secret: string): string {
  for (let length = secret.length - 1; length >= tellingLength; length--)
    if (text.endsWith(secret.slice(0, length))) return `${text.slice(0, -length)}${blank}`;
  return text;
}
