import { isAppError } from '@proofhouse/core';
import type { Depositor } from './depositor.ts';
import type { CompleteLog } from './log-capture.ts';
import { extractLog, type LogCut } from './log-extract.ts';

const name = 'log.log';
/**
 * Smallest size of a truncated log in bytes. A smaller log could not contain the line that says how much is missing.
 */
const smallestLimitBytes = 160;

/**
 * Deposits a log, truncated if needed. If the server refuses the log as too large, its error contains the limit
 * (`limitBytes`), and the log is truncated to it. An error without a limit can come from a proxy. The log is then
 * truncated to an eighth of its last size, again and again until it is accepted. A line of the log, its metadata and a
 * note say how much is missing. Output that could not be written to disk is a loss too. A log whose masking failed is
 * not deposited.
 */
export async function depositLog(depositor: Depositor, complete: CompleteLog): Promise<void> {
  const { log, maskFailure } = complete;
  await depositor.attempt(name, async () => {
    if (maskFailure !== undefined) throw maskFailure;
    const cut = await sendCut(depositor, complete);
    if (cut !== undefined) depositor.evidence.note(cutTold(cut));
  });
  if (log.failure !== undefined) depositor.evidence.lose(`The end of ${name}`, log.failure);
}

async function sendCut(depositor: Depositor, { log, masked }: CompleteLog): Promise<LogCut | undefined> {
  let limitBytes = Math.max(smallestLimitBytes, Math.min(log.sizeBytes, log.maxBytes));
  for (;;) {
    const { read, cut } = await extractLog(log, limitBytes);
    const metadata = cut === undefined ? undefined : { ...cut };
    try {
      await depositor.upload({ name, type: 'log', metadata }, { read, use: 'text', masked });
      return cut;
    } catch (error) {
      const next = smallerLimit(error, limitBytes);
      if (next === undefined) throw error;
      limitBytes = next;
    }
  }
}

function smallerLimit(error: unknown, limitBytes: number): number | undefined {
  if (!isAppError(error, 'artifact_too_large') && !isAppError(error, 'body_too_large')) return undefined;
  const given = error.details['limitBytes'];
  const next = typeof given === 'number' && given < limitBytes ? given : Math.floor(limitBytes / 8);
  return next >= smallestLimitBytes ? next : undefined;
}

function cutTold({ logBytes, missingBytes, missingLines }: LogCut): string {
  return `${name} is cut: it had ${logBytes} bytes, of which ${missingBytes} (${missingLines} lines) are missing`;
}
