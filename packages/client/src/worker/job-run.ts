import { isAppError } from '@proofhouse/core';
import { pause } from '../transport/clock.ts';
import type { ClaimedJob } from '../api/jobs-api.ts';
import { endNotes, judged } from './ending.ts';
import { Depositor } from './evidence/depositor.ts';
import { Evidence } from './evidence/evidence.ts';
import { firstAbort } from './first-abort.ts';
import { BrokenMachine, type HeldRun, type RunEnd, type WorkerParts } from './held-run.ts';
import { giveBack, reportEnding } from './job-report.ts';
import { workOn } from './job-work.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { messageOf } from './message-of.ts';
import { Milestones } from './milestones.ts';
import { maskedLog } from './worker-mask.ts';
import type { JobOutcome } from './worker-options.ts';

/** After a failure of its machine, such as a folder that cannot be created, the worker pauses for this time (ms). */
const brokenRestMs = 10_000;

/**
 * Runs one claimed job to its end. Never throws: every error becomes an outcome of the job. `late` is true if part of
 * the lease may have passed before the answer to the claim arrived. In this case the lease is renewed before the work
 * begins.
 */
export async function runJob(parts: WorkerParts, job: ClaimedJob, late: boolean): Promise<JobOutcome> {
  const worker = maskedParts(parts, job);
  const say = (level: 'info' | 'warn' | 'error', message: string): void =>
    worker.log({ level, jobId: job.id, message });
  const lease = new LeaseKeeper(worker, job, { renewFirst: late });
  let isStarted = false;
  try {
    await lease.confirmed(worker.stop);
    lease.lost.throwIfAborted();
    say('info', `Job ${job.id} (${job.type}, attempt ${job.attempt} of ${job.maxAttempts}) started.`);
    isStarted = true;
    return await carryOut(worker, job, lease);
  } catch (error) {
    const message = messageOf(error);
    if (lease.lost.aborted || isAppError(error, 'lease_lost')) {
      const command = isStarted ? 'ended' : 'not started';
      say('warn', `Job ${job.id} was lost: ${message} Its command was ${command} and nothing more is written.`);
      return 'lost';
    }
    say('error', `Job ${job.id} could not be run or reported: ${message}`);
    const outcome = await giveBack({ ...worker, job, lost: lease.lost }, worker.mask?.text(message) ?? message);
    lease.stop();
    // Without this pause, a worker with a full or missing disk would fail every job of the queue and use up all
    // attempts.
    if (error instanceof BrokenMachine) await pause(worker.clock, brokenRestMs, worker.signal);
    return outcome;
  } finally {
    lease.stop();
  }
}

/** Returns the worker with its own mask for this run. Values that a run adds are masked only in that run. */
function maskedParts(worker: WorkerParts, { leaseId }: ClaimedJob): WorkerParts {
  // A command gets the lease id only if it also gets a token (`passToken`). So only then is the lease id masked.
  const values = worker.passToken === undefined ? [] : [{ name: 'PROOFHOUSE_LEASE_ID', value: leaseId }];
  const mask = worker.mask?.with(values);
  return { ...worker, mask, log: maskedLog(worker.log, mask) };
}

async function carryOut(worker: WorkerParts, job: ClaimedJob, lease: LeaseKeeper): Promise<JobOutcome> {
  const { lost, cancelled } = lease;
  const reporter = { ...worker, job, lost };
  const milestones = new Milestones({ ...reporter, onLost: (error) => lease.lose(error) });
  const depositor = new Depositor({ ...reporter, evidence: new Evidence(worker.mask) });
  const stop = firstAbort([lost, cancelled, worker.stop]);
  try {
    const run = { worker, job, milestones, depositor, stop: stop.signal, cancelled, lost };
    const end = await workOn(run);
    lost.throwIfAborted();
    return await report(run, end);
  } finally {
    stop.release();
  }
}

async function report({ worker, job, milestones, depositor, lost }: HeldRun, end: RunEnd): Promise<JobOutcome> {
  const { evidence } = depositor;
  for (const { message } of evidence.losses) worker.log({ level: 'warn', jobId: job.id, message });
  for (const message of evidence.notes) worker.log({ level: 'warn', jobId: job.id, message });
  const judgedEnding = judged(end.ending, evidence, worker.bestEffort === true);
  const ending = { ...judgedEnding, headline: worker.mask?.text(judgedEnding.headline) ?? judgedEnding.headline };
  for (const note of endNotes(ending, evidence)) milestones.note(note);
  await milestones.written();
  await reportEnding({ ...worker, job, lost }, ending, evidence, end.logTail);
  worker.log({ level: 'info', jobId: job.id, message: `Job ${job.id} ${ending.outcome}. ${ending.headline}` });
  return ending.outcome;
}
