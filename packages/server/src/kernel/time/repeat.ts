import type { Clock } from './clock.ts';
import type { Logger } from '../logger.ts';

/**
 * Runs `task` periodically. Each run starts `everyMs` after the end of the last one. A failure is logged, and later
 * runs still take place. The returned function stops the runs, and resolves when the current run has ended.
 */
export function repeat(
  clock: Clock,
  everyMs: number,
  logger: Logger,
  task: () => Promise<unknown>,
): () => Promise<void> {
  let stopped = false;
  let running: Promise<void> = Promise.resolve();
  const turn = async (): Promise<void> => {
    try {
      await task();
    } catch (error) {
      logger.error({ err: error }, 'background work failed; it will be tried again');
    }
    if (!stopped) plan();
  };
  let cancel = (): void => undefined;
  const plan = (): void => {
    cancel = clock.after(everyMs, () => {
      running = turn();
    });
  };
  plan();
  return async () => {
    stopped = true;
    cancel();
    await running;
  };
}
