import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { AppError } from '@proofhouse/core';
import type { FromThread, ToThread } from './serve-thread.ts';
import type { Clock } from './time/clock.ts';

/**
 * Sends one request to the thread of the session and returns the answer. A session may send only one request at a time.
 * Request and answer are structured clones. The buffers in `transfer` are moved and not copied, so the caller can no
 * longer read them.
 */
export type Ask = (request: unknown, transfer?: readonly ArrayBuffer[]) => Promise<unknown>;

export interface ThreadPoolParts {
  /** Path of the thread's script, from `threadScript`. The script must call `serveThread`. */
  readonly script: string;
  readonly workerData: unknown;
  /** Largest number of threads. A thread starts when a session needs it, and lives until `close`. */
  readonly mostThreads: number;
  /** The subject of error messages of the threads, for example `database`. */
  readonly subject: string;
  readonly clock: Clock;
  /**
   * Longest time in milliseconds that a thread may take for one answer, including its start. A thread that takes longer
   * is ended. Default: no limit.
   */
  readonly longestAnswerMs?: number;
  /** Called before a thread starts. If it throws, the caller of `run` gets this error. */
  readonly beforeStart?: () => void;
}

/** If this many threads in succession end without an answer, no thread starts for `restartAfterMs`. */
const mostCrashes = 3;
const restartAfterMs = 60_000;

interface Waiting {
  readonly resolve: (thread: Thread) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A pool of worker threads, for work that would block the event loop. A session uses one thread exclusively until the
 * session ends. So the thread may keep state between the requests of a session, such as a transaction or an iterator.
 * Sessions start in the order of arrival. At most `mostThreads` sessions run and all others wait, so the duration of a
 * session must be bounded.
 *
 * Pure computation, such as parsing or scanning a large text, is a session with one request. It needs its own script,
 * which calls `serveThread`, and a call `pool.run((ask) => ask(text))`.
 *
 * If a thread ends by itself, its session fails with `unavailable`, and the next session gets a new thread. After three
 * threads in succession have ended without an answer, only one thread is started each minute. Other sessions then fail
 * at once.
 */
export class ThreadPool {
  readonly #parts: ThreadPoolParts;
  readonly #threads = new Set<Thread>();
  readonly #idle: Thread[] = [];
  readonly #waiting: Waiting[] = [];
  #crashes = 0;
  #startAgainAt = -Infinity;
  #closed = false;

  constructor(parts: ThreadPoolParts) {
    this.#parts = parts;
  }

  /** Runs a session. Errors: `unavailable` (the thread ended, or the pool is closed), and the errors of the session. */
  async run<Result>(session: (ask: Ask) => Promise<Result>): Promise<Result> {
    const thread = await this.#acquire();
    try {
      return await session(async (request, transfer) => {
        if (this.#closed) throw this.#closedError();
        const answer = await thread.ask(request, transfer);
        this.#crashes = 0;
        return answer;
      });
    } finally {
      this.#release(thread);
    }
  }

  /**
   * Makes all sessions fail with `unavailable`. Resolves when all threads have ended. Each thread first completes its
   * current request.
   */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#closedError());
    await Promise.all([...this.#threads].map((thread) => thread.close(this.#closedError())));
  }

  async #acquire(): Promise<Thread> {
    if (this.#closed) throw this.#closedError();
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle.use();
    if (this.#threads.size < this.#parts.mostThreads) return this.#start();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  #release(thread: Thread): void {
    if (this.#closed) return;
    if (thread.isAlive) {
      thread.endSession();
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(thread.rest());
      else next.resolve(thread);
      return;
    }
    this.#startForWaiting();
  }

  #startForWaiting(): void {
    for (;;) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      try {
        next.resolve(this.#start());
        return;
      } catch (error) {
        next.reject(error);
      }
    }
  }

  #start(): Thread {
    const { script, workerData, subject, clock, longestAnswerMs, beforeStart } = this.#parts;
    if (this.#crashes >= mostCrashes && clock.monotonic() < this.#startAgainAt) {
      throw new AppError(
        'unavailable',
        `Threads that work on the ${subject} end again and again; try again in a minute.`,
      );
    }
    beforeStart?.();
    const worker = new Worker(script, { workerData, name: path.parse(script).name });
    const thread = new Thread(worker, { clock, longestAnswerMs }, (cause) => {
      this.#threads.delete(thread);
      if (this.#idle.includes(thread)) this.#idle.splice(this.#idle.indexOf(thread), 1);
      if (this.#closed) return this.#closedError();
      this.#crashes += 1;
      this.#startAgainAt = clock.monotonic() + restartAfterMs;
      return new AppError('unavailable', `The thread that works on the ${subject} ended; try again.`, { cause });
    });
    this.#threads.add(thread);
    return thread;
  }

  #closedError(): AppError {
    return new AppError('unavailable', `The ${this.#parts.subject} is closed.`);
  }
}

/**
 * Returns the path of a thread's script in the folder of the caller. The script has the file extension of the caller:
 * TypeScript in the repository, JavaScript in a published package.
 */
export function threadScript({ dirname, filename }: ImportMeta, name: string): string {
  return path.join(dirname, `${name}${path.extname(filename)}`);
}

interface AnswerLimit {
  readonly clock: Clock;
  readonly longestAnswerMs: number | undefined;
}

class Thread {
  readonly #worker: Worker;
  readonly #limit: AnswerLimit;
  readonly #ended: Promise<void>;
  #pending: { readonly resolve: (value: unknown) => void; readonly reject: (error: unknown) => void } | undefined;
  /** The error with which all further requests fail. Undefined while the thread accepts requests. */
  #failure: AppError | undefined;
  #cause: unknown;

  /**
   * `onEnd` is called when the thread has ended. It must return the error for the pending request and for all later
   * requests.
   */
  constructor(worker: Worker, limit: AnswerLimit, onEnd: (cause: unknown) => AppError) {
    this.#worker = worker;
    this.#limit = limit;
    worker.on('message', (answer: FromThread) => {
      const pending = this.#pending;
      this.#pending = undefined;
      if ('value' in answer) pending?.resolve(answer.value);
      else pending?.reject(Object.assign(new Error(answer.error.message), { code: answer.error.code }));
    });
    worker.on('error', (error: unknown) => {
      this.#cause = error;
    });
    this.#ended = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#fail(onEnd(this.#cause));
        resolve();
      });
    });
  }

  get isAlive(): boolean {
    return this.#failure === undefined;
  }

  ask(request: unknown, transfer?: readonly ArrayBuffer[]): Promise<unknown> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const { clock, longestAnswerMs } = this.#limit;
    const cancel =
      longestAnswerMs === undefined
        ? undefined
        : clock.after(longestAnswerMs, () => {
            this.#cause = new Error(`The thread gave no answer within ${String(longestAnswerMs)} ms.`);
            void this.#worker.terminate();
          });
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
      this.#post({ kind: 'ask', request }, transfer);
    }).finally(() => cancel?.());
  }

  endSession(): void {
    this.#post({ kind: 'end-session' });
  }

  /** Called when a session starts. From then on the thread keeps the process alive, until `rest` is called. */
  use(): this {
    this.#worker.ref();
    return this;
  }

  rest(): this {
    this.#worker.unref();
    return this;
  }

  async close(error: AppError): Promise<void> {
    this.use();
    this.#fail(error);
    this.#post({ kind: 'close' });
    await this.#ended;
  }

  #fail(error: AppError): void {
    this.#failure ??= error;
    this.#pending?.reject(this.#failure);
    this.#pending = undefined;
  }

  #post(message: ToThread, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }
}
