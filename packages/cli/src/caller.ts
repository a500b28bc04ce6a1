/** The prefix of worker tokens. The token of a registered worker has the worker id and a colon before this prefix. */
const workerTokenPrefix = 'phw_';
/**
 * Matches a token that begins with a principal (`admin` or a worker id). Other text before a colon is never shown, because it
 * may be a secret.
 */
const namedToken = /^(admin|wkr_[0-9a-z]{1,40}):/;

/**
 * Returns the principal of a token on /v0, or undefined if it is unknown. On /v0 a token without a principal can only be the
 * token of the admin.
 */
export function callerOf(token: string | undefined): string | undefined {
  const given = (token ?? '').trim();
  return given.includes(':') ? namedToken.exec(given)?.[1] : 'admin';
}

export function isBareWorkerToken(token: string | undefined): boolean {
  const given = (token ?? '').trim();
  return given.startsWith(workerTokenPrefix) && !given.includes(':');
}

/** Describes the owner of a token for a message, from the principal in the token. Never contains a part of the secret. */
export function callerText(token: string, onWire: boolean): string {
  const name = namedToken.exec(token.trim())?.[1];
  if (name !== undefined) return name === 'admin' ? 'the admin' : name;
  if (isBareWorkerToken(token)) return 'the worker of a queue token';
  return onWire && callerOf(token) === 'admin'
    ? 'the admin (whose token alone goes without a name in front)'
    : 'whoever the given token belongs to';
}
