import type { ChunkObserver } from '@proofhouse/blobs';
import { headBytes, textEncodingOf, type SecretSet, type TextEncoding, type UnscannedReason } from '@proofhouse/core';
import type { ThreadResult } from './secret-requests.ts';
import type { SecretThreads, ThreadScan } from './secret-threads.ts';
import { TextScan, type ScannedText, type ScanOptions, type TextScanResult } from './text-scan.ts';

/** Only this number of bytes at the beginning of a content is scanned. */
export const scannedBytes = 16 * 1024 * 1024;

/**
 * A content of at most this number of bytes is scanned on the event loop. This takes less than a millisecond, also for
 * text on which the rules are slow. A longer content is scanned in a thread.
 */
export const inlineBytes = 4 * 1024;

/** Largest number of bytes that one request sends to a thread. */
const requestBytes = 1024 * 1024;

/** The position at which a scan ended before the end of the content, and the reason. */
interface Unread {
  readonly fromByte: number;
  readonly reason: UnscannedReason;
}

/** The result of the scan of one content. */
export interface ScannedContent extends ScannedText {
  /** Present if the content is text and not all of it was scanned. */
  readonly unscanned?: Unread;
}

export const nothingFound: ScannedText = { secrets: [], omitted: 0 };

/**
 * Counts the bytes of all uploads that wait to be scanned. Above the limit, uploads wait until their bytes are scanned.
 */
export class Backlog {
  readonly #mostBytes: number;
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  get isFull(): boolean {
    return this.#bytes > this.#mostBytes;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
  }
}

export interface ContentScanParts extends ScanOptions {
  readonly set: SecretSet;
  readonly threads: SecretThreads;
  readonly backlog: Backlog;
  /** Called when a thread failed. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Scans the bytes of an upload for secrets while they are staged. Content of up to `inlineBytes` is scanned in the
 * calling thread, and longer content in another thread. Binary content is recognized by its first bytes and not
 * scanned. The upload waits for its scan only at its end, or when the backlog (bytes of all uploads that wait to be
 * scanned) is full.
 */
export class ContentScan implements ChunkObserver {
  readonly #parts: ContentScanParts;
  /**
   * `head`: the first bytes are being collected, and the encoding is not known. `text`: the bytes are scanned. `over`:
   * no further bytes are scanned.
   */
  #state: 'head' | 'text' | 'over' = 'head';
  #head: Uint8Array[] = [];
  #receivedBytes = 0;
  #takenBytes = 0;
  #thread: ThreadScan | undefined;
  #waiting: Uint8Array<ArrayBuffer>[] = [];
  /** The request on which the thread works now. This promise never rejects. */
  #request: Promise<void> | undefined;
  #unscanned: Unread | undefined;

  constructor(parts: ContentScanParts) {
    this.#parts = parts;
  }

