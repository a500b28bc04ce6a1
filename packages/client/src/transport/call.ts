import {
  AppError,
  type CallOf,
  type Operation,
  type OperationId,
  type Operations,
  type OutputOf,
} from '@proofhouse/core';

/** Options of every call. */
export interface CallOptions {
  /** The lease id of the job to which the call writes. */
  readonly lease?: string | undefined;
  /**
   * The idempotency key of the call. Default: a generated key, if the operation accepts one. A caller that wants to
   * retry the call from another process must choose the key.
   */
  readonly idempotencyKey?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Time limit of the whole call, including its retries, in milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** Largest number of tries. Default: `tries` of the client's retry policy. */
  readonly tries?: number | undefined;
}

/** Operations whose input is JSON or empty and whose answer is JSON or empty. */
export type JsonOperationId = {
  [Id in OperationId]: Operations[Id]['response'] extends 'json' | 'none'
    ? Operations[Id]['request'] extends 'bytes' | 'multipart'
      ? never
      : Id
    : never;
}[OperationId];

/** Operations whose answer is the bytes of an artifact. */
export type BytesOperationId = {
  [Id in OperationId]: Operations[Id]['response'] extends 'bytes' ? Id : never;
}[OperationId];

/** Operations whose answer is a stream of Server-Sent Events. */
export type StreamOperationId = {
  [Id in OperationId]: Operations[Id]['response'] extends 'sse' ? Id : never;
}[OperationId];

/** One part of the input: params, query or body. It may be omitted if it has no required field. */
type Part<Name extends string, Value> =
  Record<string, never> extends Value ? Readonly<Partial<Record<Name, Value>>> : Readonly<Record<Name, Value>>;

type InputParts<O extends Operation> = Part<'params', CallOf<O>['params']> &
  Part<'query', CallOf<O>['query']> &
  Part<'body', CallOf<O>['body']>;

export type CallInput<Id extends OperationId> = InputParts<Operations[Id]> & CallOptions;
export type CallOutput<Id extends OperationId> = OutputOf<Operations[Id]>;

/** One page of a list. Any page may have few items or none. The list ends only if `nextCursor` is null. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}

/** Yields every item of a list. Requests the next page only when the consumer needs it. */
export async function* eachItem<Item>(
  list: (cursor: string | undefined) => Promise<Page<Item>>,
): AsyncGenerator<Item, void, undefined> {
  let cursor: string | null | undefined;
  do {
    const page = await list(cursor ?? undefined);
    yield* page.items;
    requireProgress(cursor, page.nextCursor);
    cursor = page.nextCursor;
  } while (cursor !== null);
}

/**
 * Throws `unsupported` if the next cursor of a page is the cursor with which the page was read. Such a list would never
 * end.
 */
export function requireProgress(cursor: string | null | undefined, next: string | null): void {
  if (next === null || next !== cursor) return;
  throw new AppError(
    'unsupported',
    'The server answers a list that does not end: its next page is the same page again.',
  );
}
