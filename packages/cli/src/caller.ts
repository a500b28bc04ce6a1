/** The prefix of worker tokens. Registered workers' tokens have it too, after the worker's name. */
const workerTokenPrefix = 'phw_';
/** Text before a colon is shown only when it has the form of a name; other text could be a secret. */
const namedToken = /^(admin|wkr_[0-9a-z]{1,40}):/;

/** The principal of a token on /v0: a bare token can only be the admin's. Undefined when it cannot be determined. */
export function callerOf(token: string | undefined): string | undefined {
  const given = (token ?? '').trim();
  return given.includes(':') ? namedToken.exec(given)?.[1] : 'admin';
}

export function isBareWorkerToken(token: string | undefined): boolean {
  const given = (token ?? '').trim();
  return given.startsWith(workerTokenPrefix) && !given.includes(':');
}

/** The caller, as far as the token names it; never contains a part of the secret. */
export function callerText(token: string, onWire: boolean): string {
  const name = namedToken.exec(token.trim())?.[1];
  if (name !== undefined) return name === 'admin' ? 'the admin' : name;
  if (isBareWorkerToken(token)) return 'the worker of a queue token';
  return onWire && callerOf(token) === 'admin'
    ? 'the admin (whose token alone goes without a name in front)'
    : 'whoever the given token belongs to';
}
