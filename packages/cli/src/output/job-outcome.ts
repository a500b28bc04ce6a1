import type { Job } from '@proofhouse/core';
import { AppError } from '@proofhouse/core';
import type { ProofhouseClient } from '@proofhouse/client';
import type { CommandContext } from '../command-context.ts';
import { printable } from './printable.ts';

/** Returns one line about a job that has ended: its id, its status and the reason. */
export function outcomeText({ id, status, resultSummary, errorMessage, finish }: Job): string {
  const reason = status === 'succeeded' ? resultSummary : errorMessage;
  const words = [finish?.outcomeCode, reason?.split('\n', 1)[0]].filter((text) => text != null && text !== '');
  return printable(`Job ${id} ${status}${words.length === 0 ? '' : `: ${words.join(': ')}`}`);
}

/** Returns 0 if every job succeeded, else 1. */
export function exitCodeOf(jobs: readonly Job[]): number {
  return jobs.every(({ status }) => status === 'succeeded') ? 0 : 1;
}

/**
 * Waits until the job has ended and returns it. Follows the event stream of the job, which is reopened after each
 * interruption. Throws errors of the server, such as `job_not_found`. Throws `request_timeout` if the signal aborts
 * before the end of the job.
 */
export async function endOf(
  client: ProofhouseClient,
  jobId: string,
  { signal, onBroken }: { signal: AbortSignal; onBroken: (error: Error) => void },
): Promise<Job> {
  for await (const _ of client.jobs.followEvents(jobId, { signal, onBroken })) if (signal.aborted) break;
  if (signal.aborted) throw new AppError('request_timeout', `Job ${jobId} has not ended yet.`);
  return client.jobs.get(jobId, { signal });
}

/**
 * Returns two functions. `broken` prints a message about an interrupted stream, but does not repeat the last message.
 * After `mended`, it prints the same message again.
 */
export function sayBroken(context: CommandContext): { broken: (error: Error) => void; mended: () => void } {
  let said = '';
  return {
    broken: ({ message }) => {
      if (message !== said) context.stderr.write(`proofhouse: ${printable(message)} Trying again.\n`);
      said = message;
    },
    mended: () => {
      said = '';
    },
  };
}
