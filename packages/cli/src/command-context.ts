import { readFileSync } from 'node:fs';
import os from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { escapingStream } from './output/escaping-stream.ts';

/** The environment, streams, time and signals of a command. Tests replace them. */
export interface CommandContext {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly stdin: Readable;
  /** Standard output. Hidden characters in strings are escaped. Bytes are written unchanged. */
  readonly stdout: Writable;
  /** Standard error. Hidden characters in strings are escaped. Bytes are written unchanged. */
  readonly stderr: Writable;
  /** Standard error without escaping, for progress bars. Undefined if standard error is not a terminal. */
  readonly terminal: Writable | undefined;
  /** Returns the time in epoch milliseconds. */
  now(): number;
  /**
   * Exit code of a command that throws no error. A command may set it. For example, `job wait` sets it after a failed
   * job.
   */
  exitCode: number;
  /** Called when the program that reads standard output closes it. If undefined, the process then exits. */
  onOutputLost: (() => void) | undefined;
  /** True if the first signal that the command received was SIGINT (Ctrl-C). */
  readonly interrupted: boolean;
  /**
   * Returns an AbortSignal, so that the command can clean up. The first process signal of SIGINT (Ctrl-C), SIGTERM and
   * SIGHUP aborts it (SIGHUP not if `nohup` ignores it). A second process signal ends the process at once. Before this
   * method is called, each of these signals ends the process as usual.
   */
  signal(): AbortSignal;
  /**
   * Returns an AbortSignal that the second process signal aborts. After a call of this method, only the third process
   * signal ends the process at once.
   */
  secondSignal(): AbortSignal;
}

/** Returns the context of this process. `now` returns epoch milliseconds. */
export function processContext(now: () => number): CommandContext {
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
    now,
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

// Returns true if the process was started with SIGHUP ignored, as by `nohup`. Such a process must outlive its terminal,
// but a listener for SIGHUP would end it. Only Linux shows which signals are ignored.
function isHangupIgnored(): boolean {
  try {
    const ignored = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
    return ((BigInt(`0x${ignored}`) >> BigInt(os.constants.signals.SIGHUP - 1)) & 1n) === 1n;
  } catch {
    return false;
  }
}
