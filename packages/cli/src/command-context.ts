import { systemClock } from '@proofhouse/client';
import type { Readable, Writable } from 'node:stream';

/** The surroundings of a command: what it reads, where it speaks, what time it is. */
export interface CommandContext {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable & { readonly isTTY?: boolean };
  now(): number;
  /** Set by commands that end otherwise than with 0 without having failed themselves. */
  exitCode: number;
  /** Whether Ctrl-C was pressed. */
  readonly interrupted: boolean;
  /**
   * Aborted by Ctrl-C and SIGTERM, so that the command can tidy up; a second Ctrl-C ends the process at once. Until it is
   * asked for, signals end the process as usual.
   */
  signal(): AbortSignal;
}

export function processContext(): CommandContext {
  const controller = new AbortController();
  let installed = false;
  let interrupted = false;
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143);
    interrupted = name === 'SIGINT';
    controller.abort();
  };
  return {
    env: process.env,
    cwd: process.cwd(),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    now: () => systemClock.now(),
    exitCode: 0,
    get interrupted() {
      return interrupted;
    },
    signal: () => {
      if (!installed) for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, onSignal);
      installed = true;
      return controller.signal;
    },
  };
}
