export type ByteStream = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * The bytes of an upload. A function must return a new stream of the same bytes for each try, so that the upload can be
 * retried. A stream object can be sent only once, so its upload cannot be retried.
 */
export type ByteSource = Uint8Array | Blob | string | StreamSource;
export type StreamSource = ByteStream | (() => ByteStream | Promise<ByteStream>);

export interface BodyHooks {
  readonly onBytes: (count: number) => void;
  readonly onError: (error: unknown) => void;
}

export function isReplayable(source: ByteSource): boolean {
  return isWhole(source) || typeof source === 'function';
}

/** Returns the size in bytes of a source in memory. Returns undefined for a stream. */
export function sizeOf(source: ByteSource): number | undefined {
  if (typeof source === 'string') return new TextEncoder().encode(source).length;
  if (source instanceof Uint8Array) return source.byteLength;
  return source instanceof Blob ? source.size : undefined;
}

/**
 * Returns the body for `fetch`. Bytes in memory are sent as they are, because not every browser can send streams. For a
 * stream, `hooks.onBytes` is called with the length of each chunk that `fetch` reads.
 */
export async function openBody(source: ByteSource, hooks: BodyHooks): Promise<BodyInit> {
  // A string is encoded here. For a string, fetch would set the content type text/plain, and the server could not
  // derive a better type from the artifact name.
  if (typeof source === 'string') return new TextEncoder().encode(source);
  if (isWhole(source)) return source as BodyInit;
  const reader = await readerOf(source);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.next();
        if (done === true) {
          controller.close();
          return;
        }
        hooks.onBytes(value.byteLength);
        controller.enqueue(value);
      } catch (error) {
        hooks.onError(error);
        throw error;
      }
    },
    cancel: () => reader.stop(),
  });
}

export function isWhole(source: ByteSource): source is Uint8Array | Blob | string {
  return typeof source === 'string' || source instanceof Uint8Array || source instanceof Blob;
}

interface PieceReader {
  next(): Promise<{ readonly done?: boolean | undefined; readonly value: Uint8Array }>;
  stop(): Promise<void>;
}

/** Opens a stream and yields its chunks. If the consumer stops early, the stream is closed. */
export async function* piecesOf(source: StreamSource): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = await readerOf(source);
  let ended = false;
  try {
    for (let next = await reader.next(); next.done !== true; next = await reader.next()) yield next.value;
    ended = true;
  } finally {
    if (!ended) await reader.stop();
  }
}

// Not every browser can iterate over a ReadableStream with `for await`. So ReadableStream and AsyncIterable have
// separate readers.
async function readerOf(source: StreamSource): Promise<PieceReader> {
  const stream = typeof source === 'function' ? await source() : source;
  if (stream instanceof ReadableStream) {
    const reader = stream.getReader();
    return {
      next: async () => (await reader.read()) as { done: boolean; value: Uint8Array },
      stop: () => reader.cancel(),
    };
  }
  const iterator = stream[Symbol.asyncIterator]();
  return {
    next: () => iterator.next(),
    stop: async () => {
      await iterator.return?.();
    },
  };
}
