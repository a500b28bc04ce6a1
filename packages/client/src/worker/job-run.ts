import { open } from 'node:fs/promises';
import { isAppError, maxSummaryBytes } from '@proofhouse/core';
import { pause, type Clock } from '../clock.ts';
import type { ClaimedJob } from '../jobs-api.ts';
import { commandEnvironment, withoutSecrets } from './command/command-environment.ts';
import { runCommand, type CommandEnd } from './command/run-command.ts';
import { deposit } from './evidence/deposit.ts';
import { endingOf, endNotes } from './ending.ts';
import { firstAbort } from './first-abort.ts';
import { JobDiff } from './git/job-diff.ts';
import { giveBack, reportEnding, type Reporter } from './job-report.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { readLogTail } from './evidence/log-tail.ts';
import { messageOf } from './message-of.ts';
import { Milestones } from './milestones.ts';
import { WorkFolder } from './work-folder.ts';
import type { JobOutcome, WorkerLog, WorkerOptions } from './worker-options.ts';

/** How long a machine that cannot even make a folder takes no other job. */
const brokenRestMs = 10_000;

/** A worker's options with their defaults filled in. */
export interface WorkerParts extends WorkerOptions {
  readonly workRoot: string;
  readonly leaseSeconds: number;
  readonly graceMs: number;
  readonly clock: Clock;
  readonly log: WorkerLog;
  /** Aborted: running commands are ended. */
  readonly stop: AbortSignal;
}

/**
 * Sees one claimed job to its end. Never throws: whatever happens is the job's outcome. `late`: some of the lease may have
 * passed before the claim was answered.
 */
export async function runJob(worker: WorkerParts, job: ClaimedJob, late: boolean): Promise<JobOutcome> {
  const say = (level: 'info' | 'warn' | 'error', message: string): void =>
    worker.log({ level, jobId: job.id, message });
  const lease = new LeaseKeeper(worker, job, { renewFirst: late });
  let folder: WorkFolder | undefined;
  try {
    await lease.confirmed(worker.stop);
    lease.lost.throwIfAborted();
    say('info', `Job ${job.id} (${job.type}, attempt ${job.attempt} of ${job.maxAttempts}) started.`);
    folder = await WorkFolder.make(worker.workRoot);
    return await workOn(worker, job, folder, lease);
  } catch (error) {
    const message = messageOf(error);
    if (lease.lost.aborted || isAppError(error, 'lease_lost')) {
      const command = folder === undefined ? 'not started' : 'ended';
      say('warn', `Job ${job.id} was lost: ${message} Its command was ${command} and nothing more is written.`);
      return 'lost';
    }
    say('error', `Job ${job.id} could not be run or reported: ${message}`);
    const outcome = await giveBack({ ...worker, job, lost: lease.lost }, message);
    lease.stop();
    // A disk that is full or gone would go through the whole queue, and use up an attempt of each job.
    if (folder === undefined) await pause(worker.clock, brokenRestMs, worker.signal);
    return outcome;
  } finally {
    lease.stop();
    await folder
      ?.remove()
      .catch((error: unknown) => say('warn', `${folder?.root ?? ''} was left behind: ${messageOf(error)}`));
  }
}

async function workOn(
  worker: WorkerParts,
  job: ClaimedJob,
  folder: WorkFolder,
  lease: LeaseKeeper,
): Promise<JobOutcome> {
  const cwd = worker.inWorkFolder === true ? folder.work : worker.cwd;
  const { leaseId: _leaseId, ...shown } = job;
  await folder.writeJob(worker.passToken === undefined ? shown : job);
  const reporter = { ...worker, job, lost: lease.lost };
  const milestones = new Milestones({ ...reporter, onLost: (error) => lease.lose(error) });
  const stop = firstAbort([lease.lost, lease.cancelled, worker.stop]);
  try {
    const diff = worker.diff === false ? undefined : await beginDiff(worker, folder, cwd, stop.signal);
    milestones.note({ message: 'The command was started.', payload: { attempt: job.attempt } });
    const end = await runWithLog(worker, job, folder, cwd, stop.signal);
    return await giveEnd(worker, { end, folder, diff, lease, reporter, milestones });
  } finally {
    stop.release();
  }
}

interface EndedRun {
  readonly end: CommandEnd;
  readonly folder: WorkFolder;
  readonly diff: JobDiff | undefined;
  readonly lease: LeaseKeeper;
  readonly reporter: Reporter;
  readonly milestones: Milestones;
}

async function giveEnd(worker: WorkerParts, run: EndedRun): Promise<JobOutcome> {
  const { end, folder, diff, lease, reporter, milestones } = run;
  const { job } = reporter;
  lease.lost.throwIfAborted();
  const deposited = await deposit({ client: worker.client, job, folder, diff, lost: lease.lost });
  for (const message of [...deposited.warnings, ...deposited.leftOut])
    worker.log({ level: 'warn', jobId: job.id, message });
  lease.lost.throwIfAborted();
  const ending = endingOf(end, lease.cancelled.aborted, worker);
  for (const note of endNotes(ending, deposited)) milestones.note(note);
  await milestones.written();
  // A command may have removed its log, which is said among the deposits: it still ended as it did.
  const logTail = await readLogTail(folder.logFile, maxSummaryBytes).catch(() => '');
  await reportEnding(reporter, ending, deposited, logTail);
  worker.log({ level: 'info', jobId: job.id, message: `Job ${job.id} ${ending.outcome}. ${ending.headline}` });
  return ending.outcome;
}

function beginDiff(worker: WorkerParts, folder: WorkFolder, cwd: string, signal: AbortSignal): Promise<JobDiff> {
  const { workRoot, clock, inWorkFolder: fresh = false } = worker;
  const env = withoutSecrets(worker.env);
  return JobDiff.begin({ folder: cwd, scratch: folder.scratch, workRoot, env, fresh, clock }, signal);
}

async function runWithLog(
  worker: WorkerParts,
  job: ClaimedJob,
  folder: WorkFolder,
  cwd: string,
  stop: AbortSignal,
): Promise<CommandEnd> {
  const env = commandEnvironment(worker.env, {
    PROOFHOUSE_JOB_FILE: folder.jobFile,
    PROOFHOUSE_JOB_ID: job.id,
    PROOFHOUSE_JOB_TYPE: job.type,
    PROOFHOUSE_URL: worker.client.url,
    PROOFHOUSE_OUTPUT_DIR: folder.output,
    ...(worker.passToken === undefined ? {} : { PROOFHOUSE_TOKEN: worker.passToken, PROOFHOUSE_LEASE_ID: job.leaseId }),
  });
  const limits = { clock: worker.clock, graceMs: worker.graceMs, timeoutMs: worker.commandTimeoutMs };
  const log = await open(folder.logFile, 'a', 0o600);
  try {
    return await runCommand({ command: worker.command, cwd, env, logFd: log.fd }, stop, limits);
  } finally {
    await log.close();
  }
}
