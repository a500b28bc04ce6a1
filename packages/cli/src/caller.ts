/** The prefix of worker tokens. Before it, the token of a registered worker has the worker id and a colon. */
const workerTokenPrefix = 'phw_';
/** The prefix of tokens of users. Before it, /v0 requires the user id and a colon. */
const userTokenPrefix = 'phu_';
/**
 * Matches a token that begins with a principal (`admin`, or the id of a worker or user). No other text before a colon may be shown,
 * because it may be a secret.
 */
const namedToken = /^(admin|wkr_[0-9a-z]{1,40}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):/;

/**
 * Returns the principal of a token on /v0, or undefined if it is unknown. On /v0, only the token of the admin may omit
 * the principal.
 */
export function callerOf(token: string | undefined): string | undefined {
  const given = (token ?? '').trim();
  return given.includes(':') ? namedToken.exec(given)?.[1] : 'admin';
}

export function isBareWorkerToken(token: string | undefined): boolean {
  const given = (token ?? '').trim();
  return given.startsWith(workerTokenPrefix) && !given.includes(':');
}

export function isUserToken(token: string | undefined): boolean {
  const given = (token ?? '').trim();
  return given.slice(given.indexOf(':') + 1).startsWith(userTokenPrefix);
}

/** Describes for a message who owns a token, by the principal in the token. Never contains a part of the secret. */
export function callerText(token: string, onWire: boolean): string {
  const name = namedToken.exec(token.trim())?.[1];
  if (name !== undefined) return name === 'admin' ? 'the admin' : name;
  if (isBareWorkerToken(token)) return 'the worker of a queue token';
  if (isUserToken(token)) return 'the user of a token';
  return onWire && callerOf(token) === 'admin'
    ? 'the admin (whose token alone goes without a name in front)'
    : 'whoever the given token belongs to';
}
