/** What a report shows instead. */
const blank = '[secret]';

/** A member that holds a token, in JSON, or in JSON that was quoted once more; the text may end within it. */
const tokenMember = /(\\?"(?:registration_)?token\\?": ?\\?")[^"\\]+/g;

/** Blanks secrets: those that are known, also when the text was cut within one, and whatever a server calls a token. */
export function redact(text: string, secrets: ReadonlySet<string>): string {
  const known = [...secrets].reduce((left, secret) => withoutTail(left.replaceAll(secret, blank), secret), text);
  return known.replace(tokenMember, `$1${blank}`);
}

/** Shorter beginnings of a secret tell nothing of it. */
const tellingLength = 4;

function withoutTail(text: string, secret: string): string {
  for (let length = secret.length - 1; length >= tellingLength; length--)
    if (text.endsWith(secret.slice(0, length))) return `${text.slice(0, -length)}${blank}`;
  return text;
}
