import { randomBytes } from 'node:crypto';
import { Answer, textMember, type Document } from './expectations/answer.ts';
import { NotKnown, NotTried } from './expectations/expectations.ts';
import { Mismatch } from './expectations/mismatch.ts';
import { rawCall, type RawOptions } from './calls/raw-call.ts';

/** The server to test: its address, its credentials and its limits. Nothing is assumed about its implementation. */
export interface Target {
  /** Base URL without a trailing slash. */
  readonly url: string;
  readonly adminToken: string;
  /** Id of the experiment, `exp_…`. It may be empty if all scenarios call only the queue. */
  readonly experiment: string;
  /**
   * Id of a second experiment of the same server. If it is missing, a scenario that needs a second experiment creates it
   * over `/api/experiments`.
   */
  readonly otherExperiment?: string | undefined;
  /** The size limit of deposits in bytes, if known. Without it, no scenario exceeds the limit. */
  readonly maxArtifactBytes?: number | undefined;
}

/** The id of a principal (`admin` or a worker) and its secret. */
export interface Credential {
  readonly id: string;
  readonly secret: string;
}

/** The caller of a request: a credential, the admin, no credential (null), or a literal Authorization header. */
export type Caller = Credential | 'admin' | null | { readonly authorization: string };

export interface CallOptions {
  readonly as?: Caller;
  /** A value that is sent as a JSON body. */
  readonly json?: unknown;
  /** A body that is sent unchanged. */
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** Headers that are added to the default headers or replace them. `null` removes a default header. */
  readonly headers?: Readonly<Record<string, string | null>>;
}

export const experimentHeader = 'X-Eden-Experiment-Id';

/**
 * The API of the server under test, as one scenario uses it: HTTP calls, random names, and the set of secrets that no
 * report may show.
 */
export class ServerUnderTest {
  readonly target: Target;
  readonly #signal: AbortSignal;
  readonly #secrets: Set<string>;

  /** Aborting `signal` aborts all calls. The admin token and every remembered secret are added to `secrets`. */
  constructor(target: Target, signal: AbortSignal, secrets: Set<string>) {
    this.target = target;
    this.#signal = signal;
    this.#secrets = secrets.add(target.adminToken);
  }

