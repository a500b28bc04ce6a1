import type { Clock } from '../kernel/time/clock.ts';
import type { Hint, HintOrOverflow, JobHints } from './job-hints.ts';
import { keepAliveMs } from './job-log.ts';

/** Largest number of jobs for which hints wait for a slow reader. If there are more, the reader receives `overflow`. */
const maxPending = 1000;

/**
 * Yields every hint, and `keep-alive` every `keepAliveMs`, until `signal` aborts. For a slow reader, only the newest
 * hint of each job is kept. If hints of more than `maxPending` jobs are pending, the reader receives `overflow` instead
 * of them.
 */
export async function* followHints(
  hints: JobHints,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<HintOrOverflow | 'keep-alive'> {
  const pending = new Map<string, Hint>();
  let overflow = false as boolean;
  let wake = (): void => undefined;
  let proveAt = clock.monotonic() + keepAliveMs;
  const unsubscribe = hints.onAny((hint) => {
    if (hint === 'overflow' || (pending.size >= maxPending && !pending.has(hint.jobId))) overflow = true;
    else pending.set(hint.jobId, hint);
    wake();
  });
  try {
    while (!signal.aborted) {
      if (clock.monotonic() >= proveAt) {
        yield 'keep-alive';
        proveAt = clock.monotonic() + keepAliveMs;
      }
      if (overflow) {
        overflow = false;
        pending.clear();
        yield 'overflow';
      }
      for (const [jobId, hint] of pending) {
        pending.delete(jobId);
        yield hint;
        if (clock.monotonic() >= proveAt) break;
      }
      await new Promise<void>((settle) => {
        const done = (): void => {
          cancel();
          signal.removeEventListener('abort', done);
          settle();
        };
        const cancel = clock.after(proveAt - clock.monotonic(), done);
        wake = done;
        signal.addEventListener('abort', done);
        if (signal.aborted || overflow || pending.size > 0) done();
      });
    }
  } finally {
    unsubscribe();
  }
}
