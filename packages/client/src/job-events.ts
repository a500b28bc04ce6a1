import type { JobEvent, JobHint } from '@proofhouse/core';
import type { CallOptions, Page } from './transport/call.ts';
import type { OperationCaller, StreamOptions } from './transport/operation-caller.ts';
import { parseAnswer } from './transport/read-answer.ts';

/** Selects events of a job by their number. */
export interface EventRange {
  /** Selects events with a larger number. It is usually the number of the last event that was read. */
  readonly after?: number | undefined;
  /** Largest number of events in one page. */
  readonly limit?: number | undefined;
}

/** Selects one page of the log of a job. */
export interface EventPage extends EventRange {
  /** Selects events with a smaller number. */
  readonly before?: number | undefined;
  /**
   * Order of the events. Default: `asc`. With `desc`, the newest event is first, and `nextCursor` is the `before` of
   * the next page.
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

// Yields the events that exist now. While a job is unfinished, even the last page of its log has a next cursor. So an
// empty page also ends the iteration.
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
    // A stream ends after the last event of an ended job, but also when the server stops. Only for an ended job, the
    // next cursor of the log is null.
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
