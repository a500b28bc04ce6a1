import { systemClock } from '@proofhouse/client';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { escapingStream } from './output/escaping-stream.ts';

/** The surroundings of a command: what it reads, where it speaks, what time it is. */
export interface CommandContext {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly stdin: Readable;
  /** Escapes the hidden characters of text that is written; bytes pass as they are. */
  readonly stdout: Writable;
  /** The same for standard error. */
  readonly stderr: Writable;
  /** Where a progress bar is drawn: standard error without escaping, where a person watches it. */
  readonly terminal: Writable | undefined;
  now(): number;
  /** Set by commands that end otherwise than with 0 without having failed themselves. */
  exitCode: number;
  /** Hears that nobody reads standard output any more; without it that ends the process. */
  onOutputLost: (() => void) | undefined;
  /** Whether Ctrl-C was pressed. */
  readonly interrupted: boolean;
  /**
   * Aborted by Ctrl-C, SIGTERM and the end of the terminal (SIGHUP, unless `nohup` was asked for), so that the command can tidy up; a second one ends the process at once. Until it is
   * asked for, signals end the process as usual.
   */
  signal(): AbortSignal;
  /** Aborted by the second one; where it was asked for, only a third ends the process at once. */
  secondSignal(): AbortSignal;
}

export function processContext(): CommandContext {
  const controllers = [new AbortController()];
  let installed = false;
  let interrupted = false;
  const onSignal = (name: NodeJS.Signals): void => {
    const next = controllers.findIndex(({ signal }) => !signal.aborted);
    if (next === -1) process.exit(128 + os.constants.signals[name]);
    if (next === 0) interrupted = name === 'SIGINT';
    controllers[next]?.abort();
  };
  const signalAt = (at: number): AbortSignal => {
    if (!installed) for (const name of endingSignals()) process.on(name, onSignal);
    installed = true;
    return (controllers[at] ??= new AbortController()).signal;
  };
  return {
    env: process.env,
    cwd: process.cwd(),
    stdin: process.stdin,
    stdout: escapingStream(process.stdout),
    stderr: escapingStream(process.stderr),
    terminal: process.stderr.isTTY ? process.stderr : undefined,
    now: () => systemClock.now(),
    exitCode: 0,
    onOutputLost: undefined,
    get interrupted() {
      return interrupted;
    },
    signal: () => signalAt(0),
    secondSignal: () => signalAt(1),
  };
}

function endingSignals(): NodeJS.Signals[] {
  return ['SIGINT', 'SIGTERM', ...(isHangupIgnored() ? [] : (['SIGHUP'] as const))];
}

// Whoever starts a command by `nohup` wants it to outlive the terminal; listening would undo that. Only Linux tells.
function isHangupIgnored(): boolean {
  try {
    const ignored = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
    return ((BigInt(`0x${ignored}`) >> BigInt(os.constants.signals.SIGHUP - 1)) & 1n) === 1n;
  } catch {
    return false;
  }
}
