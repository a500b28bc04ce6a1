import { repeat } from '../kernel/time/repeat.ts';
import type { BackgroundTask } from './area.ts';
import type { SharedServices } from './shared-services.ts';

/** Starts the background tasks. Returns a function that stops them and resolves when running ones have ended. */
export function startBackground(
  { clock, logger }: Pick<SharedServices, 'clock' | 'logger'>,
  tasks: readonly BackgroundTask[],
): () => Promise<void> {
  const stops = tasks.map(({ everyMs, run }) => repeat(clock, everyMs, logger, run));
  return async () => {
    await Promise.all(stops.map((stop) => stop()));
  };
}
