import { availableParallelism } from 'node:os';
import { ThreadPool, threadScript } from '../kernel/thread-pool.ts';
import type { Clock } from '../kernel/time/clock.ts';
import type { TextEncoding } from './text-encoding.ts';
import type { ScannedText, ScanOptions } from './text-scan.ts';

export interface SecretThreadData extends ScanOptions {
  readonly niceness: number;
}

type Chunks = readonly Uint8Array<ArrayBuffer>[];

/**
 * A request to a thread. `scan` identifies the scan of one content: the request `begin` starts it, the later requests
 * continue it.
 */
export type SecretRequest =
  | { readonly kind: 'texts'; readonly texts: readonly string[] }
  | { readonly kind: 'begin'; readonly scan: number; readonly encoding: TextEncoding; readonly chunks: Chunks }
  | { readonly kind: 'write'; readonly scan: number; readonly chunks: Chunks }
  | { readonly kind: 'end'; readonly scan: number; readonly isCutShort: boolean }
  | { readonly kind: 'abort'; readonly scan: number };

/** The answers to the requests, see `TextScan`. */
export interface SecretAnswer {
  readonly texts: readonly ScannedText[];
  readonly begin: boolean;
  readonly write: boolean;
  readonly end: ScannedText | undefined;
  readonly abort: undefined;
}

export interface SecretThreadsParts extends ScanOptions {
  readonly clock: Clock;
  /** Number of threads. Default: the number of processors minus one, at least 1 and at most 4. */
  readonly threads?: number;
  /** Path of the script of the threads. Tests replace it by a script that fails. */
  readonly script?: string;
}

/**
 * Niceness of the threads. It gives the event loop priority over the scans, as in `scan-thread.ts`. It is not larger,
 * because an upload would then wait long for its scan while all processors are busy.
 */
const niceness = 5;

/**
 * Threads that scan text for secrets. All chunks of one content go to one thread, which keeps the state of its scan
 * between them. Each request is a session of its own, so a slow upload does not occupy a thread between its chunks. If
 * a thread ends, the scans whose state it kept fail with `unavailable`.
 */
export class SecretThreads {
  readonly #pools: readonly { readonly pool: ThreadPool; open: number }[];
  #lastScan = 0;

  constructor({ clock, confirmed, threads, script }: SecretThreadsParts) {
    const workerData: SecretThreadData = { confirmed, niceness };
    const parts = { script: script ?? threadScript(import.meta, 'secret-thread'), workerData, subject: 'secret scan' };
    const count = threads ?? Math.min(4, Math.max(1, availableParallelism() - 1));
    this.#pools = Array.from({ length: count }, () => ({
      pool: new ThreadPool({ ...parts, mostThreads: 1, clock }),
      open: 0,
    }));
  }

  /** Scans texts in one request. Errors: `unavailable`. */
  async texts(texts: readonly string[]): Promise<readonly ScannedText[]> {
    const row = this.#leastUsed();
    row.open += 1;
    try {
      return await ask(row.pool, { kind: 'texts', texts });
    } finally {
      row.open -= 1;
    }
  }

  /** Starts the scan of one content. The caller must call `end` or `abort` of the result exactly once. */
  begin(encoding: TextEncoding): ThreadScan {
    const row = this.#leastUsed();
    row.open += 1;
    this.#lastScan += 1;
    return new ThreadScan(row.pool, this.#lastScan, encoding, () => {
      row.open -= 1;
    });
  }

  /** Fails all scans with `unavailable`. Resolves when all threads have ended. */
  async close(): Promise<void> {
    await Promise.all(this.#pools.map(({ pool }) => pool.close()));
  }

  #leastUsed(): { readonly pool: ThreadPool; open: number } {
    return this.#pools.reduce((least, row) => (row.open < least.open ? row : least));
  }
}

/** The scan of one content in a thread. Only one call may be pending at a time. */
export class ThreadScan {
  readonly #pool: ThreadPool;
  readonly #id: number;
  readonly #encoding: TextEncoding;
  readonly #onEnd: () => void;
  #isBegun = false;

  constructor(pool: ThreadPool, id: number, encoding: TextEncoding, onEnd: () => void) {
    this.#pool = pool;
    this.#id = id;
    this.#encoding = encoding;
    this.#onEnd = onEnd;
  }

  /**
   * Passes the chunks to the thread, which then owns their memory. Returns false if the content is not valid in its
   * encoding. Errors: `unavailable`.
   */
  async write(chunks: Chunks): Promise<boolean> {
    const buffers = chunks.map(({ buffer }) => buffer);
    const scan = this.#id;
    if (this.#isBegun) return ask(this.#pool, { kind: 'write', scan, chunks }, buffers);
    this.#isBegun = true;
    return ask(this.#pool, { kind: 'begin', scan, encoding: this.#encoding, chunks }, buffers);
  }

  /** Ends the scan and returns its result; see `TextScan.end`. Errors: `unavailable`. */
  async end(isCutShort: boolean): Promise<ScannedText | undefined> {
    this.#onEnd();
    return ask(this.#pool, { kind: 'end', scan: this.#id, isCutShort });
  }

  /** Releases the state of the scan. */
  abort(): void {
    this.#onEnd();
    // The error is ignored. It means that the thread has ended, and with it the state of the scan.
    ask(this.#pool, { kind: 'abort', scan: this.#id }).catch(() => undefined);
  }
}

async function ask<Kind extends SecretRequest['kind']>(
  pool: ThreadPool,
  request: SecretRequest & { readonly kind: Kind },
  transfer: readonly ArrayBuffer[] = [],
): Promise<SecretAnswer[Kind]> {
  return (await pool.run((send) => send(request, transfer))) as SecretAnswer[Kind];
}
