import { Readable, Writable } from 'node:stream';
import type { CommandContext } from '../command-context.ts';
import { runCommandLine } from '../command-line.ts';
import { escapingStream } from '../output/escaping-stream.ts';
import type { Run, RunOptions } from './run-entry.ts';

class Collector extends Writable {
  readonly #chunks: Buffer[] = [];

  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }
}

/**
 * Replaces the settings of Proofhouse in the environment of this process, from which the options of commands get their
 * default values. The returned function restores them.
 */
function replaceSettings(env: Readonly<Record<string, string>>): () => void {
  const isSetting = ([name]: [string, unknown]): boolean => name.startsWith('PROOFHOUSE_');
  const before = Object.fromEntries(Object.entries(process.env).filter(isSetting));
  const use = (settings: Readonly<Record<string, string | undefined>>): void => {
    for (const [name] of Object.entries(process.env).filter(isSetting)) Reflect.deleteProperty(process.env, name);
    Object.assign(process.env, settings);
  };
  use(Object.fromEntries(Object.entries(env).filter(isSetting)));
  return () => {
    use(before);
  };
}

let running = false;

/**
 * Runs a command in this process, with the streams and the environment of `runEntry`. This takes a small part of the
 * time of a new process. Process signals, and a standard output that is closed, need `runEntry`. Only one command
 * can run at a time.
 */
export async function runInProcess(
  args: readonly string[],
  { env = {}, cwd = process.cwd(), input = '' }: Omit<RunOptions, 'onOutput'> = {},
): Promise<Run> {
  const [stdout, stderr] = [new Collector(), new Collector()];
  const context: CommandContext = {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    cwd,
    stdin: Readable.from([Buffer.from(input)]),
    stdout: escapingStream(stdout),
    stderr: escapingStream(stderr),
    terminal: undefined,
    now: () => Date.now(),
    exitCode: 0,
    onOutputLost: undefined,
    interrupted: false,
    signal: () => new AbortController().signal,
    secondSignal: () => new AbortController().signal,
  };
  if (running) throw new Error('Another command runs in this process.');
  running = true;
  const restore = replaceSettings(env);
  try {
    const code = await runCommandLine(args, context);
    return { code, stdout: stdout.text, stderr: stderr.text };
  } finally {
    restore();
    running = false;
  }
}
