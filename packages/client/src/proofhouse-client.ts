import { AppError } from '@proofhouse/core';
import { ArtifactsApi } from './api/artifacts-api.ts';
import { parseBaseUrl } from './transport/base-url.ts';
import type { ByteSource } from './transport/byte-source.ts';
import type { CallInput, CallOptions, CallOutput, JsonOperationId } from './transport/call.ts';
import { systemClock, type Clock } from './transport/clock.ts';
import { parseCredential } from './transport/credential.ts';
import type { Download } from './download.ts';
import { ExperimentApi, type DepositedArtifact, type DepositOptions } from './api/experiment-api.ts';
import { ExperimentsApi } from './api/experiments-api.ts';
import { JobsApi } from './api/jobs-api.ts';
import { OperationCaller } from './transport/operation-caller.ts';
import { systemRandom, type Random } from './transport/random.ts';
import { defaultRetryPolicy, type RetryPolicy } from './transport/retry-policy.ts';
import { StorageApi } from './api/storage-api.ts';
import { WorkerTokensApi } from './api/worker-tokens-api.ts';
import { WorkersApi } from './api/workers-api.ts';

export interface ClientOptions {
  /** Where the server is; may have a base path: `https://host/work`. */
  readonly url: string;
  /**
   * A worker's, operator's or admin's token, bare or behind the name of whom it speaks for (`wkr_…:<token>`). Never part
   * of an error or of a printed client.
   */
  readonly token?: string | undefined;
  /** Whom a bare token speaks for, which /v0 has to be told: `admin`, or the id of a worker. */
  readonly principal?: string | undefined;
  /** The experiment of calls that name none. */
  readonly experimentId?: string | undefined;
  readonly fetch?: typeof fetch | undefined;
  readonly retry?: Partial<RetryPolicy> | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

interface OfExperiment {
  /** The client's own when left out. */
  readonly experimentId?: string | undefined;
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
  readonly experiments: ExperimentsApi;
  readonly #experimentId: string | undefined;
  readonly #caller: OperationCaller;

  constructor(options: ClientOptions) {
    this.url = parseBaseUrl(options.url);
    const { token, principal, experimentId } = options;
    const credential = token === undefined ? undefined : parseCredential(token, principal);
    this.#experimentId = experimentId;
    this.#caller = new OperationCaller(this.url, credential, {
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
    this.experiments = new ExperimentsApi(this.#caller);
  }

  /** Workers, groups and deposits of an experiment; of the client's own when none is named. */
  experiment(experimentId: string | undefined = this.#experimentId): ExperimentApi {
    if (experimentId !== undefined) return new ExperimentApi(this.#caller, experimentId);
    throw new AppError('invalid_request', 'Name the experiment, in the call or when the client is made.', {
      errors: [{ path: 'experimentId', message: 'is missing' }],
    });
  }

  /** Hands bytes over: the answer has the URI under which whoever may read them fetches them. */
  async depositArtifact(
    bytes: ByteSource,
    { experimentId, ...options }: DepositOptions & OfExperiment = {},
  ): Promise<DepositedArtifact> {
    return this.experiment(experimentId).deposit(bytes, options);
  }

  /** The bytes of a deposit by its URI, given whole. Answers once the headers are in; read the body to its end. */
  async fetchArtifact(uri: string, { experimentId, ...options }: CallOptions & OfExperiment = {}): Promise<Download> {
    return this.experiment(experimentId).fetch(uri, options);
  }

  /** Any operation that speaks JSON, by its id: for those without a method of their own. */
  async call<Id extends JsonOperationId>(id: Id, input: CallInput<Id>): Promise<CallOutput<Id>> {
    return this.#caller.call(id, input);
  }
}
