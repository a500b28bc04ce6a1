import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '@proofhouse/core';
import { pause, type Clock } from '../clock.ts';

export interface CommandSpec {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** stdout and stderr both go here, in the order in which they were written. */
  readonly logFd: number;
}

/** `stopped`: it was ended from outside before it ended by itself. */
export interface CommandEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stopped: boolean;
  readonly startError?: Error;
}

const pollMs = 50;

/**
 * Runs a command in a process group of its own, and ends the whole group when `stop` is aborted: SIGTERM, the grace,
 * SIGKILL. What it left running in the background is killed when it ends. Never throws.
 */
export async function runCommand(
  spec: CommandSpec,
  stop: AbortSignal,
  limits: { readonly clock: Clock; readonly graceMs: number },
): Promise<CommandEnd> {
  if (stop.aborted) return { exitCode: null, signal: null, stopped: true };
  let child: ChildProcess;
  try {
    child = start(spec);
  } catch (error) {
    return { exitCode: null, signal: null, stopped: false, startError: error as Error };
  }
  let ending: Promise<void> | undefined;
  const onStop = (): void => {
    ending = endGroup(child, limits);
  };
  stop.addEventListener('abort', onStop, { once: true });
  const end = await ended(child);
  stop.removeEventListener('abort', onStop);
  const stopped = ending !== undefined;
  await ending;
  signalGroup(child, 'SIGKILL');
  return { ...end, stopped };
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

function ended(child: ChildProcess): Promise<Omit<CommandEnd, 'stopped'>> {
  return new Promise((resolve) => {
    child.once('error', (startError) => {
      if (child.pid === undefined) resolve({ exitCode: null, signal: null, startError });
    });
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
}

async function endGroup(
  child: ChildProcess,
  limits: { readonly clock: Clock; readonly graceMs: number },
): Promise<void> {
  const until = limits.clock.now() + limits.graceMs;
  signalGroup(child, 'SIGTERM');
  while (signalGroup(child, 0) && limits.clock.now() < until) await pause(limits.clock, pollMs);
  signalGroup(child, 'SIGKILL');
}

/** Whether there was anybody to hear it. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  if (child.pid === undefined) return false;
  try {
    // Windows has no process groups; there the command alone is ended.
    return process.platform === 'win32' ? child.kill(signal) : process.kill(-child.pid, signal);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
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
