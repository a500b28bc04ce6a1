import { AppError } from '@proofhouse/core';
import { ArtifactRecordsApi } from './api/artifact-records-api.ts';
import { ArtifactsApi } from './api/artifacts-api.ts';
import { parseBaseUrl } from './transport/base-url.ts';
import type { ByteSource } from './transport/byte-source.ts';
import type { CallInput, CallOptions, CallOutput, JsonOperationId } from './transport/call.ts';
import { systemClock, type Clock } from './transport/clock.ts';
import { parseCredential, secretsOf } from './transport/credential.ts';
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
  /** Base URL of the server, with an optional base path: `https://host/work`. */
  readonly url: string;
  /**
   * The token of a worker, an operator or the admin: the bare token, or the principal and the token (`wkr_…:<token>`).
   * No error contains the token, and printing the client object does not show it.
   */
  readonly token?: string | undefined;
  /** The principal of a bare token: `admin`, or the id of a worker. Calls of /v0 must name it. Default: `admin`. */
  readonly principal?: string | undefined;
  /** The experiment of calls that name no `experimentId`. */
  readonly experimentId?: string | undefined;
  readonly fetch?: typeof fetch | undefined;
  readonly retry?: Partial<RetryPolicy> | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

interface OfExperiment {
  /** Default: the experiment of the client. */
  readonly experimentId?: string | undefined;
}

/**
 * The client for every operation of a Proofhouse server. Its types come from the operations table of core. It runs in
 * browsers and on Node 20 and later. It throws failures as `AppError`. If the caller aborts a call, it throws the
 * reason of the caller's signal.
 */
export class ProofhouseClient {
  readonly url: string;
  readonly jobs: JobsApi;
  readonly artifacts: ArtifactsApi;
  readonly records: ArtifactRecordsApi;
  readonly workers: WorkersApi;
  readonly workerTokens: WorkerTokensApi;
  readonly storage: StorageApi;
  readonly experiments: ExperimentsApi;
  readonly #experimentId: string | undefined;
  readonly #caller: OperationCaller;
  readonly #secrets: readonly string[];

  constructor(options: ClientOptions) {
    this.url = parseBaseUrl(options.url);
    const { token, principal, experimentId } = options;
    const credential = token === undefined ? undefined : parseCredential(token, principal);
    this.#experimentId = experimentId;
    this.#secrets = credential === undefined ? [] : secretsOf(credential);
    this.#caller = new OperationCaller(this.url, credential, {
      // The global `fetch` is read at each call, because tests may replace it. It is called as a plain function,
      // because browsers throw if it is called as a method of another object.
      fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
      clock: options.clock ?? systemClock,
      random: options.random ?? systemRandom,
      retry: { ...defaultRetryPolicy, ...options.retry },
    });
    this.jobs = new JobsApi(this.#caller);
    this.artifacts = new ArtifactsApi(this.#caller);
    this.records = new ArtifactRecordsApi(this.#caller);
    this.workers = new WorkersApi(this.#caller);
    this.workerTokens = new WorkerTokensApi(this.#caller);
    this.storage = new StorageApi(this.#caller);
    this.experiments = new ExperimentsApi(this.#caller);
  }

  /** The token, and its part after the principal, both of which must be masked. Empty if there is no token. */
  get secrets(): readonly string[] {
    return this.#secrets;
  }

  /**
   * Returns the client of an experiment. Default: the experiment of this client. Throws `invalid_request` if neither is
   * given.
   */
  experiment(experimentId: string | undefined = this.#experimentId): ExperimentApi {
    if (experimentId !== undefined) return new ExperimentApi(this.#caller, experimentId);
    throw new AppError('invalid_request', 'Name the experiment, in the call or when the client is made.', {
      errors: [{ path: 'experimentId', message: 'is missing' }],
    });
  }

  /** Deposits bytes. The answer contains the URI, with which readers with a grant can fetch the bytes. */
  async depositArtifact(
    bytes: ByteSource,
    { experimentId, ...options }: DepositOptions & OfExperiment = {},
  ): Promise<DepositedArtifact> {
    return this.experiment(experimentId).deposit(bytes, options);
  }

  /**
   * Opens the bytes of a deposit. `uri` must be exactly the URI that the deposit returned. Resolves when the headers
   * have arrived. The caller must then read the body to its end or cancel it.
   */
  async fetchArtifact(uri: string, { experimentId, ...options }: CallOptions & OfExperiment = {}): Promise<Download> {
    return this.experiment(experimentId).fetch(uri, options);
  }

  /**
   * Calls an operation by its id. Every operation with JSON input and output can be called, even if it has no method
   * here.
   */
  async call<Id extends JsonOperationId>(id: Id, input: CallInput<Id>): Promise<CallOutput<Id>> {
    return this.#caller.call(id, input);
  }
}
