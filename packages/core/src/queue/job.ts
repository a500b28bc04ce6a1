import { z } from 'zod';
import { jobStatuses, type JobStatus } from './job-status.ts';
import { finishFields, jobFinishSchema, type JobFinish } from './job-finish.ts';
import { capabilitiesSchema, type JobPayload } from './job-payload.ts';
import { jobCategories, type JobCategory, type JobType } from './job-types.ts';
import { problemSchema } from '../problem.ts';
import { refusedField } from '../values/refused-fields.ts';
import { textSchema, timeSchema, utf8Bytes, uuidSchema } from '../values/wire-values.ts';

/** Bytes of UTF-8. */
export const maxSummaryBytes = 8 * 1024;
export const defaultLeaseSeconds = 120;
/** A day: longer leases only hide dead workers. */
export const maxLeaseSeconds = 86_400;

/**
 * A unit of queued work as the stores keep it. Times are epoch milliseconds. `null` is absence.
 */
export interface JobRecord {
  readonly id: string;
  readonly type: string;
  /** The category of the type when the job was made. */
  readonly category: JobCategory;
  readonly status: JobStatus;
  /** Higher runs first. */
  readonly priority: number;
  readonly payload: JobPayload;
  /** Lower case, in the order in which they were given, without repeats; a claim needs all of them. */
  readonly requiredCapabilities: readonly string[];
  /** `payload.repository`, when it is a string: credentials can be limited to repositories. */
  readonly repository: string | null;
  readonly affinityKey: string | null;
  readonly createdBy: string;
  /** Null until tasks and bundles exist. */
  readonly taskId: string | null;
  readonly bundleId: string | null;
  readonly parentJobId: string | null;
  /** Name of the registered manifest that the job runs; null for other jobs. */
  readonly manifestName: string | null;
  /** Who holds the job while it runs; afterwards who held it last. */
  readonly lastClaimedBy: string | null;
  /** The fencing token of the present lease, or of the last one after the end. */
  readonly leaseId: string | null;
  readonly leaseExpiresAt: number | null;
  /** Not claimable before this time: `notBefore`, or the end of a retry's delay. */
  readonly nextAttemptAt: number | null;
  /** Counts from 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** Of the newest attempt that was claimed, as `errorMessage` and `finish`: each claim clears them; the events keep earlier ones. */
  readonly resultSummary: string | null;
  readonly errorMessage: string | null;
  readonly finish: JobFinish | null;
  readonly cancelRequestedAt: number | null;
  readonly cancelRequestedBy: string | null;
  readonly cancelReason: string | null;
  /** First claim; set once. */
  readonly startedAt: number | null;
  /** When the present attempt was claimed; null while the job waits for it. */
  readonly attemptStartedAt: number | null;
  readonly finishedAt: number | null;
  /** The call by which the holder ended the lease, so that its repetition can be answered alike. */
  readonly endedBy: WorkerEnding | null;
  /** How many events its log has: the sequence number of the last one. */
  readonly lastSeq: number;
  /** From 1; raised by every write of the stored job, so that an equal version means an unchanged job. */
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** How a holder gives a job back. */
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
    // Of tasks and bundles, which are not part of this version: who sends them is told so.
    taskId: z.string().nullish().meta(refusedField),
    bundleId: z.string().nullish().meta(refusedField),
    notBefore: timeSchema.nullish(),
    idempotencyKey: textSchema(1, 255).nullish(),
  })
  .meta({ id: 'CreateJob' });
export type CreateJob = z.input<typeof createJobSchema>;

export const maxJobsPerBatch = 100;

const batchItems = z.array(createJobSchema).min(1).max(maxJobsPerBatch);

/** Many jobs in one commit: all of them are made, or none. `jobs` is another name of `items`. */
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

/** Fields every worker call may carry beside its own; the lease belongs in the `Proofhouse-Lease` header. */
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

/** The reason a person gives for cancelling; it must fit into the payload of an event. */
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

/** Many ends at once. Each item is decided by itself; one that fails does not hold the others back. */
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

export const completeBatchResultSchema = z
  .object({
    results: z.array(
      z.union([z.object({ jobId: z.string(), job: jobSchema }), z.object({ jobId: z.string(), error: problemSchema })]),
    ),
  })
  .meta({ id: 'CompleteBatchResult' });

/** The worker that holds the job; null when nobody does. */
export function holderOfJob({ status, lastClaimedBy }: Pick<JobRecord, 'status' | 'lastClaimedBy'>): string | null {
  return status === 'running' ? lastClaimedBy : null;
}

/** JSON of a job for answers. `showLease` must be true for the holder only; `type` is the row of the job's type. */
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
    createdBy: job.createdBy,
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
    cancelRequestedAt: time(job.cancelRequestedAt),
    cancelRequestedBy: job.cancelRequestedBy,
    cancelReason: job.cancelReason,
    startedAt: time(job.startedAt),
    attemptStartedAt: time(job.attemptStartedAt),
    finishedAt: time(job.finishedAt),
    createdAt: new Date(job.createdAt).toISOString(),
    updatedAt: new Date(job.updatedAt).toISOString(),
  };
}
