import type { Clock } from '../kernel/time/clock.ts';
import type { Heard, Hint, JobHints } from './job-hints.ts';
import { keepAliveMs } from './job-log.ts';

/** Hints kept for a reader that is slower than the queue; beyond it is told that there was more. */
const mostKept = 1000;

/**
 * Every hint as it comes, and `keep-alive` now and then, until `signal` aborts. Of several hints about one job a slow reader
 * gets the newest; of too many jobs it gets `much`.
 */
export async function* followHints(
  hints: JobHints,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<Heard | 'keep-alive'> {
  const kept = new Map<string, Hint>();
  let much = false as boolean;
  let wake = (): void => undefined;
  let proveAt = clock.monotonic() + keepAliveMs;
  const forget = hints.onAny((heard) => {
    if (heard === 'much' || (kept.size >= mostKept && !kept.has(heard.jobId))) much = true;
    else kept.set(heard.jobId, heard);
    wake();
  });
  try {
    while (!signal.aborted) {
      if (clock.monotonic() >= proveAt) {
        yield 'keep-alive';
        proveAt = clock.monotonic() + keepAliveMs;
      }
      if (much) {
        much = false;
        kept.clear();
        yield 'much';
      }
      for (const [jobId, hint] of kept) {
        kept.delete(jobId);
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
        if (signal.aborted || much || kept.size > 0) done();
      });
    }
  } finally {
    forget();
  }
}
