import { maxSummaryBytes } from '@proofhouse/core';
import { CapturedLog } from '../evidence/captured-log.ts';
import { depositRun } from '../evidence/deposit-run.ts';
import { readLogTail } from '../evidence/log-tail.ts';
import { BrokenMachine, type HeldRun, type RunEnd } from '../held-run.ts';
import { JobDiff } from '../git/diff/job-diff.ts';
import { messageOf } from '../message-of.ts';
import { unguessable } from '../../transport/random.ts';
import { WorkFolder } from '../work-folder.ts';
import { endingOf } from './command-ending.ts';
import { commandEnvironment, withoutSecrets } from './command-environment.ts';
import { OutputPipe } from './output-pipe.ts';
import { runCommand, type CommandEnd } from './run-command.ts';

/** Default of `maxLogBytes`: 1 GiB, equal to the default limit of a server for one artifact. */
const usualMaxLogBytes = 1024 * 1024 * 1024;

interface Workplace {
  readonly folder: WorkFolder;
  readonly log: CapturedLog;
  readonly cwd: string;
}

/** Runs a command for a job with a new job folder, and deposits the log, the diff and the output files. */
export async function runCommandJob(
  run: HeldRun,
  command: readonly string[],
  timeoutMs: number | undefined,
): Promise<RunEnd> {
  const { worker, job } = run;
  const place = await workplaceFor(run).catch((error: unknown) => {
    throw new BrokenMachine(messageOf(error), { cause: error });
  });
  const { folder, log } = place;
  try {
    await bringBack(run);
    const diff = worker.diff === false ? undefined : await beginDiff(run, place);
    run.milestones.note({ message: 'The command was started.', payload: { attempt: job.attempt } });
    const { end, log: captured } = await runWithLog(run, place, command, timeoutMs);
    run.lost.throwIfAborted();
    await depositRun(run.depositor, { folder, log: captured, diff });
    const { retryable = false } = worker;
    const ending = endingOf(end, { cancelled: run.cancelled.aborted, retryable, timeoutMs });
    return { ending, logTail: await readLogTail(captured, maxSummaryBytes).catch(() => '') };
  } finally {
    await log.close();
    await folder.remove().catch((error: unknown) => {
      worker.log({ level: 'warn', jobId: job.id, message: `${folder.root} was left behind: ${messageOf(error)}` });
    });
  }
}

async function workplaceFor({ worker, job }: HeldRun): Promise<Workplace> {
  const folder = await WorkFolder.make(worker.workRoot);
  try {
    const { leaseId: _leaseId, ...shown } = job;
    await folder.writeJob(worker.passToken === undefined ? shown : job);
    const log = await CapturedLog.create(folder.logFile, worker.maxLogBytes ?? usualMaxLogBytes);
    return { folder, log, cwd: worker.inWorkFolder === true ? folder.work : worker.cwd };
  } catch (error) {
    await folder.remove().catch(() => undefined);
    throw error;
  }
}

/** Restores the repository (`gitClean`), so that a command never runs on the changes of an earlier job. */
async function bringBack({ worker, stop }: HeldRun): Promise<void> {
  await worker.cleanCheckout?.restore(stop).catch((error: unknown) => {
    // After an abort of `stop` the command is not started, so the state of the repository does not matter.
    if (stop.aborted) return;
    const message = `the repository was not brought back to its state at the start: ${messageOf(error)}`;
    throw new BrokenMachine(message, { cause: error });
  });
}

function beginDiff({ worker, stop }: HeldRun, { folder, cwd }: Workplace): Promise<JobDiff> {
  const { workRoot, clock, inWorkFolder: fresh = false } = worker;
  const env = withoutSecrets(worker.env);
  return JobDiff.begin({ folder: cwd, scratch: folder.scratch, workRoot, env, fresh, clock }, stop);
}

async function runWithLog(
  { worker, job, stop }: HeldRun,
  { folder, log, cwd }: Workplace,
  command: readonly string[],
  timeoutMs: number | undefined,
): Promise<{ readonly end: CommandEnd; readonly log: CapturedLog }> {
  const mark = unguessable();
  const env = commandEnvironment(worker.env, {
    PROOFHOUSE_JOB_FILE: folder.jobFile,
    PROOFHOUSE_JOB_ID: job.id,
    PROOFHOUSE_JOB_TYPE: job.type,
    PROOFHOUSE_URL: worker.client.url,
    PROOFHOUSE_OUTPUT_DIR: folder.output,
    PROOFHOUSE_RUN: mark,
    ...(worker.passToken === undefined ? {} : { PROOFHOUSE_TOKEN: worker.passToken, PROOFHOUSE_LEASE_ID: job.leaseId }),
  });
  const limits = { clock: worker.clock, graceMs: worker.graceMs, timeoutMs };
  const pipe = await OutputPipe.open(folder.pipeFile, worker.env['PATH'] ?? '', log);
  try {
    const end = await runCommand({ command, cwd, env, mark, logFd: pipe?.fd ?? log.fd }, stop, limits);
    await pipe?.drain();
    return { end, log: pipe === undefined ? await log.adopt() : log };
  } finally {
    await pipe?.destroy();
  }
}
