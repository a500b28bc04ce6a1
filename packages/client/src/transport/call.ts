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
  /** The fencing token of the job to write to. */
  readonly lease?: string | undefined;
  /** Default: generated where the operation takes a key. Pass your own to retry a call across processes. */
  readonly idempotencyKey?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for the whole call, including retries. */
  readonly timeoutMs?: number | undefined;
  /** Number of tries, instead of the client's policy. */
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

/** Operations that answer the bytes of an artifact. */
export type BytesOperationId = {
  [Id in OperationId]: Operations[Id]['response'] extends 'bytes' ? Id : never;
}[OperationId];

/** Operations that answer a stream of Server-Sent Events. */
export type StreamOperationId = {
  [Id in OperationId]: Operations[Id]['response'] extends 'sse' ? Id : never;
}[OperationId];

/** Parts without a required field may be left out. */
type Part<Name extends string, Value> =
  Record<string, never> extends Value ? Readonly<Partial<Record<Name, Value>>> : Readonly<Record<Name, Value>>;

type InputParts<O extends Operation> = Part<'params', CallOf<O>['params']> &
  Part<'query', CallOf<O>['query']> &
  Part<'body', CallOf<O>['body']>;

export type CallInput<Id extends OperationId> = InputParts<Operations[Id]> & CallOptions;
export type CallOutput<Id extends OperationId> = OutputOf<Operations[Id]>;

/** One page of a list. Only a null cursor ends it: a page may be short, even empty. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}

/** Iterates over a list to its end, item by item. */
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

/** Refuses a page whose next cursor is its own, which would be read forever. Errors: `unsupported`. */
export function requireProgress(cursor: string | null | undefined, next: string | null): void {
  if (next === null || next !== cursor) return;
  throw new AppError(
    'unsupported',
    'The server answers a list that does not end: its next page is the same page again.',
  );
}
