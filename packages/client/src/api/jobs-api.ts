import {
  AppError,
  type CreateJob,
  type EventInput,
  type FinishFields,
  type Job,
  type JobCategory,
  type JobEvent,
  type JobHint,
  type JobStatus,
  type Why,
} from '@proofhouse/core';
import { eachItem, type CallOptions, type CallOutput, type Page } from '../transport/call.ts';
import {
  followEvents,
  followHints,
  readEvents,
  writtenEvents,
  type EventPage,
  type EventRange,
} from '../job-events.ts';
import type { OperationCaller, StreamOptions } from '../transport/operation-caller.ts';

export interface JobFilter {
  readonly status?: JobStatus | undefined;
  readonly type?: string | undefined;
  readonly category?: JobCategory | undefined;
  /** Largest number of jobs in one page. */
  readonly limit?: number | undefined;
}

export interface Claim {
  readonly leaseSeconds?: number | undefined;
  /** Job types that this claim accepts. Default: every type that the credential allows. */
  readonly allowedTypes?: string[] | undefined;
  readonly workerCapabilities?: string[] | undefined;
  /** Longest time in seconds that the server holds the claim open while no job is claimable (long poll). */
  readonly waitSeconds?: number | undefined;
  readonly workerId?: string | undefined;
}

export interface ClaimOptions extends CallOptions {
  /**
   * Called for each job in the server's answer that the claim does not return. Such a job exceeds `maxJobs`, or has no
   * lease id. The second case occurs after a retried claim, if the lease of the job has ended meanwhile.
   */
  readonly onLeftOut?: ((jobId: string) => void) | undefined;
}

/** One item of `completeMany`: the completion of one job. */
export interface Completion extends FinishFields {
  readonly jobId: string;
  readonly lease: string;
  readonly resultSummary?: string | undefined;
}

/** The result of one item of `completeMany`: the completed job, or the problem document of the refused item. */
export type CompletionResult = CallOutput<'completeJobs'>['results'][number];

/**
 * An event that the holder of the lease appends to the log of the job. Meant for milestones. The output of a command
 * does not belong here.
 */
export type JobNote = Pick<EventInput, 'message'> & {
  readonly level?: EventInput['level'] | undefined;
  readonly payload?: Readonly<Record<string, unknown>> | undefined;
};

/** A claimed job. Every call that writes to the job needs its `leaseId`. */
export type ClaimedJob = Job & { readonly leaseId: string };

export class JobsApi {
  readonly #caller: OperationCaller;

  constructor(caller: OperationCaller) {
    this.#caller = caller;
  }

  async create(job: CreateJob, options: CallOptions = {}): Promise<Job> {
    return this.#caller.call('createJob', { body: job, ...options });
  }

