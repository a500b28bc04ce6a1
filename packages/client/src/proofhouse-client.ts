import { ArtifactsApi } from './artifacts-api.ts';
import { parseBaseUrl, parseToken } from './base-url.ts';
import type { CallInput, CallOutput, JsonOperationId } from './call.ts';
import { systemClock, type Clock } from './clock.ts';
import { JobsApi } from './jobs-api.ts';
import { OperationCaller } from './operation-caller.ts';
import { systemRandom, type Random } from './random.ts';
import { defaultRetryPolicy, type RetryPolicy } from './retry-policy.ts';
import { StorageApi } from './storage-api.ts';
import { WorkerTokensApi } from './worker-tokens-api.ts';
import { WorkersApi } from './workers-api.ts';

export interface ClientOptions {
  /** Where the server is; may have a base path: `https://host/work`. */
  readonly url: string;
  /** A worker's, operator's or admin's token. Never part of an error or of a printed client. */
  readonly token?: string | undefined;
  readonly fetch?: typeof fetch | undefined;
  readonly retry?: Partial<RetryPolicy> | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/**
 * Everything a Proofhouse server does, typed by core's operations table. Runs in browsers and on Node 20 and later.
 * What fails is thrown as an `AppError`, except the caller's own abort, which is thrown as the signal's reason.
 */
export class ProofhouseClient {
  readonly url: string;
  readonly jobs: JobsApi;
  readonly artifacts: ArtifactsApi;
  readonly workers: WorkersApi;
  readonly workerTokens: WorkerTokensApi;
  readonly storage: StorageApi;
  readonly #caller: OperationCaller;

  constructor(options: ClientOptions) {
    this.url = parseBaseUrl(options.url);
    const token = options.token === undefined ? undefined : parseToken(options.token);
    this.#caller = new OperationCaller(this.url, token, {
      // Taken at each call and called on nothing: browsers insist on that, and tests may replace the global.
      fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
      clock: options.clock ?? systemClock,
      random: options.random ?? systemRandom,
      retry: { ...defaultRetryPolicy, ...options.retry },
    });
    this.jobs = new JobsApi(this.#caller);
    this.artifacts = new ArtifactsApi(this.#caller);
    this.workers = new WorkersApi(this.#caller);
    this.workerTokens = new WorkerTokensApi(this.#caller);
    this.storage = new StorageApi(this.#caller);
  }

  /** Any operation that speaks JSON, by its id: for those without a method of their own. */
  async call<Id extends JsonOperationId>(id: Id, input: CallInput<Id>): Promise<CallOutput<Id>> {
    return this.#caller.call(id, input);
  }
}
