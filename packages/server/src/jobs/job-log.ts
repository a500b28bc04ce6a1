import {
  AppError,
  finalStatuses,
  fitsBytes,
  maxEventMessageBytes,
  maxEventPayloadBytes,
  maxEventsBytes,
  storableText,
  type EventInput,
  type JobEventDraft,
  type JobEventRecord,
  type JobRecord,
} from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';
import type { JobHints } from './job-hints.ts';
import type { JobStore } from './job-store.ts';

/** Interval in ms at which a follower reads the log even without a hint, because hints may be lost. */
const pollMs = 1000;
/**
 * Interval in ms at which a follower receives `keep-alive`, also while events arrive. It shows that the connection
 * works. At the same time the credential of the reader is checked again.
 */
export const keepAliveMs = 15_000;
const batch = 200;
/** Approximate limit in bytes for one page of events. */
const pageBytes = 1024 * 1024;

export interface EventRange {
  /** Sequence number after which the range begins; 0 begins at the first event. */
  readonly after: number;
  readonly before?: number | undefined;
  readonly sort: 'asc' | 'desc';
  readonly limit: number;
}

/** Reads and follows the events of jobs. The caller must have checked access. */
export class JobLog {
  readonly #store: JobStore;
  readonly #hints: JobHints;
  readonly #clock: Clock;

  constructor(parts: { store: JobStore; hints: JobHints; clock: Clock }) {
    this.#store = parts.store;
    this.#hints = parts.hints;
    this.#clock = parts.clock;
  }

  /**
   * Returns the events whose sequence number is greater than `after` and less than `before`.
   *
   * In ascending order, `nextCursor` is the `after` of the next page. It is null at the end of the range, and after the
   * last event of a job in a final state. In descending order, `nextCursor` is the `before` of the next page. It is
   * null at the oldest event.
   */
  async read(job: JobRecord, query: EventRange) {
    const { after, before, sort, limit } = query;
    if (sort === 'desc') {
      const range = { after, before: before ?? Number.MAX_SAFE_INTEGER, limit };
      const items = withinPage(await this.#store.newestEvents(job.id, range));
      const oldest = items.at(-1)?.seq ?? 0;
      return { items, nextCursor: oldest <= after + 1 ? null : String(oldest) };
    }
    const found = withinPage(await this.#store.events(job.id, after, limit));
    const items = before === undefined ? found : found.filter(({ seq }) => seq < before);
    const read = items.at(-1)?.seq ?? after;
    const ended = finalStatuses.includes(job.status) && read >= job.lastSeq;
    const over = ended || (before !== undefined && read >= before - 1);
    return { items, nextCursor: over ? null : String(read) };
  }

  /**
   * Yields every event after `after`, without gaps, and `keep-alive` every `keepAliveMs`. The generator ends after the
   * last event of a job in a final state. When `signal` aborts, the generator ends after the newest event. It reads the
   * log only when its consumer requests the next item, so a slow consumer needs the memory of only one batch.
   */
  async *follow(jobId: string, after: number, signal: AbortSignal): AsyncGenerator<JobEventRecord | 'keep-alive'> {
    let seq = after;
    let provenAt = this.#clock.monotonic();
    const wake = new Wake(this.#clock, signal);
    const unsubscribe = this.#hints.onJob(jobId, () => {
      wake.now();
    });
    try {
      for (;;) {
        if (this.#clock.monotonic() - provenAt >= keepAliveMs) {
          yield 'keep-alive';
          provenAt = this.#clock.monotonic();
        }
        const version = wake.version;
        const job = await this.#store.find(jobId);
        if (job === undefined) return;
        if (job.lastSeq > seq) {
          for (const event of await this.#store.events(jobId, seq, batch)) {
            yield event;
            seq = event.seq;
          }
          continue;
        }
        // All events that exist at this moment were already yielded.
        if (finalStatuses.includes(job.status) || signal.aborted) return;
        await wake.after(version, pollMs);
      }
    } finally {
      unsubscribe();
    }
  }
}

/** Returns the first events that fit into one page of about `pageBytes`, and at least one event. */
function withinPage(events: readonly JobEventRecord[]): readonly JobEventRecord[] {
  let bytes = 0;
  const end = events.findIndex(({ message, payload }, index) => {
    bytes += message.length + (payload === undefined ? 0 : JSON.stringify(payload).length);
    return index > 0 && bytes > pageBytes;
  });
  return end === -1 ? events : events.slice(0, end);
}

/**
 * Wakes a sleeper, which is the follower of a log. A wake between the read of the follower and its sleep is not lost,
 * because the sleep then ends immediately.
 */
class Wake {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #count = 0;
  #sleeper: (() => void) | undefined;

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
  }

  get version(): number {
    return this.#count;
  }

  now(): void {
    this.#count += 1;
    this.#sleeper?.();
  }

  /**
   * Sleeps until a wake, until `ms` have passed, or until the signal aborts, whichever is first. `version` is an
   * earlier count of wakes. If there was a wake since then, returns at once.
   */
  after(version: number, ms: number): Promise<void> {
    if (this.#count !== version || this.#signal.aborted) return Promise.resolve();
    return new Promise((settle) => {
      const done = (): void => {
        cancel();
        this.#signal.removeEventListener('abort', done);
        this.#sleeper = undefined;
        settle();
      };
      const cancel = this.#clock.after(ms, done);
      this.#sleeper = done;
      this.#signal.addEventListener('abort', done);
    });
  }
}

/**
 * Returns a worker's events as they are stored. Throws `invalid_request` if one message, one payload or all events
 * together are too large. The error names the path of the event.
 */
export function noteDrafts(inputs: readonly EventInput[]): JobEventDraft[] {
  if (!fitsBytes(JSON.stringify(inputs), maxEventsBytes)) throw tooLong('events', maxEventsBytes);
  return inputs.map((input, index) => {
    const at = (field: string): string => (inputs.length === 1 ? field : `events.${String(index)}.${field}`);
    const message = storableText(input.message);
    if (!fitsBytes(message, maxEventMessageBytes)) throw tooLong(at('message'), maxEventMessageBytes);
    const { payload } = input;
    if (payload == null) return { kind: 'note', level: input.level, message };
    if (!fitsBytes(JSON.stringify(payload), maxEventPayloadBytes)) throw tooLong(at('payload'), maxEventPayloadBytes);
    return { kind: 'note', level: input.level, message, payload };
  });
}

function tooLong(path: string, most: number): AppError {
  const message = `is larger than ${String(most)} bytes; output belongs into the log artifact`;
  return new AppError('invalid_request', `${path}: ${message}.`, { errors: [{ path, message }] });
}
