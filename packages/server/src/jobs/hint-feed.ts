import type { Clock } from '../kernel/clock.ts';
import type { Heard, Hint, JobHints } from './job-hints.ts';
import { idleMs } from './job-log.ts';

/** Hints kept for a reader that is slower than the queue; beyond it is told that there was more. */
const mostKept = 1000;

/**
 * Every hint as it comes, and `idle` now and then, until `signal` aborts. Of several hints about one job a slow reader
 * gets the newest; of too many jobs it gets `much`.
 */
export async function* followHints(hints: JobHints, clock: Clock, signal: AbortSignal): AsyncGenerator<Heard | 'idle'> {
  const kept = new Map<string, Hint>();
  let much = false;
  let wake = (): void => undefined;
  const forget = hints.onAny((heard) => {
    if (heard === 'much' || kept.size >= mostKept) much = true;
    else kept.set(heard.jobId, heard);
    wake();
  });
  try {
    while (!signal.aborted) {
      if (much) {
        much = false;
        kept.clear();
        yield 'much';
      }
      for (const [jobId, hint] of kept) {
        kept.delete(jobId);
        yield hint;
      }
      if (kept.size > 0 || much) continue;
      const idle = await new Promise<boolean>((settle) => {
        const done = (isIdle: boolean): void => {
          cancel();
          signal.removeEventListener('abort', stop);
          settle(isIdle);
        };
        const stop = (): void => {
          done(false);
        };
        const cancel = clock.after(idleMs, () => {
          done(true);
        });
        wake = stop;
        signal.addEventListener('abort', stop);
        if (signal.aborted) stop();
      });
      if (idle) yield 'idle';
    }
  } finally {
    forget();
  }
}
