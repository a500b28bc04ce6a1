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
  /** Unguessable, and in the environment: tells the processes of this run from all others. */
  readonly mark: string;
  /** stdout and stderr both go here, in the order in which they were written. */
  readonly logFd: number;
}

/** `stopped`: it was ended from outside before it ended by itself. `timedOut`: because it ran too long. */
export interface CommandEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stopped: boolean;
  readonly timedOut: boolean;
  readonly startError?: Error;
}

export interface CommandLimits {
  readonly clock: Clock;
  /** How long it may take to end once it is told to. */
  readonly graceMs: number;
  /** How long it may run. */
  readonly timeoutMs?: number | undefined;
}

const pollMs = 50;

/**
 * Runs a command in a process group of its own, and ends the whole group when `stop` is aborted or its time is over:
 * SIGTERM, the grace, SIGKILL. What it left running in the background is killed when it ends, also what left the group
 * (see RunProcesses). Never throws.
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
  // The first reason is the one that is told.
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
  // To those outside the group alone: many programs end at once when they are told twice.
  others.signal('SIGTERM', { exceptGroup: child.pid });
  const isAlive = (): boolean => signalGroup(child, 0) || others.living().length > 0;
  while (isAlive() && limits.clock.monotonic() < until) await pause(limits.clock, pollMs);
  signalGroup(child, 'SIGKILL');
}

/** Finds a wrong command before a job is claimed for it: else every job in the queue would fail on it. */
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
