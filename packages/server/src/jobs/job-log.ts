import {
  AppError,
  finalStatuses,
  maxEventMessageBytes,
  maxEventPayloadBytes,
  maxEventsBytes,
  storableText,
  utf8Bytes,
  type EventInput,
  type JobEventDraft,
  type JobEventRecord,
  type JobRecord,
} from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';
import type { JobHints } from './job-hints.ts';
import type { JobStore } from './job-store.ts';

/** A follower looks again this often by itself: hints may be lost. */
const lookAgainMs = 1000;
/**
 * A follower is given `keep-alive` this often, however much else it is given: it proves that the line is alive, and
 * is when the reader's credential is looked at again.
 */
export const keepAliveMs = 15_000;
const batch = 200;
/** Bytes of the events of one page, about. */
const pageBytes = 1024 * 1024;

export interface EventRange {
  /** 0: from the first. */
  readonly after: number;
  readonly before?: number | undefined;
  readonly sort: 'asc' | 'desc';
  readonly limit: number;
}

/** Reading and following what happened to jobs. Who may read is decided before. */
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
   * Events with numbers over `after` and under `before`. Oldest first, `nextCursor` is the next `after`, and null once a final
   * job, or the range, is read to its end; newest first it is the next `before`, and null at the oldest.
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
   * Every event after `after` as it comes, without gaps, and `keep-alive` now and then. Ends after the last event
   * of a final job, or, when `signal` aborts, after the last event that is there. Reads on only when the consumer asks: a slow reader
   * holds nothing up and costs one batch.
   */
  async *follow(jobId: string, after: number, signal: AbortSignal): AsyncGenerator<JobEventRecord | 'keep-alive'> {
    let seq = after;
    let provenAt = this.#clock.monotonic();
    const wake = new Wake(this.#clock, signal);
    const forget = this.#hints.onJob(jobId, () => {
      wake.now();
    });
    try {
      for (;;) {
        if (this.#clock.monotonic() - provenAt >= keepAliveMs) {
          yield 'keep-alive';
          provenAt = this.#clock.monotonic();
        }
        const looked = wake.begin();
        const job = await this.#store.find(jobId);
        if (job === undefined) return;
        if (job.lastSeq > seq) {
          for (const event of await this.#store.events(jobId, seq, batch)) {
            yield event;
            seq = event.seq;
          }
          continue;
        }
        // Only here: what is there already is read to its end.
        if (finalStatuses.includes(job.status) || signal.aborted) return;
        await wake.after(looked, lookAgainMs);
      }
    } finally {
      forget();
    }
  }
}

/** As many events as one page holds; whoever reads on gets the rest. */
function withinPage(events: readonly JobEventRecord[]): readonly JobEventRecord[] {
  let bytes = 0;
  const end = events.findIndex(({ message, payload }, index) => {
    bytes += message.length + (payload === undefined ? 0 : JSON.stringify(payload).length);
    return index > 0 && bytes > pageBytes;
  });
  return end === -1 ? events : events.slice(0, end);
}

/** Remembers a wake that came while nobody slept, so that none is lost between looking and sleeping. */
class Wake {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #count = 0;
  #sleeper: (() => void) | undefined;

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
  }

  begin(): number {
    return this.#count;
  }

  now(): void {
    this.#count += 1;
    this.#sleeper?.();
  }

  /** Sleeps until woken since `looked`, for `ms`, or until the signal. */
  after(looked: number, ms: number): Promise<void> {
    if (this.#count !== looked || this.#signal.aborted) return Promise.resolve();
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

/** What a worker wrote, checked and as it is kept. Throws `invalid_request` naming the event. */
export function noteDrafts(inputs: readonly EventInput[]): JobEventDraft[] {
  if (utf8Bytes(JSON.stringify(inputs)) > maxEventsBytes) throw tooLong('events', maxEventsBytes);
  return inputs.map((input, index) => {
    const at = (field: string): string => (inputs.length === 1 ? field : `events.${String(index)}.${field}`);
    const message = storableText(input.message);
    if (utf8Bytes(message) > maxEventMessageBytes) throw tooLong(at('message'), maxEventMessageBytes);
    const { payload } = input;
    if (payload == null) return { kind: 'note', level: input.level, message };
    if (utf8Bytes(JSON.stringify(payload)) > maxEventPayloadBytes) throw tooLong(at('payload'), maxEventPayloadBytes);
    return { kind: 'note', level: input.level, message, payload };
  });
}

function tooLong(path: string, most: number): AppError {
  const message = `is larger than ${String(most)} bytes; output belongs into the log artifact`;
  return new AppError('invalid_request', `${path}: ${message}.`, { errors: [{ path, message }] });
}
