import { availableParallelism } from 'node:os';
import type { TextEncoding } from '@proofhouse/core';
import { ThreadPool, threadScript } from '../kernel/thread-pool.ts';
import type { Clock } from '../kernel/time/clock.ts';
import type { ContentSlices, SecretAnswer, SecretRequest, ThreadResult, WholeText } from './secret-requests.ts';
import type { ScanOptions } from './text-scan.ts';

export interface SecretThreadData extends ScanOptions {
  readonly niceness: number;
}

export interface SecretThreadsParts extends ScanOptions {
  readonly clock: Clock;
  /** Number of threads. Default: the number of processors minus one, at least 1 and at most 4. */
  readonly threads?: number;
  /** Path of the script of the threads. Tests use another script, which fails. */
  readonly script?: string | undefined;
}

/**
 * Niceness of the threads. It gives the event loop priority over the scans, as in `scan-thread.ts`. With a larger
 * value, an upload would wait long for its scan while all processors are busy.
 */
const niceness = 5;

/**
 * A thread that gives no answer for this time (ms) is ended. A request normally runs for about 20 ms, but all
 * processors may be busy, and a thread also needs time to start.
 */
export const longestAnswerMs = 30_000;

/**
 * Threads that scan text for secrets. All chunks of one content go to the same thread, which keeps the state of the
 * scan between them. Each request is a session of its own. So a slow upload does not occupy a thread between its
 * chunks. A long request is interrupted and continued in a later session, so the scans of a thread share it fairly. If
 * a thread ends, or is ended because it gives no answer, its scans fail with `unavailable`.
 */
export class SecretThreads {
  readonly #pools: readonly { readonly pool: ThreadPool; open: number }[];
  #lastScan = 0;

  constructor({ clock, confirmed, threads, script }: SecretThreadsParts) {
    const workerData: SecretThreadData = { confirmed, niceness };
    const parts = {
      script: script ?? threadScript(import.meta, 'secret-thread'),
      workerData,
      subject: 'secret scan',
      longestAnswerMs,
    };
    const count = threads ?? Math.min(4, Math.max(1, availableParallelism() - 1));
    this.#pools = Array.from({ length: count }, () => ({
      pool: new ThreadPool({ ...parts, mostThreads: 1, clock }),
      open: 0,
    }));
  }

  /** Scans texts. Errors: `unavailable`. */
  async texts(texts: readonly WholeText[], { confirmed }: ScanOptions): Promise<readonly ThreadResult[]> {
    const row = this.#leastUsed();
    row.open += 1;
    this.#lastScan += 1;
    const request = { kind: 'texts', scan: this.#lastScan, texts, confirmed } as const;
    try {
      return (await ask(row.pool, request)) as readonly ThreadResult[];
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

  /** Makes all scans fail with `unavailable`. Resolves when all threads have ended. */
  async close(): Promise<void> {
    await Promise.all(this.#pools.map(({ pool }) => pool.close()));
  }

  #leastUsed(): { readonly pool: ThreadPool; open: number } {
    return this.#pools.reduce((least, row) => (row.open < least.open ? row : least));
  }
}

/** The scan of one content in a thread. The caller must await each call before the next one. */
export class ThreadScan {
  readonly #pool: ThreadPool;
  readonly #id: number;
  readonly #encoding: TextEncoding;
  readonly #onEnd: () => void;
  #isBegun = false;
  #isAborted = false;

  constructor(pool: ThreadPool, id: number, encoding: TextEncoding, onEnd: () => void) {
    this.#pool = pool;
    this.#id = id;
    this.#encoding = encoding;
    this.#onEnd = onEnd;
  }

  /** Passes the chunks to the thread, which then owns their memory. Errors: `unavailable`. */
  async write(chunks: ContentSlices): Promise<void> {
    const buffers = chunks.map(({ buffer }) => buffer);
    const scan = this.#id;
    const request: SecretRequest = this.#isBegun
      ? { kind: 'write', scan, chunks }
      : { kind: 'begin', scan, encoding: this.#encoding, chunks };
    this.#isBegun = true;
    await ask(this.#pool, request, buffers, () => this.#isAborted);
  }

  /** Ends the scan and returns its result. Errors: `unavailable`. */
  async end(isCutShort: boolean): Promise<ThreadResult> {
    this.#onEnd();
    return (await ask(this.#pool, { kind: 'end', scan: this.#id, isCutShort })) as ThreadResult;
  }

  /** Releases the state of the scan. */
  abort(): void {
    this.#isAborted = true;
    this.#onEnd();
    // The error is ignored. It means that the thread has ended, so the state of the scan no longer exists.
    ask(this.#pool, { kind: 'abort', scan: this.#id }).catch(() => undefined);
  }
}

/**
 * Sends a request. Then sends requests to continue it, until it is finished or the scan is aborted. In between, the
 * thread runs other scans.
 */
async function ask(
  pool: ThreadPool,
  request: SecretRequest,
  transfer: readonly ArrayBuffer[] = [],
  isAborted: () => boolean = () => false,
): Promise<SecretAnswer['value']> {
  let answer = (await pool.run((send) => send(request, transfer))) as SecretAnswer;
  while (!answer.isFinished && !isAborted()) {
    answer = (await pool.run((send) => send({ kind: 'continue', scan: request.scan }))) as SecretAnswer;
  }
  return answer.value;
}
