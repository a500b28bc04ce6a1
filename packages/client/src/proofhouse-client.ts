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
  /** Base URL of the server; may have a base path: `https://host/work`. */
  readonly url: string;
  /**
   * The token of a worker, an operator or the admin, bare or after the name of its principal (`wkr_…:<token>`). Never part
   * of an error or of a printed client.
   */
  readonly token?: string | undefined;
  /** The principal of a bare token, which /v0 requires: `admin`, or the id of a worker. */
  readonly principal?: string | undefined;
  /** The default experiment of calls. */
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
 * A client for every operation of a Proofhouse server, typed by core's operations table. Runs in browsers and on Node 20
 * and later. Failures are thrown as `AppError`, except the caller's own abort, which is thrown as the signal's reason.
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
      // Read at each call and called without a receiver: browsers require that, and tests may replace the global.
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

  /** Workers, groups and deposits of an experiment; of the client's experiment when none is given. */
  experiment(experimentId: string | undefined = this.#experimentId): ExperimentApi {
    if (experimentId !== undefined) return new ExperimentApi(this.#caller, experimentId);
    throw new AppError('invalid_request', 'Name the experiment, in the call or when the client is made.', {
      errors: [{ path: 'experimentId', message: 'is missing' }],
    });
  }

  /** Deposits bytes: the answer has the URI under which permitted readers fetch them. */
  async depositArtifact(
    bytes: ByteSource,
    { experimentId, ...options }: DepositOptions & OfExperiment = {},
  ): Promise<DepositedArtifact> {
    return this.experiment(experimentId).deposit(bytes, options);
  }

  /**
   * The bytes of a deposit; `uri` unchanged, as the deposit returned it. Resolves when the headers have arrived; read the
   * body to its end.
   */
  async fetchArtifact(uri: string, { experimentId, ...options }: CallOptions & OfExperiment = {}): Promise<Download> {
    return this.experiment(experimentId).fetch(uri, options);
  }

  /** Calls any operation with JSON input and output by its id, also those without a method. */
  async call<Id extends JsonOperationId>(id: Id, input: CallInput<Id>): Promise<CallOutput<Id>> {
    return this.#caller.call(id, input);
  }
}
