import { SingleBar } from 'cli-progress';
import type { CommandContext } from '../command-context.ts';
import { bytesText } from './quantities.ts';

export interface TransferProgress {
  update(doneBytes: number, sizeBytes: number): void;
  end(): void;
}

const silent: TransferProgress = { update: () => undefined, end: () => undefined };

/** Returns a progress bar if standard error is a terminal. Otherwise, and for JSON output, prints nothing. */
export function transferProgress(context: CommandContext, label: string, json: boolean): TransferProgress {
  if (json || context.terminal === undefined) return silent;
  const bar = new SingleBar({
    format: `${label} {bar} {percentage}%  {done} of {size}  {eta_formatted}`,
    stream: context.terminal,
    hideCursor: true,
    clearOnComplete: true,
    etaBuffer: 50,
  });
  let started = false;
  return {
    update: (doneBytes, sizeBytes) => {
      const shown = { done: bytesText(doneBytes), size: bytesText(sizeBytes) };
      if (!started) bar.start(Math.max(1, sizeBytes), doneBytes, shown);
      else bar.update(doneBytes, shown);
      started = true;
    },
    end: () => bar.stop(),
  };
}
