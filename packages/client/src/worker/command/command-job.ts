import { maxSummaryBytes } from '@proofhouse/core';
import { CapturedLog } from '../evidence/captured-log.ts';
import { depositRun } from '../evidence/deposit-run.ts';
import { LogCapture, type CompleteLog } from '../evidence/log-capture.ts';
import { readLogTail } from '../evidence/log-tail.ts';
import { BrokenMachine, type HeldRun, type RunEnd } from '../held-run.ts';
import { JobDiff } from '../git/diff/job-diff.ts';
import { MaskFile } from '../../masking/mask-file.ts';
import type { SecretMask } from '../../masking/secret-mask.ts';
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
  /** Every log that was opened for the job. All are closed at the end of the job. */
  readonly opened: CapturedLog[];
  /** File to which `proofhouse mask add` writes values that must be masked. Undefined if nothing is masked. */
  readonly maskFile: MaskFile | undefined;
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
  const { folder, maskFile } = place;
  try {
    if (maskFile !== undefined) worker.mask?.follow(maskFile);
    await bringBack(run);
    const diff = worker.diff === false ? undefined : await beginDiff(run, place);
    run.milestones.note({ message: 'The command was started.', payload: { attempt: job.attempt } });
    const { end, log: complete } = await runWithLog(run, place, command, timeoutMs);
    run.lost.throwIfAborted();
    await depositRun(run.depositor, { folder, log: complete, diff });
    const { retryable = false } = worker;
    const ending = endingOf(end, { cancelled: run.cancelled.aborted, retryable, timeoutMs });
    return { ending, logTail: await logTailOf(run, complete).catch(() => '') };
  } finally {
    for (const opened of place.opened) await opened.close();
    maskFile?.close();
    await folder.remove().catch((error: unknown) => {
      worker.log({ level: 'warn', jobId: job.id, message: `${folder.root} was left behind: ${messageOf(error)}` });
    });
  }
}

/**
 * Returns the end of the log, masked, for a failure message. A secret whose beginning is cut off cannot be recognized.
 * So if values are masked, twice as many bytes are read as the message can contain. The message then gets the last part
 * of them, which no cut secret reaches.
 */
async function logTailOf({ worker: { mask } }: HeldRun, { log, maskFailure }: CompleteLog): Promise<string> {
  if (maskFailure !== undefined) return '';
  const tail = await readLogTail(log, mask === undefined ? maxSummaryBytes : 2 * maxSummaryBytes);
  return mask?.text(tail) ?? tail;
}

async function workplaceFor({ worker, job }: HeldRun): Promise<Workplace> {
  const folder = await WorkFolder.make(worker.workRoot);
  try {
    const { leaseId: _leaseId, ...shown } = job;
    await folder.writeJob(worker.passToken === undefined ? shown : job);
    const log = await CapturedLog.create(folder.logFile, worker.maxLogBytes ?? usualMaxLogBytes);
    const maskFile = worker.mask === undefined ? undefined : MaskFile.create(folder.maskFile);
    return { folder, log, opened: [log], maskFile, cwd: worker.inWorkFolder === true ? folder.work : worker.cwd };
  } catch (error) {
    await folder.remove().catch(() => undefined);
    throw error;
  }
}

/** Restores the repository (`gitClean`), so that a command never sees the changes of an earlier job. */
async function bringBack({ worker, stop }: HeldRun): Promise<void> {
  await worker.cleanCheckout?.restore(stop).catch((error: unknown) => {
    // If `stop` has aborted, the command is not started, so the state of the repository has no effect.
    if (stop.aborted) return;
    const message = `the repository was not brought back to its state at the start: ${messageOf(error)}`;
    throw new BrokenMachine(message, { cause: error });
  });
}

function beginDiff({ worker, stop }: HeldRun, { folder, cwd }: Workplace): Promise<JobDiff> {
  const { workRoot, clock, mask, inWorkFolder: fresh = false } = worker;
  const env = withoutSecrets(worker.env);
  return JobDiff.begin({ folder: cwd, scratch: folder.scratch, workRoot, env, fresh, clock, mask }, stop);
}

async function runWithLog(
  { worker, job, stop }: HeldRun,
  place: Workplace,
  command: readonly string[],
  timeoutMs: number | undefined,
): Promise<{ readonly end: CommandEnd; readonly log: CompleteLog }> {
  const { folder, log, maskFile, cwd } = place;
  const mark = unguessable();
  const env = commandEnvironment(worker.env, {
    PROOFHOUSE_JOB_FILE: folder.jobFile,
    PROOFHOUSE_JOB_ID: job.id,
    PROOFHOUSE_JOB_TYPE: job.type,
    PROOFHOUSE_URL: worker.client.url,
    PROOFHOUSE_OUTPUT_DIR: folder.output,
    PROOFHOUSE_RUN: mark,
    ...(maskFile === undefined ? {} : { PROOFHOUSE_MASK_FILE: maskFile.path }),
    ...(worker.passToken === undefined ? {} : { PROOFHOUSE_TOKEN: worker.passToken, PROOFHOUSE_LEASE_ID: job.leaseId }),
  });
  const limits = { clock: worker.clock, graceMs: worker.graceMs, timeoutMs };
  const capture = LogCapture.begin(log, worker.mask);
  const pipe = await OutputPipe.open(folder.pipeFile, worker.env['PATH'] ?? '', capture);
  try {
    const end = await runCommand({ command, cwd, env, mark, logFd: pipe?.fd ?? log.fd }, stop, limits);
    await pipe?.drain();
    return { end, log: pipe === undefined ? await adopted(place, worker.mask) : await capture.end() };
  } finally {
    await pipe?.destroy();
  }
}

/**
 * Returns the log of a command that wrote into the log file itself. If there is a mask, writes the masked log to a
 * second file and returns that one.
 */
async function adopted(place: Workplace, mask: SecretMask | undefined): Promise<CompleteLog> {
  const { folder, log } = place;
  const whole = await log.adopt();
  if (mask === undefined) return { log: whole, masked: undefined, maskFailure: undefined };
  // A masked log may be longer, because the placeholder may be longer than the secret.
  const masked = await CapturedLog.create(folder.maskedLogFile, 2 * whole.maxBytes);
  place.opened.push(masked);
  const capture = LogCapture.begin(masked, mask);
  for await (const piece of whole.read({ from: 0, to: whole.sizeBytes })) {
    capture.write(piece);
    await capture.settled();
  }
  return capture.end();
}
