import { z } from 'zod';
import { jobStatuses } from './job-status.ts';
import { jobCategories, type JobCategory } from './job-types.ts';
import { timeSchema, uuidSchema } from '../values/wire-values.ts';

export const eventLevels = ['info', 'warn', 'error'] as const;
export type EventLevel = (typeof eventLevels)[number];

/** Kinds of events in the log of a job. A worker writes events of the kind `note`; the server writes all others. */
export const eventKinds = [
  'queued',
  'claimed',
  'completed',
  'failed',
  'retry_scheduled',
  'dead_lettered',
  'lease_expired',
  'artifact_uploaded',
  'cancel_requested',
  'cancelled',
  'note',
] as const;
export type EventKind = (typeof eventKinds)[number];

/**
 * An event without a sequence number yet. It must not contain output of a command, which belongs into a log artifact.
 */
export interface JobEventDraft {
  readonly kind: EventKind;
  readonly level: EventLevel;
  /** Text of the event, at most 2 KiB of UTF-8. */
  readonly message: string;
  /** Further data of the event, at most 4 KiB of JSON. */
  readonly payload?: Readonly<Record<string, unknown>>;
}

/** Largest message of an event, in bytes of UTF-8. */
export const maxEventMessageBytes = 2048;
/** Largest payload of an event, in bytes of UTF-8 JSON. */
export const maxEventPayloadBytes = 4096;
export const maxEventsPerCall = 100;
/** Largest total size of the events of one call, in bytes of UTF-8 JSON. */
export const maxEventsBytes = 256 * 1024;

const eventInputSchema = z.strictObject({
  level: z.enum(eventLevels).default('info'),
  message: z.string().min(1),
  payload: z.record(z.string(), z.unknown()).nullish(),
});
export type EventInput = z.output<typeof eventInputSchema>;

/** Body of a call that appends events: one event, or up to 100 events with consecutive numbers. */
export const appendEventsSchema = z
  .strictObject({
    ...eventInputSchema.partial().shape,
    events: z.array(eventInputSchema).min(1).max(maxEventsPerCall).optional(),
    workerId: z.string().nullish(),
    leaseId: z.string().nullish(),
  })
  .refine((body) => (body.events === undefined) !== (body.message === undefined), {
    message: 'send either one event (level, message, payload) or `events`',
    path: ['events'],
  })
  .meta({ id: 'AppendEvents' });

/**
 * A position in the log of a job: the sequence number of the last event that the client has read. 0 means the
 * beginning.
 */
export const eventCursorSchema = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0);

/** A hint that a job changed. Clients must then read the job again, and must not rely on the state in the hint. */
export const jobHintSchema = z
  .object({ jobId: uuidSchema, seq: z.int(), status: z.enum(jobStatuses) })
  .meta({ id: 'JobHint' });
export type JobHint = z.infer<typeof jobHintSchema>;

/** A stored event of a job. `seq` is the number of the event in its job, counted from 1 without gaps. */
export interface JobEventRecord extends JobEventDraft {
  readonly jobId: string;
  readonly seq: number;
  readonly createdAt: number;
}

export const jobEventSchema = z
  .object({
    jobId: uuidSchema,
    seq: z.int(),
    kind: z.enum(eventKinds),
    category: z.enum(jobCategories),
    level: z.enum(eventLevels),
    message: z.string(),
    payload: z.record(z.string(), z.unknown()).optional(),
    createdAt: timeSchema,
  })
  .meta({ id: 'JobEvent' });
export type JobEvent = z.infer<typeof jobEventSchema>;

export function jobEventToJson(event: JobEventRecord, category: JobCategory): JobEvent {
  return {
    jobId: event.jobId,
    seq: event.seq,
    kind: event.kind,
    category,
    level: event.level,
    message: event.message,
    ...(event.payload === undefined ? {} : { payload: { ...event.payload } }),
    createdAt: new Date(event.createdAt).toISOString(),
  };
}
