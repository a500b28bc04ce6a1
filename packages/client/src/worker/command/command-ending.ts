import type { Ending } from '../ending.ts';
import type { CommandEnd } from './run-command.ts';

export interface CommandEndingOptions {
  /** True if cancellation of the job was requested. */
  readonly cancelled: boolean;
  /** True if a job whose command failed may be retried. */
  readonly retryable: boolean;
  /** Time limit of this job in milliseconds. */
  readonly timeoutMs: number | undefined;
}

/**
 * Returns the end of a job, which follows from the end of its command. Losses of evidence are applied later (see
 * `judged`).
 */
export function endingOf(end: CommandEnd, { cancelled, retryable, timeoutMs = 0 }: CommandEndingOptions): Ending {
  if (cancelled && (end.stopped || end.timedOut)) {
    return { outcome: 'cancelled', headline: 'The command was ended: the job is cancelled.', retryable: false };
  }
  if (end.stopped) return { outcome: 'stopped', headline: 'The worker was stopped.', retryable: true };
  if (end.timedOut) {
    const headline = `The command ran for longer than ${timeoutMs / 1000} s and was ended.`;
    return { outcome: 'failed', headline, retryable };
  }
  if (end.startError !== undefined) {
    // ENOENT and EACCES may occur on this machine only. So the failure is retryable, and another machine may run the
    // job.
    const headline = `The command could not be started: ${end.startError.message}`;
    return { outcome: 'failed', headline, retryable: true };
  }
  if (end.signal !== null) return { outcome: 'failed', headline: `The command was ended by ${end.signal}.`, retryable };
  const headline = `The command exited with code ${end.exitCode ?? 'unknown'}.`;
  return { outcome: end.exitCode === 0 ? 'succeeded' : 'failed', headline, retryable };
}
