import type { JobEvent, JobHint } from '@proofhouse/core';
import type { CallOptions, Page } from './transport/call.ts';
import type { OperationCaller, StreamOptions } from './transport/operation-caller.ts';
import { parseAnswer } from './transport/read-answer.ts';

/** Selects a part of the log of a job. */
export interface EventRange {
  /** Only events with a larger number: the number of the last event that was read. */
  readonly after?: number | undefined;
  /** Largest number of events in one page. */
  readonly limit?: number | undefined;
}

/** Selects one page of the log of a job. */
export interface EventPage extends EventRange {
  /** Only events with a smaller number. */
  readonly before?: number | undefined;
  /**
   * Order of the events. Default: `asc`. `desc` is newest first: `nextCursor` is then the value of `before` for the next
   * page.
   */
  readonly sort?: 'asc' | 'desc' | undefined;
}

export async function readEvents(
  caller: OperationCaller,
  jobId: string,
  range: EventPage,
  options: CallOptions,
): Promise<Page<JobEvent>> {
  return caller.call('listEvents', { params: { jobId }, query: { ...range }, ...options });
}

// Iterates over the events that exist now. While a job runs, every page of its log has a next cursor, also the last page.
// So the iteration ends at an empty page too.
export async function* writtenEvents(
  caller: OperationCaller,
  jobId: string,
  range: EventRange,
  options: CallOptions,
): AsyncGenerator<JobEvent, void, undefined> {
  let { after } = range;
  for (;;) {
    const { items, nextCursor } = await readEvents(caller, jobId, { ...range, after }, options);
    yield* items;
    after = items.at(-1)?.seq;
    if (after === undefined || nextCursor === null) return;
  }
}

export async function* followEvents(
  caller: OperationCaller,
  jobId: string,
  options: StreamOptions & { readonly after?: number | undefined },
): AsyncGenerator<JobEvent, void, undefined> {
  const { signal, onBroken, after = 0 } = options;
  let seen = after;
  const stream = caller.follow('streamEvents', {
    signal,
    onBroken,
    resume: () => ({
      params: { jobId },
      query: { after },
      headers: seen > after ? { 'last-event-id': String(seen) } : {},
    }),
    // A stream ends after the last event of a final job, and also when the server stops. The next cursor of the log is
    // null only if the job is final.
    ended: async () => (await readEvents(caller, jobId, { after: seen, limit: 1 }, { signal })).nextCursor === null,
  });
  for await (const item of stream) {
    if (item === 'opened') continue;
    const event = parseAnswer('streamEvents', item.data, caller.urlOf('streamEvents'));
    if (event.seq <= seen) continue;
    seen = event.seq;
    yield event;
  }
}

export async function* followHints(
  caller: OperationCaller,
  { signal, onBroken }: StreamOptions,
): AsyncGenerator<JobHint | 'look-again', void, undefined> {
  const stream = caller.follow('streamHints', {
    signal,
    onBroken,
    resume: () => ({}),
    ended: () => Promise.resolve(false),
  });
  for await (const item of stream) {
    if (item === 'opened' || item.event === 'much') yield 'look-again';
    else if (item.event === 'hint') yield parseAnswer('streamHints', item.data, caller.urlOf('streamHints'));
  }
}
