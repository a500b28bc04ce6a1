import { maxSummaryBytes } from '@proofhouse/core';
import type { JobNote } from '../api/jobs-api.ts';
import type { Deposited } from './evidence/evidence.ts';
import { lastLines } from './evidence/log-tail.ts';
import type { JobOutcome } from './worker-options.ts';

/** The server takes 2000 characters, of which none is less than a byte. */
const maxAckBytes = 2000;

/** Of what was lost, renamed or left out, in a result. */
const mostLines = 40;

/** How a job is given back. */
export interface Ending {
  readonly outcome: Exclude<JobOutcome, 'lost'>;
  readonly headline: string;
  /** Whether another attempt may help. */
  readonly retryable: boolean;
}

/**
 * A job must not succeed over evidence that was refused or lost: it fails, and may be tried again when every cause may
 * pass. With `bestEffort` it succeeds, and says so first.
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

/** What the log of the job is told before its end. Never the command's own words: those are in its log artifact. */
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

/** One paragraph for a finished job. */
export function resultSummary(ending: Ending, deposited: Deposited): string {
  return bounded([`${ending.headline} ${artifactsDeposited(deposited)}`, ...linesOf(deposited)].join('\n'));
}

/** A few words for whoever cancelled the job. */
export function ackMessage(ending: Ending, deposited: Deposited): string {
  return bounded(resultSummary(ending, deposited), maxAckBytes);
}

/** The reason first, what was missed second, the end of the log with the room that is left. */
export function failureMessage(ending: Ending, deposited: Deposited, logTail: string): string {
  const head = bounded([ending.headline, ...linesOf(deposited)].join('\n'), maxSummaryBytes / 2);
  const room = maxSummaryBytes - Buffer.byteLength(head) - 2;
  const tail = lastLines(logTail, room);
  return tail === '' ? head : `${head}\n\n${tail}`;
}

/** What was lost before what was left out; of many the first ones. */
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
