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
  /** Of one page. */
  readonly limit?: number | undefined;
}

export interface Claim {
  readonly leaseSeconds?: number | undefined;
  /** Default: every type that the credential allows. */
  readonly allowedTypes?: string[] | undefined;
  readonly workerCapabilities?: string[] | undefined;
  /** Seconds that the server may wait for a job. */
  readonly waitSeconds?: number | undefined;
  readonly workerId?: string | undefined;
}

export interface ClaimOptions extends CallOptions {
  /** Called for each job that came without a lease: a repeated claim may name jobs whose lease has ended. */
  readonly onLeftOut?: ((jobId: string) => void) | undefined;
}

/** One of several jobs that are completed in one call. */
export interface Completion extends FinishFields {
  readonly jobId: string;
  readonly lease: string;
  readonly resultSummary?: string | undefined;
}

/** The completed job, or the problem. */
export type CompletionResult = CallOutput<'completeJobs'>['results'][number];

/** An event that a holder appends to the log of its job: milestones, never a command's output. */
export type JobNote = Pick<EventInput, 'message'> & {
  readonly level?: EventInput['level'] | undefined;
  readonly payload?: Readonly<Record<string, unknown>> | undefined;
};

/** A claimed job: every write to it needs the lease. */
export type ClaimedJob = Job & { readonly leaseId: string };

export class JobsApi {
  readonly #caller: OperationCaller;

  constructor(caller: OperationCaller) {
    this.#caller = caller;
  }

  async create(job: CreateJob, options: CallOptions = {}): Promise<Job> {
    return this.#caller.call('createJob', { body: job, ...options });
  }

