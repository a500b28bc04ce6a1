import { randomBytes } from 'node:crypto';
import { Answer, textMember, type Document } from './expectations/answer.ts';
import { NotKnown, NotTried } from './expectations/expectations.ts';
import { Mismatch } from './expectations/mismatch.ts';
import { rawCall, type RawOptions } from './calls/raw-call.ts';

/** The address of a server. Nothing about its implementation is known. */
export interface Target {
  /** Base URL without a trailing slash. */
  readonly url: string;
  readonly adminToken: string;
  /** `exp_…`; scenarios that call only the queue do not need it. */
  readonly experiment: string;
  /** A second experiment of the same server. Created over its API when missing, if the server can. */
  readonly otherExperiment?: string | undefined;
  /** The size limit of deposits, if known; without it no scenario can exceed it. */
  readonly maxArtifactBytes?: number | undefined;
}

/** A principal with its secret. */
export interface Credential {
  readonly id: string;
  readonly secret: string;
}

/** The caller: a credential, nobody (null), or a literal Authorization header. */
export type Caller = Credential | 'admin' | null | { readonly authorization: string };

export interface CallOptions {
  readonly as?: Caller;
  /** Body that is sent as JSON. */
  readonly json?: unknown;
  /** Body that is sent unchanged. */
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** `null` removes a default header. */
  readonly headers?: Readonly<Record<string, string | null>>;
}

export const experimentHeader = 'X-Eden-Experiment-Id';

/** The API of the server under test for one scenario: HTTP calls, random names, and secrets that no report shows. */
export class ServerUnderTest {
  readonly target: Target;
  readonly #signal: AbortSignal;
  readonly #secrets: Set<string>;

  /** Calls are aborted with the signal. Secrets in calls and answers are added to the set. */
  constructor(target: Target, signal: AbortSignal, secrets: Set<string>) {
    this.target = target;
    this.#signal = signal;
    this.#secrets = secrets.add(target.adminToken);
  }

  /** Calls /v0 of the experiment. */
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

  /** Calls the queue of the same server. */
  queue(method: string, tail: string, options: CallOptions = {}): Promise<Answer> {
    return this.api(method, `/api/queue${tail}`, options);
  }

  /** Calls any path outside /v0. */
  api(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    return this.call(method, path, {
      ...options,
      headers: { ...authorization(this.#named(options.as ?? 'admin', options), false), ...options.headers },
    });
  }

  /** Makes a call with exactly these headers; the kit adds none. */
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

  /** Makes a call to /v0 on a separate connection, with full control of each byte. */
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

  /** Returns a unique name. */
  name(word: string): string {
    return `${word}-${randomBytes(6).toString('hex')}`;
  }

  bytes(count: number): Buffer<ArrayBuffer> {
    return Buffer.from(randomBytes(count));
  }

  /** Returns this many bytes, or fewer if the known size limit is smaller. */
  bytesWithinCap(count: number): Buffer<ArrayBuffer> {
    return this.bytes(Math.min(count, this.target.maxArtifactBytes ?? count));
  }

  /** Skips a scenario that needs more bytes than the size limit allows. */
  requireWithinCap(count: number): void {
    const cap = this.target.maxArtifactBytes;
    if (cap === undefined || count <= cap) return;
    throw new NotKnown(`it sends ${count} bytes, and the cap is ${cap}`);
  }

  /** Adds a secret that reports must not show. */
  remember(secret: string): void {
    if (secret.length >= 8) this.#secrets.add(secret);
  }

  /** Waits without calls; the time limit of the scenario still holds. */
  pause(ms: number): Promise<void> {
    return new Promise((settle) => setTimeout(settle, ms));
  }

  /**
   * Registers an operation that runs during the scenario. Its rejection is handled even when the scenario fails first.
   */
  meanwhile<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => undefined);
    return promise;
  }

  /** Repeats the call until the answer fits or `limitMs` have passed. Returns the last answer in both cases. */
  async eventually<T>(limitMs: number, ask: () => Promise<T>, fits: (value: T) => boolean): Promise<T> {
    const until = performance.now() + limitMs;
    for (;;) {
      const value = await ask();
      if (fits(value) || performance.now() > until || this.#signal.aborted) return value;
      await this.pause(100);
    }
  }

  // `as: null` means no credential and must not fall back to the admin.
  #named(usual: Exclude<Caller, null>, options: { readonly as?: Caller }): Caller {
    const caller = options.as === undefined ? usual : options.as;
    return caller === 'admin' ? { id: 'admin', secret: this.target.adminToken } : caller;
  }
}

/** On /v0 a bearer token contains its principal; the queue takes the secret alone. */
function authorization(caller: Caller, named: boolean): Record<string, string> {
  if (caller === null || caller === 'admin') return {};
  if ('authorization' in caller) return { authorization: caller.authorization };
  return { authorization: `Bearer ${named ? `${caller.id}:` : ''}${caller.secret}` };
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}

/** Returns true if the server refuses the admin token, tested with one read-only call. Errors: as `call`. */
export async function refusesAdmin(target: Target): Promise<boolean> {
  const server = new ServerUnderTest(target, AbortSignal.timeout(10_000), new Set());
  const answer = await (target.experiment === '' ? server.queue('GET', '/jobs?limit=1') : server.v0('GET', '/groups'));
  return answer.status === 401;
}

/** Returns the id of a second experiment of this server. */
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
