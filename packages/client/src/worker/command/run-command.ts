import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '@proofhouse/core';
import { pause, type Clock } from '../../transport/clock.ts';
import { endsWithProcess, signalGroup } from '../process-group.ts';
import { RunProcesses } from './run-processes.ts';

export interface CommandSpec {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Unguessable text in the environment of the command, by which the processes of this run can be found. */
  readonly mark: string;
  /** Receives stdout and stderr in the order in which they were written. */
  readonly logFd: number;
}

/**
 * The end of a command. `stopped` is true if `stop` aborted before the command ended by itself. `timedOut` is true if
 * the command was ended at its time limit.
 */
export interface CommandEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stopped: boolean;
  readonly timedOut: boolean;
  readonly startError?: Error;
}

export interface CommandLimits {
  readonly clock: Clock;
  /** Milliseconds between SIGTERM and SIGKILL. */
  readonly graceMs: number;
  /** Time limit of the command in milliseconds. */
  readonly timeoutMs?: number | undefined;
}

const pollMs = 50;

/**
 * Runs a command in its own process group. When `stop` aborts or the time limit is reached, the group gets SIGTERM, and
 * SIGKILL `graceMs` later. Background processes are killed when the command ends. This includes those that left the
 * group (see `RunProcesses`). Never throws.
 */
export async function runCommand(spec: CommandSpec, stop: AbortSignal, limits: CommandLimits): Promise<CommandEnd> {
  const byItself = { stopped: false, timedOut: false };
  if (stop.aborted) return { exitCode: null, signal: null, ...byItself, stopped: true };
  const others = RunProcesses.open(spec.mark);
  let child: ChildProcess;
  try {
    child = others.within(() => start(spec));
  } catch (error) {
    await others.end();
    return { exitCode: null, signal: null, ...byItself, startError: error as Error };
  }
  const group = endsWithProcess(child, () => others.signal('SIGKILL'));
  let ending: Promise<void> | undefined;
  let how = byItself;
  // If the command was stopped and has also timed out, the first of these is reported.
  const end = (reason: Partial<typeof byItself>): void => {
    if (ending !== undefined) return;
    how = { ...byItself, ...reason };
    ending = endGroup(child, others, limits);
  };
  const onStop = (): void => end({ stopped: true });
  const { timeoutMs } = limits;
  const cancelTimeout =
    timeoutMs === undefined ? () => undefined : limits.clock.after(timeoutMs, () => end({ timedOut: true }));
  stop.addEventListener('abort', onStop, { once: true });
  const result = await ended(child);
  stop.removeEventListener('abort', onStop);
  cancelTimeout();
  await ending;
  signalGroup(child, 'SIGKILL');
  await others.end();
  group.release();
  return { ...result, ...how };
}

function start(spec: CommandSpec): ChildProcess {
  const [program = '', ...args] = spec.command;
  return spawn(program, args, {
    cwd: spec.cwd,
    env: { ...spec.env },
    detached: true,
    windowsHide: true,
    stdio: ['ignore', spec.logFd, spec.logFd],
  });
}

function ended(child: ChildProcess): Promise<Omit<CommandEnd, 'stopped' | 'timedOut'>> {
  return new Promise((resolve) => {
    child.once('error', (startError) => {
      if (child.pid === undefined) resolve({ exitCode: null, signal: null, startError });
    });
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
}

async function endGroup(child: ChildProcess, others: RunProcesses, limits: CommandLimits): Promise<void> {
  const until = limits.clock.monotonic() + limits.graceMs;
  signalGroup(child, 'SIGTERM');
  // The process group has already received SIGTERM. It must not receive a second one, because many programs then quit
  // at once.
  others.signal('SIGTERM', { exceptGroup: child.pid });
  const isAlive = (): boolean => signalGroup(child, 0) || others.living().length > 0;
  while (isAlive() && limits.clock.monotonic() < until) await pause(limits.clock, pollMs);
  signalGroup(child, 'SIGKILL');
}

/**
 * Throws `invalid_request` if the command cannot be found or executed. Called before the first claim, because the
 * worker would otherwise claim and fail every job of the queue.
 */
export async function requireCommand(command: readonly string[], cwd: string, searchPath: string): Promise<void> {
  const [program] = command;
  if (program === undefined || program === '') {
    throw new AppError('invalid_request', 'There is no command to run. Name it after "--".');
  }
  const places = program.includes('/') ? [cwd] : searchPath.split(path.delimiter);
  for (const place of places) {
    if (await isExecutable(path.resolve(cwd, place, program))) return;
  }
  throw new AppError('invalid_request', `The command ${JSON.stringify(program)} cannot be found or executed.`);
}

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