  /** Up to 100 in one commit: all of them or none. Errors name the item, such as `items.3.type`. */
  async createMany(
    jobs: readonly CreateJob[],
    options: CallOptions = {},
  ): Promise<CallOutput<'createJobs'>['results']> {
    return (await this.#caller.call('createJobs', { body: { items: [...jobs] }, ...options })).results;
  }

  /** Newest first; with a worker's token only jobs that it holds or created. */
  async list(
    filter: JobFilter & { readonly cursor?: string | undefined } = {},
    options: CallOptions = {},
  ): Promise<CallOutput<'listJobs'>> {
    return this.#caller.call('listJobs', { query: filter, ...options });
  }

  /** Iterates over every job that matches, page by page. */
  each(filter: JobFilter = {}, options: CallOptions = {}): AsyncGenerator<Job, void, undefined> {
    return eachItem((cursor) => this.list({ ...filter, cursor }, options));
  }

  async get(jobId: string, options: CallOptions = {}): Promise<Job> {
    return this.#caller.call('getJob', { params: { jobId }, ...options });
  }

  /** Undefined when no eligible job arrived while the server waited. */
  async claim(claim: Claim = {}, { onLeftOut, ...options }: ClaimOptions = {}): Promise<ClaimedJob | undefined> {
    const answer = await this.#caller.call('claimJob', { body: claim, ...options }, waitMsOf(claim));
    if (!('job' in answer)) throw new AppError('unsupported', 'The server answered many jobs where one was asked for.');
    return answer.job === null ? undefined : held([answer.job], onLeftOut)[0];
  }

  /** Up to `maxJobs` (100 at most) at once; none when no eligible job arrived while the server waited. */
  async claimMany(
    claim: Claim & { readonly maxJobs: number },
    { onLeftOut, ...options }: ClaimOptions = {},
  ): Promise<ClaimedJob[]> {
    const answer = await this.#caller.call('claimJob', { body: claim, ...options }, waitMsOf(claim));
    if (!('jobs' in answer))
      throw new AppError('unsupported', 'The server answered one job where many were asked for.');
    // Duplicates are dropped, and so are jobs beyond the requested number: they are not started, and their leases end.
    const jobs = [...new Map(answer.jobs.map((job) => [job.id, job])).values()];
    for (const { id } of jobs.slice(claim.maxJobs)) onLeftOut?.(id);
    return held(jobs.slice(0, claim.maxJobs), onLeftOut);
  }

  /**
   * Renews the lease to now plus `leaseSeconds`; `cancelRequestedAt` of the answer is set when the job is to be stopped.
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

  /** Completes up to 100 jobs. Each is decided by itself: a refused one does not affect the others. */
  async completeMany(completions: readonly Completion[], options: CallOptions = {}): Promise<CompletionResult[]> {
    const items = completions.map(({ lease, ...completion }) => ({ ...completion, leaseId: lease }));
    return (await this.#caller.call('completeJobs', { body: { items }, ...options })).results;
  }

  /** A queued job is cancelled at once; the holder of a running one is asked to stop. The first reason is kept. */
  async cancel(
    jobId: string,
    request: { readonly reason?: string | undefined } = {},
    options: CallOptions = {},
  ): Promise<Job> {
    return this.#caller.call('cancelJob', { params: { jobId }, body: request, ...options });
  }

  /** The holder acknowledges a requested cancellation: it has stopped, and the job is cancelled. */
  async ack(
    jobId: string,
    lease: string,
    end: { readonly message?: string | undefined } & FinishFields = {},
    options: CallOptions = {},
  ): Promise<Job> {
    return this.#caller.call('ackCancel', { params: { jobId }, body: end, ...options, lease });
  }

  /** Puts a failed or dead-lettered job back into the queue. Not retried: the job may have failed again in between. */
  async retry(jobId: string, options: CallOptions = {}): Promise<Job> {
    return this.#caller.call('retryJob', { params: { jobId }, ...options });
  }

  /** Why a job waits, and which workers nearly match. */
  async why(jobId: string, options: CallOptions = {}): Promise<Why> {
    return this.#caller.call('explainJob', { params: { jobId }, ...options });
  }

  /** Appends to the job's log: one event, or up to 100 that are numbered together. */
  async note(
    jobId: string,
    lease: string,
    notes: JobNote | readonly JobNote[],
    options: CallOptions = {},
  ): Promise<JobEvent[]> {
    const body = isList(notes) ? { events: notes.map((one) => ({ ...one })) } : { ...notes };
    return (await this.#caller.call('appendEvents', { params: { jobId }, body, ...options, lease })).events;
  }

  /** Oldest first unless `sort` is `desc`. `nextCursor` is the next `after`; null only when the job is final and read to its end. */
  async events(jobId: string, range: EventPage = {}, options: CallOptions = {}): Promise<Page<JobEvent>> {
    return readEvents(this.#caller, jobId, range, options);
  }

  /** Every event up to now. */
  eachEvent(
    jobId: string,
    range: EventRange = {},
    options: CallOptions = {},
  ): AsyncGenerator<JobEvent, void, undefined> {
    return writtenEvents(this.#caller, jobId, range, options);
  }

  /**
   * Every event, including future ones, each once and in order; ends when the job is final and its log was read to the end.
   * The stream is reopened after an interruption. Throws errors that a retry cannot repair, such as `job_not_found`.
   */
  followEvents(
    jobId: string,
    options: StreamOptions & { readonly after?: number | undefined } = {},
  ): AsyncGenerator<JobEvent, void, undefined> {
    return followEvents(this.#caller, jobId, options);
  }

  /**
   * Iterates over hints of changed jobs, without end. `look-again` comes first, and whenever hints may have been missed:
   * reload the list, then continue.
   */
  followHints(options: StreamOptions = {}): AsyncGenerator<JobHint | 'look-again', void, undefined> {
    return followHints(this.#caller, options);
  }
}

function waitMsOf(claim: Claim): number {
  return (claim.waitSeconds ?? 0) * 1000;
}

// A job without a lease cannot be written to: another worker or no one holds it.
function held(jobs: readonly Job[], onLeftOut: ClaimOptions['onLeftOut']): ClaimedJob[] {
  return jobs.flatMap((job) => {
    const { leaseId } = job;
    if (leaseId !== undefined) return [{ ...job, leaseId }];
    onLeftOut?.(job.id);
    return [];
  });
}

// The type of Array.isArray loses `readonly`.
function isList(notes: JobNote | readonly JobNote[]): notes is readonly JobNote[] {
  return Array.isArray(notes);
}
