/** How tokens of workers begin, of registered ones too: those have the worker's name in front. */
const workerTokenPrefix = 'phw_';
/** What stands before a colon is a name only when it looks like one: else it could be a secret. */
const namedToken = /^(admin|wkr_[0-9a-z]{1,40}):/;

/** Whom the token speaks for on /v0: a bare one can only be the admin's. Undefined when it cannot be told. */
export function callerOf(token: string | undefined): string | undefined {
  const given = (token ?? '').trim();
  return given.includes(':') ? namedToken.exec(given)?.[1] : 'admin';
}

export function isBareWorkerToken(token: string | undefined): boolean {
  const given = (token ?? '').trim();
  return given.startsWith(workerTokenPrefix) && !given.includes(':');
}

/** Who is calling, as far as the token says so: never a part of the secret. */
export function callerText(token: string, onWire: boolean): string {
  const name = namedToken.exec(token.trim())?.[1];
  if (name !== undefined) return name === 'admin' ? 'the admin' : name;
  if (isBareWorkerToken(token)) return 'the worker of a queue token';
  return onWire && callerOf(token) === 'admin'
    ? 'the admin (whose token alone goes without a name in front)'
    : 'whoever the given token belongs to';
}
