import { AppError, type CreateJob, type Job, type JobStatus } from '@proofhouse/core';
import { eachItem, type CallOptions, type Page } from './call.ts';
import type { OperationCaller } from './operation-caller.ts';

export interface JobFilter {
  readonly status?: JobStatus | undefined;
  readonly type?: string | undefined;
  readonly category?: 'manifest' | 'work' | undefined;
  /** Of one page. */
  readonly limit?: number | undefined;
}

export interface Claim {
  readonly leaseSeconds?: number | undefined;
  /** Left out: every type the credential allows. */
  readonly allowedTypes?: string[] | undefined;
  readonly workerCapabilities?: string[] | undefined;
  /** How long the server may wait for a job to come in. */
  readonly waitSeconds?: number | undefined;
  readonly workerId?: string | undefined;
}

/** A job in the hands of its claimer: the lease goes with everything it writes. */
export type ClaimedJob = Job & { readonly leaseId: string };

export class JobsApi {
  readonly #caller: OperationCaller;

  constructor(caller: OperationCaller) {
    this.#caller = caller;
  }

  async create(job: CreateJob, options: CallOptions = {}): Promise<Job> {
    return this.#caller.call('createJob', { body: job, ...options });
  }

  /** Newest first. */
  async list(
    filter: JobFilter & { readonly cursor?: string | undefined } = {},
    options: CallOptions = {},
  ): Promise<Page<Job>> {
    return this.#caller.call('listJobs', { query: filter, ...options });
  }

  /** Every job that matches, page after page. */
  each(filter: JobFilter = {}, options: CallOptions = {}): AsyncGenerator<Job, void, undefined> {
    return eachItem((cursor) => this.list({ ...filter, cursor }, options));
  }

  async get(jobId: string, options: CallOptions = {}): Promise<Job> {
    return this.#caller.call('getJob', { params: { jobId }, ...options });
  }

  /** Undefined when nothing eligible came in while the server waited. */
  async claim(claim: Claim = {}, options: CallOptions = {}): Promise<ClaimedJob | undefined> {
    const waitMs = (claim.waitSeconds ?? 0) * 1000;
    const { job } = await this.#caller.call('claimJob', { body: claim, ...options }, waitMs);
    if (job === null) return undefined;
    if (job.leaseId === undefined)
      throw new AppError('unsupported', `The server gave job ${job.id} without its lease.`);
    return { ...job, leaseId: job.leaseId };
  }

  /** Renews the lease to now plus `leaseSeconds`; `cancelRequestedAt` of the answer tells whether to stop. */
  async heartbeat(jobId: string, lease: string, leaseSeconds: number, options: CallOptions = {}): Promise<Job> {
    return this.#caller.call('heartbeatJob', { params: { jobId }, body: { leaseSeconds }, ...options, lease });
  }

  async complete(
    jobId: string,
    lease: string,
    result: { readonly resultSummary?: string | undefined } = {},
    options: CallOptions = {},
  ): Promise<Job> {
    return this.#caller.call('completeJob', { params: { jobId }, body: result, ...options, lease });
  }

  async fail(
    jobId: string,
    lease: string,
    failure: { readonly errorMessage: string; readonly retryable?: boolean | undefined },
    options: CallOptions = {},
  ): Promise<Job> {
    return this.#caller.call('failJob', { params: { jobId }, body: failure, ...options, lease });
  }
}
