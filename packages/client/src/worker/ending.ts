import { maxSummaryBytes } from '@proofhouse/core';
import type { JobNote } from '../api/jobs-api.ts';
import type { Deposited } from './evidence/evidence.ts';
import { lastLines } from './evidence/log-tail.ts';
import type { JobOutcome } from './worker-options.ts';

/**
 * Largest message in bytes for an acknowledged cancellation. The server accepts 2000 characters, and a text of 2000
 * bytes never has more.
 */
const maxAckBytes = 2000;

/** Largest number of lines in a result that report losses and notes. */
const mostLines = 40;

/** The end of a job: its outcome, and the first line of the report to the server. */
export interface Ending {
  readonly outcome: Exclude<JobOutcome, 'lost'>;
  readonly headline: string;
  /** True if another attempt may succeed. */
  readonly retryable: boolean;
}

/**
 * Applies losses of evidence to the end of a job. A successful job with a loss becomes a failed job. It is retryable if
 * the cause of every loss is temporary. With `bestEffort` the job stays successful, and its result begins with the
 * number of losses.
 */
export function judged(ending: Ending, { losses }: Deposited, bestEffort: boolean): Ending {
  if (ending.outcome !== 'succeeded' || losses.length === 0) return ending;
  const lost = `${losses.length === 1 ? '1 piece' : `${losses.length} pieces`} of evidence`;
  if (bestEffort) return { ...ending, headline: `Best effort: ${lost} could not be deposited. ${ending.headline}` };
  return {
    outcome: 'failed',
    headline: `${ending.headline} But ${lost} could not be deposited, so the job failed.`,
    retryable: losses.every(({ retryable }) => retryable),
  };
}

/**
 * Returns the events to write into the log of the job before the job ends. They must not contain output of the command,
 * which is in the artifact `log.log`.
 */
export function endNotes(ending: Ending, deposited: Deposited): JobNote[] {
  const missed = deposited.losses.length;
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

/** Returns the result text of a finished job: the headline, then one line for each loss and each note. */
export function resultSummary(ending: Ending, deposited: Deposited): string {
  return bounded([`${ending.headline} ${artifactsDeposited(deposited)}`, ...linesOf(deposited)].join('\n'));
}

/** Returns the message for an acknowledged cancellation: the result text, truncated to `maxAckBytes`. */
export function ackMessage(ending: Ending, deposited: Deposited): string {
  return bounded(resultSummary(ending, deposited), maxAckBytes);
}

/** Returns the failure message: the headline, then the losses and notes, then as much of the end of the log as fits. */
export function failureMessage(ending: Ending, deposited: Deposited, logTail: string): string {
  const head = bounded([ending.headline, ...linesOf(deposited)].join('\n'), maxSummaryBytes / 2);
  const room = maxSummaryBytes - Buffer.byteLength(head) - 2;
  const tail = lastLines(logTail, room);
  return tail === '' ? head : `${head}\n\n${tail}`;
}

/**
 * Returns one line for each loss, then one for each note. If there are more than `mostLines`, a last line says how many
 * were omitted.
 */
function linesOf({ losses, notes }: Deposited): string[] {
  const lines = [...losses.map(({ message }) => message), ...notes];
  const more = lines.length - mostLines;
  return more <= 0 ? lines : [...lines.slice(0, mostLines), `and ${more} more lines in the worker's own log`];
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