  /** Makes a call to `/v0/experiments/<experiment>`, by default as the admin. */
  v0(method: string, tail: string, options: CallOptions = {}): Promise<Answer> {
    const experiment = this.target.experiment;
    return this.call(method, `/v0/experiments/${experiment}${tail}`, {
      ...options,
      headers: {
        ...authorization(this.#named(options.as ?? 'admin', options), true),
        [experimentHeader]: experiment,
        ...options.headers,
      },
    });
  }

  /** Makes a call to `/api/queue`, by default as the admin. */
  queue(method: string, tail: string, options: CallOptions = {}): Promise<Answer> {
    return this.api(method, `/api/queue${tail}`, options);
  }

  /** Makes a call to any path outside /v0, by default as the admin. */
  api(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    return this.call(method, path, {
      ...options,
      headers: { ...authorization(this.#named(options.as ?? 'admin', options), false), ...options.headers },
    });
  }

  /**
   * Makes a call with exactly these headers. Only the content type of a JSON body is added. Throws a `Mismatch` if
   * there is no answer.
   */
  async call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const url = `${this.target.url}${path}`;
    const isJson = 'json' in options;
    const headers = new Headers(isJson ? { 'content-type': 'application/json' } : {});
    for (const [name, value] of Object.entries(options.headers ?? {})) if (value !== null) headers.set(name, value);
    const body = isJson ? JSON.stringify(options.json) : options.body;
    const request = `${method} ${path}`;
    const response = await fetch(url, {
      method,
      headers,
      redirect: 'manual',
      signal: this.#signal,
      ...(body === undefined ? {} : { body }),
    }).catch((error: unknown) => {
      throw new Mismatch({ request, what: 'the answer', expected: 'any', seen: reasonOf(error) });
    });
    return new Answer({
      request,
      url,
      status: response.status,
      headers: response.headers,
      bytes: Buffer.from(await response.arrayBuffer()),
    });
  }

  /** Makes a call to /v0 on a separate connection, with control over every byte. Errors and options: as `rawCall`. */
  async rawV0(
    method: string,
    tail: string,
    options: RawOptions & { readonly as?: Caller } = {},
  ): Promise<Answer | undefined> {
    const experiment = this.target.experiment;
    return rawCall(this.target.url, method, `/v0/experiments/${experiment}${tail}`, {
      signal: this.#signal,
      ...options,
      headers: {
        ...authorization(this.#named(options.as ?? 'admin', options), true),
        [experimentHeader]: experiment,
        ...options.headers,
      },
    });
  }

  /** Returns a unique name that begins with the word. */
  name(word: string): string {
    return `${word}-${randomBytes(6).toString('hex')}`;
  }

  bytes(count: number): Buffer<ArrayBuffer> {
    return Buffer.from(randomBytes(count));
  }

  /** Returns `count` random bytes, or fewer if the known size limit is smaller. */
  bytesWithinCap(count: number): Buffer<ArrayBuffer> {
    return this.bytes(Math.min(count, this.target.maxArtifactBytes ?? count));
  }

  /** Throws `NotKnown`, which skips the scenario, if `count` bytes exceed the known size limit. */
  requireWithinCap(count: number): void {
    const cap = this.target.maxArtifactBytes;
    if (cap === undefined || count <= cap) return;
    throw new NotKnown(`it sends ${count} bytes, and the cap is ${cap}`);
  }

  /** Adds a secret to the set of secrets that no report may show. A secret shorter than 8 characters is not added. */
  remember(secret: string): void {
    if (secret.length >= 8) this.#secrets.add(secret);
  }

  /** Waits this many milliseconds without a call. The time limit of the scenario still applies. */
  pause(ms: number): Promise<void> {
    return new Promise((settle) => setTimeout(settle, ms));
  }

  /**
   * Returns the promise of an operation that runs during the scenario. A rejection is marked as handled, so that it
   * does not end the process when the scenario fails before it awaits the promise.
   */
  meanwhile<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => undefined);
    return promise;
  }

  /**
   * Repeats a call every 100 ms until `fits` accepts its answer, or until `limitMs` have passed or the scenario is
   * aborted. Returns the last answer in every case.
   */
  async eventually<T>(limitMs: number, ask: () => Promise<T>, fits: (value: T) => boolean): Promise<T> {
    const until = performance.now() + limitMs;
    for (;;) {
      const value = await ask();
      if (fits(value) || performance.now() > until || this.#signal.aborted) return value;
      await this.pause(100);
    }
  }

  // `as: null` means that no credential is sent, so null must not be replaced by the default caller.
  #named(usual: Exclude<Caller, null>, options: { readonly as?: Caller }): Caller {
    const caller = options.as === undefined ? usual : options.as;
    return caller === 'admin' ? { id: 'admin', secret: this.target.adminToken } : caller;
  }
}

/**
 * Returns the Authorization header. If `named` is true, as for /v0, the bearer token is `<principal>:<secret>`. If it is
 * false, as for the queue, the bearer token is the secret alone.
 */
function authorization(caller: Caller, named: boolean): Record<string, string> {
  if (caller === null || caller === 'admin') return {};
  if ('authorization' in caller) return { authorization: caller.authorization };
  return { authorization: `Bearer ${named ? `${caller.id}:` : ''}${caller.secret}` };
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}

/** Makes one read-only call. Returns true if the server refuses the admin token (401). Errors: as `call`. */
export async function refusesAdmin(target: Target): Promise<boolean> {
  const server = new ServerUnderTest(target, AbortSignal.timeout(10_000), new Set());
  const answer = await (target.experiment === '' ? server.queue('GET', '/jobs?limit=1') : server.v0('GET', '/groups'));
  return answer.status === 401;
}

/**
 * Returns the id of a second experiment, which is created if none was given. Throws `NotTried` if the server cannot
 * create it.
 */
export async function otherExperiment(server: ServerUnderTest): Promise<string> {
  if (server.target.otherExperiment !== undefined) return server.target.otherExperiment;
  const answer = await server.api('POST', '/api/experiments', { json: { name: server.name('conformance') } });
  if (answer.status !== 200 && answer.status !== 201)
    throw new NotTried('it needs a second experiment: give --other-experiment');
  const document = answer.document();
  const inner = document['experiment'];
  const holder = typeof inner === 'object' && inner !== null ? (inner as Document) : document;
  return textMember(holder, 'experimentId' in holder ? 'experimentId' : 'experiment_id', answer.request);
}