  observe(chunk: Uint8Array): void | Promise<void> {
    this.#receivedBytes += chunk.length;
    if (this.#state === 'over' || this.#takenBytes >= scannedBytes) return;
    const taken = new Uint8Array(chunk.subarray(0, scannedBytes - this.#takenBytes));
    this.#takenBytes += taken.length;
    if (this.#state === 'head') {
      this.#head.push(taken);
      if (this.#takenBytes <= headBytes) return;
      this.#decide();
    } else this.#enqueue(taken);
    return this.#parts.backlog.isFull ? this.#request : undefined;
  }

  /**
   * Ends the scan and returns its result for all bytes. Never throws. If the thread failed, the result has the reason
   * `unavailable`. Must be called only once.
   */
  async end(): Promise<ScannedContent> {
    if (this.#state === 'head') return this.#scanHead();
    while (this.#request !== undefined) await this.#request;
    const thread = this.#thread;
    this.#thread = undefined;
    if (thread === undefined || this.#state === 'over') {
      thread?.abort();
      return this.#notScanned();
    }
    const isCutShort = this.#receivedBytes > this.#takenBytes;
    try {
      const result = await thread.end(isCutShort);
      return contentOf(result, isCutShort ? { fromByte: this.#takenBytes, reason: 'size' } : undefined);
    } catch (error) {
      this.#fail(error);
      return this.#notScanned();
    }
  }

  /** Releases the scan of an upload that failed. After `end`, it is a no-op. */
  abort(): void {
    this.#state = 'over';
    this.#drop();
    this.#thread?.abort();
    this.#thread = undefined;
  }

  #notScanned(): ScannedContent {
    return this.#unscanned === undefined ? nothingFound : { ...nothingFound, unscanned: this.#unscanned };
  }

  async #scanHead(): Promise<ScannedContent> {
    this.#state = 'over';
    const bytes = joined(this.#head);
    const encoding = textEncodingOf(bytes);
    if (encoding === undefined) return nothingFound;
    if (bytes.length <= inlineBytes) return contentOf(this.#scanInline(encoding, bytes));
    try {
      const [result] = await this.#parts.threads.texts([{ encoding, bytes }], this.#parts);
      return result === undefined ? nothingFound : contentOf(result);
    } catch (error) {
      this.#fail(error);
      return this.#notScanned();
    }
  }

  #scanInline(encoding: TextEncoding, bytes: Uint8Array): TextScanResult {
    const { set, confirmed } = this.#parts;
    const scan = new TextScan(set, encoding, { confirmed });
    scan.write(bytes);
    return scan.end(false);
  }

  #decide(): void {
    const bytes = joined(this.#head);
    this.#head = [];
    const encoding = textEncodingOf(bytes.subarray(0, headBytes));
    this.#state = encoding === undefined ? 'over' : 'text';
    if (encoding === undefined) return;
    this.#thread = this.#parts.threads.begin(encoding);
    this.#enqueue(bytes);
  }

  #enqueue(bytes: Uint8Array<ArrayBuffer>): void {
    this.#parts.backlog.add(bytes.length);
    this.#waiting.push(bytes);
    if (this.#request === undefined) this.#send();
  }

  #send(): void {
    const thread = this.#thread;
    const chunks = takeUpTo(requestBytes, this.#waiting);
    if (thread === undefined || chunks.length === 0) return;
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
    this.#request = thread
      .write(chunks)
      .catch((error: unknown) => {
        this.#fail(error);
      })
      .then(() => {
        this.#parts.backlog.remove(bytes);
        this.#request = undefined;
        this.#send();
      });
  }

  #fail(error: unknown): void {
    this.#parts.onFailure(error);
    this.#state = 'over';
    this.#unscanned = { fromByte: 0, reason: 'unavailable' };
    this.#drop();
  }

  /** Drops the bytes that were not sent to the thread. */
  #drop(): void {
    this.#head = [];
    this.#parts.backlog.remove(this.#waiting.reduce((sum, { length }) => sum + length, 0));
    this.#waiting = [];
  }
}

/**
 * Converts the result of a scan to the result for the content. Secrets that were found count even if the content was
 * not scanned completely, or is not valid in its encoding. `cut` says where the scan ended before the end of the
 * content.
 */
export function contentOf(
  { secrets, omitted, isValid, isLate = false }: TextScanResult & Partial<ThreadResult>,
  cut?: Unread,
): ScannedContent {
  const reason: UnscannedReason | undefined = isLate ? 'time' : isValid ? undefined : 'encoding';
  const unscanned = reason === undefined ? cut : { fromByte: 0, reason };
  return { secrets, omitted, ...(unscanned === undefined ? {} : { unscanned }) };
}

/** Removes chunks from the beginning of the list: at least one, and not more than fit into `bytes`. */
function takeUpTo(bytes: number, waiting: Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer>[] {
  let sum = 0;
  const end = waiting.findIndex(({ length }, index) => {
    sum += length;
    return index > 0 && sum > bytes;
  });
  return waiting.splice(0, end === -1 ? waiting.length : end);
}

function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const [only] = chunks;
  if (only !== undefined && chunks.length === 1) return only as Uint8Array<ArrayBuffer>;
  const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
