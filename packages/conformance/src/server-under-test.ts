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
  /** Id of the experiment, `exp_…`. May be empty if all scenarios call only the queue. */
  readonly experiment: string;
  /**
   * Id of a second experiment of the same server. If it is missing, a scenario that needs it creates it with
   * `/api/experiments`.
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
  /**
   * Headers in addition to the default headers. A header of the same name replaces the default, and `null` removes it.
   */
  readonly headers?: Readonly<Record<string, string | null>>;
}

export const experimentHeader = 'X-Eden-Experiment-Id';

/**
 * The API of the server under test, for one scenario. It makes HTTP calls, generates random names, and collects the
 * secrets that no report may show.
 */
export class ServerUnderTest {
  readonly target: Target;
  readonly #signal: AbortSignal;
  readonly #secrets: Set<string>;

  /** `signal` aborts all calls when it aborts. The admin token and every remembered secret are added to `secrets`. */
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
   * Makes a call with exactly these headers. Only a JSON body adds its content type. Throws a `Mismatch` if there is no
   * answer.
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

  /**
   * Makes a call to /v0 on its own connection, and sends exactly the given bytes. Errors and options are those of
   * `rawCall`.
   */
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

  /** Returns `count` random bytes, or fewer if the size limit of the server is known and smaller. */
  bytesWithinCap(count: number): Buffer<ArrayBuffer> {
    return this.bytes(Math.min(count, this.target.maxArtifactBytes ?? count));
  }

  /** Throws `NotKnown`, which skips the scenario, if the size limit of the server is known and `count` exceeds it. */
  requireWithinCap(count: number): void {
    const cap = this.target.maxArtifactBytes;
    if (cap === undefined || count <= cap) return;
    throw new NotKnown(`it sends ${count} bytes, and the cap is ${cap}`);
  }

  /** Adds a secret to the set of secrets that no report may show. A secret shorter than 8 characters is not added. */
  remember(secret: string): void {
    if (secret.length >= 8) this.#secrets.add(secret);
  }

  /** Waits this number of milliseconds without a call. The time limit of the scenario still applies. */
  pause(ms: number): Promise<void> {
    return new Promise((settle) => setTimeout(settle, ms));
  }

  /**
   * Returns the promise of an operation that runs during the scenario. Marks a rejection as handled. Otherwise the
   * rejection would end the process if the scenario fails before it awaits the promise.
   */
  meanwhile<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => undefined);
    return promise;
  }

  /**
   * Repeats a call every 100 ms until `fits` accepts its answer. Ends early after `limitMs`, or if the scenario is
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

  // `as: null` means that no credential is sent. So the default caller must not replace null.
  #named(usual: Exclude<Caller, null>, options: { readonly as?: Caller }): Caller {
    const caller = options.as === undefined ? usual : options.as;
    return caller === 'admin' ? { id: 'admin', secret: this.target.adminToken } : caller;
  }
}

/**
 * Returns the Authorization header. If `named` is true, as for /v0, the bearer token is `<principal>:<secret>`. If it
 * is false, as for the queue, it is only the secret.
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
 * Returns the id of a second experiment, and creates it if none was given. Throws `NotTried` if the server cannot
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
