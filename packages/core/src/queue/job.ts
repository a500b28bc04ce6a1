import { z } from 'zod';
import { jobStatuses, type JobStatus } from './job-status.ts';
import { finishFields, jobFinishSchema, type JobFinish } from './job-finish.ts';
import { capabilitiesSchema, type JobPayload } from './job-payload.ts';
import { jobCategories, type JobCategory, type JobType } from './job-types.ts';
import { problemSchema } from '../problem.ts';
import { refusedField } from '../values/refused-fields.ts';
import { findingsToJson, secretFindingsSchema, type SecretFindings } from '../values/secret-findings.ts';
import { textSchema, timeSchema, utf8Bytes, uuidSchema } from '../values/wire-values.ts';
import { actorToJson } from '../people/actor.ts';

/** Largest result summary, error message or finish summary, in bytes of UTF-8. */
export const maxSummaryBytes = 8 * 1024;
export const defaultLeaseSeconds = 120;
/** Longest lease in seconds: one day. With a longer lease, the end of a worker would be detected too late. */
export const maxLeaseSeconds = 86_400;

/**
 * A unit of queued work as it is stored. Times are in epoch milliseconds. `null` means absent.
 */
export interface JobRecord {
  readonly id: string;
  readonly type: string;
  /** The category that the job type had when the job was created. */
  readonly category: JobCategory;
  readonly status: JobStatus;
  /** Jobs with a higher priority are claimed first. */
  readonly priority: number;
  readonly payload: JobPayload;
  /**
   * Capabilities that a worker needs to claim the job. It needs all of them. They are in lower case, in the given
   * order, without duplicates.
   */
  readonly requiredCapabilities: readonly string[];
  /** The value of `payload.repository`, or null. A credential may be limited to some repositories. */
  readonly repository: string | null;
  readonly affinityKey: string | null;
  readonly createdBy: string;
  /** `taskId` and `bundleId` are null in this version, which has no tasks and bundles. */
  readonly taskId: string | null;
  readonly bundleId: string | null;
  readonly parentJobId: string | null;
  /** Name of the registered manifest that the job runs. Null for other jobs. */
  readonly manifestName: string | null;
  /** Id of the worker that holds the running job. If the job does not run, the id of the worker that held it last. */
  readonly lastClaimedBy: string | null;
  /** Id of the current lease. If the job does not run, the id of its last lease. */
  readonly leaseId: string | null;
  readonly leaseExpiresAt: number | null;
  /** Time before which the job is not claimable. It is `notBefore`, or the end of the delay before a retry. */
  readonly nextAttemptAt: number | null;
  /** Number of the current attempt, counted from 1. While the job is queued, the number of the next attempt. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /**
   * `resultSummary`, `errorMessage` and `finish` are from the last attempt. Each claim sets them to null. The events
   * contain the values of earlier attempts.
   */
  readonly resultSummary: string | null;
  readonly errorMessage: string | null;
  readonly finish: JobFinish | null;
  /** Secrets that the server found in the payload, the events and the other texts of the job. Null if it found none. */
  readonly findings: SecretFindings | null;
  readonly cancelRequestedAt: number | null;
  readonly cancelRequestedBy: string | null;
  readonly cancelReason: string | null;
  /** Time of the first claim. It is set once and never changes. */
  readonly startedAt: number | null;
  /** Time at which the current attempt was claimed; null while the job is queued. */
  readonly attemptStartedAt: number | null;
  readonly finishedAt: number | null;
  /**
   * The call with which a worker ended the last attempt. Stored so that a repetition of the call gets the same answer.
   */
  readonly endedBy: WorkerEnding | null;
  /** Number of events in the log of the job. It is also the sequence number of the newest event. */
  readonly lastSeq: number;
  /** Counted from 1, and raised by every write of the job. So an equal version means an unchanged job. */
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** The fields of a job that was just created: queued, claimable at once, and not claimed yet. */
export const newJobState = {
  status: 'queued',
  lastClaimedBy: null,
  leaseId: null,
  leaseExpiresAt: null,
  nextAttemptAt: null,
  attempt: 1,
  resultSummary: null,
  errorMessage: null,
  finish: null,
  findings: null,
  cancelRequestedAt: null,
  cancelRequestedBy: null,
  cancelReason: null,
  startedAt: null,
  attemptStartedAt: null,
  finishedAt: null,
  endedBy: null,
  // The job's first event (`queued`) has the number 1. The transaction that inserts the job also inserts this event.
  lastSeq: 1,
  version: 1,
} as const satisfies Partial<JobRecord>;

/** The calls with which a worker can end its attempt. */
export type WorkerEnding = 'complete' | 'fail' | 'ack';

export const jobSchema = z
  .object({
    id: uuidSchema,
    type: z.string(),
    category: z.enum(jobCategories),
    status: z.enum(jobStatuses),
    priority: z.int(),
    payload: z.record(z.string(), z.unknown()),
    requiredCapabilities: z.array(z.string()),
    affinityKey: z.string().nullable(),
    taskId: z.string().nullable(),
    bundleId: z.string().nullable(),
    parentJobId: z.string().nullable(),
    manifestName: z.string().nullable().meta({ description: 'The manifest that the job runs; null for other jobs.' }),
    createdBy: z.string(),
    claimedBy: z.string().nullable().meta({ description: 'The worker that holds it; null when nobody does.' }),
    lastClaimedBy: z.string().nullable(),
    leaseId: z.string().optional().meta({ description: 'The fencing token; shown to the holder only.' }),
    leaseExpiresAt: timeSchema.nullable(),
    nextAttemptAt: timeSchema.nullable(),
    attempt: z.int(),
    maxAttempts: z.int(),
    resultSummary: z.string().nullable(),
    errorMessage: z.string().nullable(),
    finish: jobFinishSchema.nullable(),
    findings: secretFindingsSchema.nullable().meta({
      description:
        'Secrets that the server found in the payload, the events and the other texts; null when it found none.',
    }),
    cancelRequestedAt: timeSchema.nullable(),
    cancelRequestedBy: z.string().nullable(),
    cancelReason: z.string().nullable(),
    startedAt: timeSchema.nullable().meta({ description: 'The first claim.' }),
    attemptStartedAt: timeSchema.nullable().meta({ description: 'The claim of the present attempt.' }),
    finishedAt: timeSchema.nullable(),
    createdAt: timeSchema,
    updatedAt: timeSchema,
  })
  .meta({ id: 'Job' });
export type Job = z.infer<typeof jobSchema>;

export const createJobSchema = z
  .strictObject({
    type: z.string(),
    priority: z.int().min(-1_000_000).max(1_000_000).default(0),
    payload: z.record(z.string(), z.unknown()).default({}),
    affinityKey: textSchema(1, 255).nullish(),
    maxAttempts: z.int().min(1).max(1000).default(3),
    requiredCapabilities: capabilitiesSchema.nullish().meta({
      description: 'A worker needs all of them. The list may stand in `payload.requiredCapabilities` instead.',
    }),
    // This version has no tasks and bundles. A request with one of these fields is refused, and the error gives the
    // reason.
    taskId: z.string().nullish().meta(refusedField),
    bundleId: z.string().nullish().meta(refusedField),
    notBefore: timeSchema.nullish(),
    idempotencyKey: textSchema(1, 255).nullish(),
  })
  .meta({ id: 'CreateJob' });
export type CreateJob = z.input<typeof createJobSchema>;

export const maxJobsPerBatch = 100;

const batchItems = z.array(createJobSchema).min(1).max(maxJobsPerBatch);

/** Jobs that are created in one commit, all of them or none. `jobs` is an alias of `items`. */
export const createJobsSchema = z
  .strictObject({ items: batchItems.optional(), jobs: batchItems.optional() })
  .refine(({ items, jobs }) => (items === undefined) !== (jobs === undefined), {
    message: 'send the jobs as one list',
    path: ['items'],
  })
  .meta({ id: 'CreateJobs' });

export const createJobsResultSchema = z
  .object({
    results: z.array(
      z.object({
        jobId: z.string(),
        created: z.boolean().meta({ description: 'False where the idempotency key had made the job before.' }),
        job: jobSchema,
      }),
    ),
  })
  .meta({ id: 'CreateJobsResult' });

export const claimSchema = z
  .strictObject({
    workerId: textSchema(1, 255).nullish(),
    leaseSeconds: z.int().min(1).max(maxLeaseSeconds).default(defaultLeaseSeconds),
    allowedTypes: z.array(z.string()).max(64).nullish(),
    workerCapabilities: capabilitiesSchema.nullish(),
    waitSeconds: z.number().min(0).max(30).default(0),
    maxJobs: z.int().min(1).max(100).optional().meta({
      description: 'Claims up to this many, one by one, and answers `{jobs}`; without it `{job}`.',
    }),
  })
  .meta({ id: 'ClaimJob' });

export const claimedSchema = z.union([z.object({ job: jobSchema.nullable() }), z.object({ jobs: z.array(jobSchema) })]);

/**
 * Body fields of every call that the holder of a job makes. The lease id is usually in the header `Proofhouse-Lease`,
 * but may also be in the body.
 */
const holderFields = { workerId: textSchema(1, 255).nullish(), leaseId: textSchema(1, 255).nullish() };

export const heartbeatSchema = z
  .strictObject({ ...holderFields, leaseSeconds: z.int().min(1).max(maxLeaseSeconds).default(defaultLeaseSeconds) })
  .meta({ id: 'Heartbeat' });
export const completeSchema = z
  .strictObject({ ...holderFields, resultSummary: z.string().nullish(), ...finishFields })
  .meta({ id: 'CompleteJob' });
export const failSchema = z
  .strictObject({ ...holderFields, errorMessage: z.string(), retryable: z.boolean().default(false), ...finishFields })
  .meta({ id: 'FailJob' });

/** A person's or worker's text about a cancellation. It must fit into the payload of an event. */
const reasonSchema = z
  .string()
  .trim()
  .max(2000)
  .refine((text) => utf8Bytes(JSON.stringify(text)) <= 4000, 'must not be longer than 4,000 bytes')
  .nullish();

export const cancelSchema = z.strictObject({ reason: reasonSchema }).meta({ id: 'CancelJob' });
export const ackSchema = z
  .strictObject({ ...holderFields, message: reasonSchema, ...finishFields })
  .meta({ id: 'AckCancel' });

/** Completions of several jobs in one call. Each item succeeds or fails independently of the others. */
export const completeBatchSchema = z
  .strictObject({
    workerId: textSchema(1, 255).nullish(),
    items: z
      .array(
        z.strictObject({
          jobId: z.string(),
          leaseId: textSchema(1, 255),
          resultSummary: z.string().nullish(),
          ...finishFields,
        }),
      )
      .min(1)
      .max(100),
  })
  .meta({ id: 'CompleteBatch' });

const batchedJobsSchema = z
  .array(z.strictObject({ jobId: z.string() }))
  .min(1)
  .max(100);

export const retryBatchSchema = z.strictObject({ items: batchedJobsSchema }).meta({ id: 'RetryBatch' });

export const cancelBatchSchema = cancelSchema.extend({ items: batchedJobsSchema }).meta({ id: 'CancelBatch' });

/** Schema of the results of a batch, in the order of its items. */
export const jobBatchResultSchema = z
  .object({
    results: z.array(
      z.union([z.object({ jobId: z.string(), job: jobSchema }), z.object({ jobId: z.string(), error: problemSchema })]),
    ),
  })
  .meta({ id: 'JobBatchResult' });

/** Returns the id of the worker that holds the job. Returns null if no worker holds it. */
export function holderOfJob({ status, lastClaimedBy }: Pick<JobRecord, 'status' | 'lastClaimedBy'>): string | null {
  return status === 'running' ? lastClaimedBy : null;
}

/**
 * Returns the JSON of a job for answers. If `showLease` is true, it contains the lease id. This must be so only in
 * answers to the worker that holds the job. `type` is the row of the job's type.
 */
export function jobToJson(job: JobRecord, options: { showLease: boolean; type: JobType }): Job {
  const time = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
  return {
    id: job.id,
    type: job.type,
    category: job.category,
    status: job.status,
    priority: job.priority,
    payload: options.type.view(job.payload),
    requiredCapabilities: [...job.requiredCapabilities],
    affinityKey: job.affinityKey,
    taskId: job.taskId,
    bundleId: job.bundleId,
    parentJobId: job.parentJobId,
    manifestName: job.manifestName,
    createdBy: actorToJson(job.createdBy),
    claimedBy: holderOfJob(job),
    lastClaimedBy: job.lastClaimedBy,
    ...(options.showLease && job.status === 'running' && job.leaseId !== null ? { leaseId: job.leaseId } : {}),
    leaseExpiresAt: time(job.leaseExpiresAt),
    nextAttemptAt: time(job.nextAttemptAt),
    attempt: job.attempt,
    maxAttempts: job.maxAttempts,
    resultSummary: job.resultSummary,
    errorMessage: job.errorMessage,
    finish: job.finish === null ? null : { ...job.finish },
    findings: findingsToJson(job.findings),
    cancelRequestedAt: time(job.cancelRequestedAt),
    cancelRequestedBy: job.cancelRequestedBy === null ? null : actorToJson(job.cancelRequestedBy),
    cancelReason: job.cancelReason,
    startedAt: time(job.startedAt),
    attemptStartedAt: time(job.attemptStartedAt),
    finishedAt: time(job.finishedAt),
    createdAt: new Date(job.createdAt).toISOString(),
    updatedAt: new Date(job.updatedAt).toISOString(),
  };
}
