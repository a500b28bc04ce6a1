import {
  AppError,
  eventCursorSchema,
  finalStatuses,
  jobEventToJson,
  type JobEventRecord,
  type JobRecord,
} from '@proofhouse/core';
import { followHints } from '../../jobs/hint-feed.ts';
import type { JobHints } from '../../jobs/job-hints.ts';
import type { JobLog } from '../../jobs/job-log.ts';
import type { Jobs } from '../../jobs/jobs.ts';
import type { Clock } from '../../kernel/time/clock.ts';
import { waitSignalOf } from '../../calls/abort-signal.ts';
import { sendEventStream, type StreamItem } from '../event-stream.ts';
import type { Handlers, HttpCall } from '../operation-route.ts';
import { holderFrom } from './jobs.ts';

export interface JobEventParts {
  readonly jobs: Jobs;
  readonly log: JobLog;
  readonly hints: JobHints;
  readonly clock: Clock;
  /** Aborts when the server stops. All event streams then end, so that clients reconnect to another server. */
  readonly stopping: AbortSignal;
}

type EventOperations = 'appendEvents' | 'listEvents' | 'streamEvents' | 'streamHints';

/**
 * Returns the handlers for the events of jobs. They append events to a job whose lease the caller holds, list the
 * events of a job, and send events and hints as streams.
 */
export function jobEventHandlers(parts: JobEventParts): Pick<Handlers, EventOperations> {
  const { jobs, log, hints, clock } = parts;
  return {
    appendEvents: async ({ principal, params, body, leaseId, idempotencyKey }) => {
      const { events, message = '', level = 'info', payload } = body;
      const inputs = events ?? [{ level, message, payload }];
      const noted = await jobs.note(holderFrom(principal, body, leaseId), params.jobId, inputs, idempotencyKey);
      const answer = { events: noted.events.map((event) => show(event, noted)) };
      return noted.created ? { body: answer } : { status: 200, body: answer };
    },
    listEvents: async ({ principal, params, query }) => {
      const job = await jobs.get(principal, params.jobId);
      const { items, nextCursor } = await log.read(job, query);
      return { body: { items: items.map((event) => show(event, job)), nextCursor } };
    },
    streamEvents: async (call) => {
      const job = await jobs.get(call.principal, call.params.jobId);
      const seen = lastEventId(call);
      const after = seen ?? call.query.after;
      // The client has received the last event of an ended job, and reconnects because its stream has ended. The status
      // 204 makes an EventSource stop (WHATWG HTML, "Server-sent events").
      if (seen !== undefined && seen >= job.lastSeq && finalStatuses.includes(job.status)) {
        return call.reply.code(204).send();
      }
      const followed = log.follow(job.id, after, signalOf(call, parts));
      return sendEventStream(call.reply, eventItems(call, jobs, job, followed), parts.stopping);
    },
    streamHints: async (call) => {
      const followed = followHints(hints, clock, signalOf(call, parts));
      return sendEventStream(call.reply, hintItems(call, followed), parts.stopping);
    },
  };
}

async function* eventItems(
  call: HttpCall<'streamEvents'>,
  jobs: Jobs,
  job: JobRecord,
  followed: AsyncIterable<JobEventRecord | 'keep-alive'>,
): AsyncGenerator<StreamItem> {
  for await (const item of followed) {
    if (item === 'keep-alive') {
      if (!(await stillAllowed(call, () => jobs.get(call.principal, job.id)))) return;
      yield 'keep-alive';
    } else {
      yield { id: String(item.seq), event: item.kind, data: show(item, job) };
    }
  }
}

async function* hintItems(
  call: HttpCall<'streamHints'>,
  followed: ReturnType<typeof followHints>,
): AsyncGenerator<StreamItem> {
  for await (const item of followed) {
    if (item === 'keep-alive') {
      if (!(await stillAllowed(call, () => Promise.resolve()))) return;
      yield 'keep-alive';
    } else if (item === 'overflow') {
      yield { event: 'much', data: {} };
    } else {
      yield { event: 'hint', data: { jobId: item.jobId, seq: item.seq, status: item.status } };
    }
  }
}

/**
 * Returns false if the stream must end: the credential was revoked, the caller may no longer read the job, or a check
 * failed for another reason.
 */
async function stillAllowed(
  call: { reauthenticate: () => Promise<void> },
  mayRead: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await call.reauthenticate();
    await mayRead();
    return true;
  } catch {
    return false;
  }
}

function lastEventId(call: HttpCall<'streamEvents'>): number | undefined {
  const header = call.request.headers['last-event-id'];
  if (header === undefined || header === '') return undefined;
  const parsed = eventCursorSchema.safeParse(header);
  if (!parsed.success)
    throw new AppError('invalid_cursor', 'Last-Event-ID must be the number of an event of this job.');
  return parsed.data;
}

function signalOf(call: Pick<HttpCall<'streamHints'>, 'reply'>, parts: JobEventParts): AbortSignal {
  return AbortSignal.any([waitSignalOf(call.reply), parts.stopping]);
}

function show(event: JobEventRecord, job: Pick<JobRecord, 'category'>) {
  return jobEventToJson(event, job.category);
}
