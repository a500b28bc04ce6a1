import { readFileSync } from 'node:fs';
import os from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { escapingStream } from './output/escaping-stream.ts';

/** What a command uses of its process: environment, streams, time and signals. */
export interface CommandContext {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly stdin: Readable;
  /** Escapes the hidden characters of written text; bytes are written unchanged. */
  readonly stdout: Writable;
  /** The same for standard error. */
  readonly stderr: Writable;
  /** Standard error without escaping, for progress bars; undefined when it is no terminal. */
  readonly terminal: Writable | undefined;
  /** Epoch ms. */
  now(): number;
  /** Set by commands whose exit code is not 0 although they did not fail. */
  exitCode: number;
  /** Called when standard output is closed by its reader; when undefined, that ends the process. */
  onOutputLost: (() => void) | undefined;
  /** Whether Ctrl-C was pressed. */
  readonly interrupted: boolean;
  /**
   * Aborted by SIGINT (Ctrl-C), SIGTERM and SIGHUP (unless `nohup` ignores it), so that the command can clean up; a second
   * signal ends the process at once. Until this is called, signals end the process as usual.
   */
  signal(): AbortSignal;
  /** Aborted by the second signal; once this was called, only a third signal ends the process at once. */
  secondSignal(): AbortSignal;
}

/** The surroundings of this process. `now`: epoch ms. */
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

// A command started by `nohup` must outlive its terminal, and a listener for SIGHUP would undo that. Only Linux shows ignored
// signals.
function isHangupIgnored(): boolean {
  try {
    const ignored = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
    return ((BigInt(`0x${ignored}`) >> BigInt(os.constants.signals.SIGHUP - 1)) & 1n) === 1n;
  } catch {
    return false;
  }
}
