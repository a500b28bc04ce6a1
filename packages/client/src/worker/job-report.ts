import { backOffMs, isAppError, type Job } from '@proofhouse/core';
import { pause, type Clock } from '../transport/clock.ts';
import type { ClaimedJob } from '../api/jobs-api.ts';
import type { ProofhouseClient } from '../proofhouse-client.ts';
import type { Deposited } from './evidence/evidence.ts';
import { ackMessage, failureMessage, resultSummary, type Ending } from './ending.ts';
import { messageOf } from './message-of.ts';
import { isPassing } from './passing-trouble.ts';
import type { JobOutcome, WorkerLog } from './worker-options.ts';

const withheldText = 'The text about the end of the job is withheld: the server found a secret in it.';

const reportAgain = { firstMs: 1000, maxMs: 15_000 };

export interface Reporter {
  readonly client: ProofhouseClient;
  readonly job: ClaimedJob;
  readonly clock: Clock;
  readonly log: WorkerLog;
  readonly lost: AbortSignal;
}

/**
 * Reports the end of the job. Retries as long as the lease is valid, so that a finished job does not run a second time. If
 * the server refuses the text because it finds a secret in it, the end is reported with another text.
 */
export async function reportEnding(
  reporter: Reporter,
  ending: Ending,
  deposited: Deposited,
  logTail: string,
): Promise<void> {
  const { client, job } = reporter;
  switch (ending.outcome) {
    case 'succeeded':
      return persistText(reporter, resultSummary(ending, deposited), (text) =>
        client.jobs.complete(job.id, job.leaseId, { resultSummary: text }),
      );
    case 'cancelled':
      return persistText(reporter, ackMessage(ending, deposited), (message) =>
        client.jobs.ack(job.id, job.leaseId, { message }),
      );
    case 'failed':
    case 'stopped':
      return persistText(reporter, failureMessage(ending, deposited, logTail), (errorMessage) =>
        client.jobs.fail(job.id, job.leaseId, { errorMessage, retryable: ending.retryable }),
      );
  }
}

/**
 * Reports the job as failed and retryable after a failure of this machine, so that the next attempt may run on another
 * machine. If this report fails too, the lease expires, and the sweep of the server requeues the job.
 */
export async function giveBack(reporter: Reporter, message: string): Promise<JobOutcome> {
  const { client, job, log } = reporter;
  try {
    const errorMessage = `The worker could not run the job: ${message.slice(0, 2000)}`;
    await persist(reporter, () => client.jobs.fail(job.id, job.leaseId, { errorMessage, retryable: true }));
    return 'failed';
  } catch (error) {
    log({ level: 'error', jobId: job.id, message: `Job ${job.id} was left to its lease: ${messageOf(error)}` });
    return 'lost';
  }
}

async function persistText(reporter: Reporter, text: string, send: (text: string) => Promise<Job>): Promise<void> {
  try {
    await persist(reporter, () => send(text));
  } catch (error) {
    if (!isAppError(error, 'secret_found')) throw error;
    reporter.log({ level: 'warn', jobId: reporter.job.id, message: withheldText });
    await persist(reporter, () => send(withheldText));
  }
}

// Retries a call that ends the job. If the lease is lost, the call is sent once more. The server may have accepted an
// earlier try whose answer was lost, and it then repeats this answer.
async function persist(reporter: Reporter, call: () => Promise<Job>): Promise<void> {
  for (let failures = 1; ; failures += 1) {
    try {
      await call();
      return;
    } catch (error) {
      if (reporter.lost.aborted || !isPassing(error)) throw error;
      reporter.log({
        level: 'warn',
        jobId: reporter.job.id,
        message: `The end of the job is not reported yet: ${messageOf(error)}`,
      });
      await pause(reporter.clock, backOffMs(failures, reportAgain), reporter.lost);
    }
  }
}