  /**
   * Creates up to 100 jobs in one commit: all of them or none. An error names the item by its index, such as
   * `items.3.type`.
   */
  async createMany(
    jobs: readonly CreateJob[],
    options: CallOptions = {},
  ): Promise<CallOutput<'createJobs'>['results']> {
    return (await this.#caller.call('createJobs', { body: { items: [...jobs] }, ...options })).results;
  }

  /** Returns one page of jobs, newest first. A worker's token lists only the jobs that the worker holds or created. */
  async list(
    filter: JobFilter & { readonly cursor?: string | undefined } = {},
    options: CallOptions = {},
  ): Promise<CallOutput<'listJobs'>> {
    return this.#caller.call('listJobs', { query: filter, ...options });
  }

  /** Yields every job that matches `filter`. Requests the next page only when the caller needs it. */
  each(filter: JobFilter = {}, options: CallOptions = {}): AsyncGenerator<Job, void, undefined> {
    return eachItem((cursor) => this.list({ ...filter, cursor }, options));
  }

  async get(jobId: string, options: CallOptions = {}): Promise<Job> {
    return this.#caller.call('getJob', { params: { jobId }, ...options });
  }

  /** Claims one job. Returns undefined if no job within the scope was claimable within `waitSeconds`. */
  async claim(claim: Claim = {}, { onLeftOut, ...options }: ClaimOptions = {}): Promise<ClaimedJob | undefined> {
    const answer = await this.#caller.call('claimJob', { body: claim, ...options }, waitMsOf(claim));
    if (!('job' in answer)) throw new AppError('unsupported', 'The server answered many jobs where one was asked for.');
    return answer.job === null ? undefined : held([answer.job], onLeftOut)[0];
  }

  /**
   * Claims up to `maxJobs` jobs (at most 100). Returns an empty list if no job within the scope was claimable within
   * `waitSeconds`.
   */
  async claimMany(
    claim: Claim & { readonly maxJobs: number },
    { onLeftOut, ...options }: ClaimOptions = {},
  ): Promise<ClaimedJob[]> {
    const answer = await this.#caller.call('claimJob', { body: claim, ...options }, waitMsOf(claim));
    if (!('jobs' in answer))
      throw new AppError('unsupported', 'The server answered one job where many were asked for.');
    // An incorrect answer may contain a job twice, or more than `maxJobs` jobs. Both are removed here. The worker does
    // not start the jobs beyond `maxJobs`, so their leases expire.
    const jobs = [...new Map(answer.jobs.map((job) => [job.id, job])).values()];
    for (const { id } of jobs.slice(claim.maxJobs)) onLeftOut?.(id);
    return held(jobs.slice(0, claim.maxJobs), onLeftOut);
  }

  /**
   * Renews the lease until `leaseSeconds` from now. If the returned job has `cancelRequestedAt`, its cancellation was
   * requested, and the caller must stop its work.
   */
  async heartbeat(jobId: string, lease: string, leaseSeconds: number, options: CallOptions = {}): Promise<Job> {
    return this.#caller.call('heartbeatJob', { params: { jobId }, body: { leaseSeconds }, ...options, lease });
  }

  async complete(
    jobId: string,
    lease: string,
    result: { readonly resultSummary?: string | undefined } & FinishFields = {},
    options: CallOptions = {},
  ): Promise<Job> {
    return this.#caller.call('completeJob', { params: { jobId }, body: result, ...options, lease });
  }

  async fail(
    jobId: string,
    lease: string,
    failure: { readonly errorMessage: string; readonly retryable?: boolean | undefined } & FinishFields,
    options: CallOptions = {},
  ): Promise<Job> {
    return this.#caller.call('failJob', { params: { jobId }, body: failure, ...options, lease });
  }

  /** Completes up to 100 jobs. Each item succeeds or fails independently of the others. */
  async completeMany(completions: readonly Completion[], options: CallOptions = {}): Promise<CompletionResult[]> {
    const items = completions.map(({ lease, ...completion }) => ({ ...completion, leaseId: lease }));
    return (await this.#caller.call('completeJobs', { body: { items }, ...options })).results;
  }

  /**
   * Cancels a queued job at once. For a running job, requests that the holder of the lease stops. If a job is cancelled
   * several times, the server keeps the reason of the first call.
   */
  async cancel(
    jobId: string,
    request: { readonly reason?: string | undefined } = {},
    options: CallOptions = {},
  ): Promise<Job> {
    return this.#caller.call('cancelJob', { params: { jobId }, body: request, ...options });
  }

  /** Reports that the holder of the lease has stopped its work after a cancel request. The job becomes cancelled. */
  async ack(
    jobId: string,
    lease: string,
    end: { readonly message?: string | undefined } & FinishFields = {},
    options: CallOptions = {},
  ): Promise<Job> {
    return this.#caller.call('ackCancel', { params: { jobId }, body: end, ...options, lease });
  }

  /**
   * Returns a failed or dead-lettered job to the queue. The call is never retried after a lost answer, because the job
   * may have run and failed again meanwhile.
   */
  async retry(jobId: string, options: CallOptions = {}): Promise<Job> {
    return this.#caller.call('retryJob', { params: { jobId }, ...options });
  }

  /** Returns the reasons why a job waits in the queue, and the workers that are closest to its requirements. */
  async why(jobId: string, options: CallOptions = {}): Promise<Why> {
    return this.#caller.call('explainJob', { params: { jobId }, ...options });
  }

  /** Appends one event, or up to 100 events with consecutive numbers, to the log of the job. */
  async note(
    jobId: string,
    lease: string,
    notes: JobNote | readonly JobNote[],
    options: CallOptions = {},
  ): Promise<JobEvent[]> {
    const body = isList(notes) ? { events: notes.map((one) => ({ ...one })) } : { ...notes };
    return (await this.#caller.call('appendEvents', { params: { jobId }, body, ...options, lease })).events;
  }

  /**
   * Returns one page of the log, oldest first. `nextCursor` is the `after` of the next page. It is null only if the job
   * is in a final state and its log was read to the end. With `sort: 'desc'` the page is newest first, and `nextCursor`
   * is the `before` of the next page.
   */
  async events(jobId: string, range: EventPage = {}, options: CallOptions = {}): Promise<Page<JobEvent>> {
    return readEvents(this.#caller, jobId, range, options);
  }

  /** Yields the events that exist now, oldest first. */
  eachEvent(
    jobId: string,
    range: EventRange = {},
    options: CallOptions = {},
  ): AsyncGenerator<JobEvent, void, undefined> {
    return writtenEvents(this.#caller, jobId, range, options);
  }

  /**
   * Yields every event once and in order, including events that are added later. Ends when the job is in a final state
   * and its log was read to the end. The stream is reopened after an interruption. Throws errors that a retry cannot
   * repair, such as `job_not_found`.
   */
  followEvents(
    jobId: string,
    options: StreamOptions & { readonly after?: number | undefined } = {},
  ): AsyncGenerator<JobEvent, void, undefined> {
    return followEvents(this.#caller, jobId, options);
  }

  /**
   * Yields hints without end. A hint says that a job has changed. The first item is `look-again`: the caller must read
   * its list of jobs again. `look-again` is repeated whenever hints may have been missed.
   */
  followHints(options: StreamOptions = {}): AsyncGenerator<JobHint | 'look-again', void, undefined> {
    return followHints(this.#caller, options);
  }
}

function waitMsOf(claim: Claim): number {
  return (claim.waitSeconds ?? 0) * 1000;
}

// Returns only the jobs that have a lease id. Without a lease id a caller cannot write to a job. Such a job has no
// lease now, or another worker holds the lease.
function held(jobs: readonly Job[], onLeftOut: ClaimOptions['onLeftOut']): ClaimedJob[] {
  return jobs.flatMap((job) => {
    const { leaseId } = job;
    if (leaseId !== undefined) return [{ ...job, leaseId }];
    onLeftOut?.(job.id);
    return [];
  });
}

// Replaces `Array.isArray`, whose type does not keep `readonly`.
function isList(notes: JobNote | readonly JobNote[]): notes is readonly JobNote[] {
  return Array.isArray(notes);
}
