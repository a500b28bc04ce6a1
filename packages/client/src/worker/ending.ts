import { maxSummaryBytes } from '@proofhouse/core';
import type { JobNote } from '../jobs-api.ts';
import type { CommandEnd } from './command/run-command.ts';
import type { Deposited } from './evidence/deposit.ts';
import { lastLines } from './evidence/log-tail.ts';
import type { JobOutcome, WorkerOptions } from './worker-options.ts';

/** The server takes 2000 characters, of which none is less than a byte. */
const maxAckBytes = 2000;

/** How a job is given back. */
export interface Ending {
  readonly outcome: Exclude<JobOutcome, 'lost'>;
  readonly headline: string;
  /** Whether another attempt may help. */
  readonly retryable: boolean;
}

export function endingOf(
  end: CommandEnd,
  cancelled: boolean,
  { retryable = false, commandTimeoutMs = 0 }: Pick<WorkerOptions, 'retryable' | 'commandTimeoutMs'>,
): Ending {
  if (cancelled && (end.stopped || end.timedOut)) {
    return { outcome: 'cancelled', headline: 'The command was ended: the job is cancelled.', retryable: false };
  }
  if (end.stopped) return { outcome: 'stopped', headline: 'The worker was stopped.', retryable: true };
  if (end.timedOut) {
    const headline = `The command ran for longer than ${commandTimeoutMs / 1000} s and was ended.`;
    return { outcome: 'failed', headline, retryable };
  }
  if (end.startError !== undefined) {
    // Perhaps only this machine lacks it.
    return {
      outcome: 'failed',
      headline: `The command could not be started: ${end.startError.message}`,
      retryable: true,
    };
  }
  if (end.signal !== null) return { outcome: 'failed', headline: `The command was ended by ${end.signal}.`, retryable };
  const headline = `The command exited with code ${end.exitCode ?? 'unknown'}.`;
  return { outcome: end.exitCode === 0 ? 'succeeded' : 'failed', headline, retryable };
}

/** What the log of the job is told before its end. Never the command's own words: those are in its log artifact. */
export function endNotes(ending: Ending, deposited: Deposited): JobNote[] {
  const missed = deposited.warnings.length;
  const deposits: JobNote =
    missed === 0
      ? { message: artifactsDeposited(deposited), payload: { artifacts: deposited.count } }
      : {
          level: 'warn',
          message: `${artifactsDeposited(deposited)} ${missed} could not be.`,
          payload: { artifacts: deposited.count, missed },
        };
  if (ending.outcome !== 'cancelled' && ending.outcome !== 'stopped') return [deposits];
  return [{ level: 'warn', message: ending.headline }, deposits];
}

/** One paragraph for a finished job. */
export function resultSummary(ending: Ending, deposited: Deposited): string {
  return bounded(
    [`${ending.headline} ${artifactsDeposited(deposited)}`, ...deposited.warnings, ...deposited.leftOut].join('\n'),
  );
}

/** A few words for whoever cancelled the job. */
export function ackMessage(ending: Ending, deposited: Deposited): string {
  return bounded(resultSummary(ending, deposited), maxAckBytes);
}

/** The reason first, what was missed second, the end of the log with the room that is left. */
export function failureMessage(ending: Ending, deposited: Deposited, logTail: string): string {
  const head = bounded([ending.headline, ...deposited.warnings, ...deposited.leftOut].join('\n'), maxSummaryBytes / 2);
  const room = maxSummaryBytes - Buffer.byteLength(head) - 2;
  const tail = lastLines(logTail, room);
  return tail === '' ? head : `${head}\n\n${tail}`;
}

function artifactsDeposited({ count }: Deposited): string {
  return `${count === 1 ? '1 artifact' : `${count} artifacts`} deposited.`;
}

function bounded(text: string, maxBytes = maxSummaryBytes): string {
  const bytes = Buffer.from(text.toWellFormed());
  if (bytes.length <= maxBytes) return text.toWellFormed();
  let end = maxBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}
