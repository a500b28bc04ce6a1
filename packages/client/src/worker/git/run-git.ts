import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { endsWithProcess, signalGroup } from '../process-group.ts';
import type { GitProgram } from './git-program.ts';

/** Largest output of git in bytes that is kept in memory. */
const maxSaidBytes = 64 * 1024 * 1024;
const maxComplaint = 16 * 1024;

/** The program, the working folder, the environment and the abort signal of git calls. */
export interface Git {
  readonly program: GitProgram;
  readonly cwd: string;
  /**
   * Environment variables in addition to `fixedVariables`, such as the path of the private repository. The value `undefined`
   * removes a fixed variable.
   */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** When it aborts, git is killed with its process group. The call then rejects with the reason of the signal. */
  readonly signal: AbortSignal;
}

interface GitCall {
  readonly stdin?: Buffer;
  /**
   * Writes stdout to a file instead of memory. If the output is larger than `maxBytes`, the call rejects with
   * `TooMuch`.
   */
  readonly into?: { readonly file: string; readonly maxBytes: number };
  /** Called for each NUL-terminated record of stdout. The output is then not kept in memory. */
  readonly each?: (record: Buffer) => void;
  /** True if exit code 1 is a success. With this code, git did only a part of the work, or found nothing. */
  readonly partly?: boolean;
}

export interface GitAnswer {
  readonly said: Buffer;
  /** Standard error of git, truncated. */
  readonly complaint: string;
  /** False if git exited with code 1, which `partly` allows. */
  readonly whole: boolean;
}

/** Thrown when the output is larger than the limit. */
export class TooMuch extends Error {}

/**
 * Settings of every git call. They override all configuration files. Git runs only on private repositories (see
 * `ShadowRepository`), whose configuration file the worker writes. But another process of the same user could change
 * that file.
 */
const settings = [
  'core.fsmonitor=false',
  'core.hooksPath=/dev/null',
  'core.untrackedCache=false',
  'core.splitIndex=false',
  'core.multiPackIndex=false',
  'core.commitGraph=false',
  'core.safecrlf=false',
  'core.fsync=none',
  'core.looseCompression=0',
  'core.pager=cat',
  'core.sshCommand=false',
  'add.ignoreErrors=false',
  'advice.addEmbeddedRepo=false',
  'credential.helper=',
  'protocol.allow=never',
  'submodule.recurse=false',
  'gc.auto=0',
  'maintenance.auto=false',
].flatMap((setting) => ['-c', setting]);

/**
 * Environment variables of every git call. With them, git ignores the configuration of the system and of the user, and
 * starts no program.
 */
const fixedVariables: Readonly<Record<string, string>> = {
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_ATTR_NOSYSTEM: '1',
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_GRAFT_FILE: '/dev/null',
  GIT_NO_LAZY_FETCH: '1',
  GIT_ALLOW_PROTOCOL: 'none',
  GIT_TERMINAL_PROMPT: '0',
  GIT_ASKPASS: 'false',
  GIT_SSH_COMMAND: 'false',
  GIT_PAGER: 'cat',
  GIT_EDITOR: 'false',
  GIT_SEQUENCE_EDITOR: 'false',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_TRACE2: '0',
  GIT_TRACE2_EVENT: '0',
  GIT_TRACE2_PERF: '0',
  LC_ALL: 'C',
};

export async function gitText(git: Git, args: readonly string[]): Promise<string> {
  return (await runGit(git, args)).said.toString().replace(/\n$/, '');
}

/**
 * Runs git. No other function starts git. Git does not get the environment of this process, so no `GIT_*` variable, no
 * HOME and no configuration outside the private repository has any effect. Git runs in its own process group. So Ctrl-C
 * does not reach it, and its children are killed with it. Rejects with the error message of git if git fails. When the
 * signal aborts, rejects at once with the reason of the signal, even if git cannot be killed.
 */
export async function runGit(git: Git, args: readonly string[], call: GitCall = {}): Promise<GitAnswer> {
  git.signal.throwIfAborted();
  const systemRoot = process.platform === 'win32' ? { SystemRoot: 'C:\\Windows' } : {};
  const child = spawn(git.program.file, [...settings, ...args], {
    cwd: git.cwd,
    env: { ...systemRoot, ...fixedVariables, ...git.env, PATH: git.program.searchPath },
    detached: true,
    windowsHide: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const group = endsWithProcess(child);
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (complaint.length < maxComplaint) complaint += text;
  });
  // Git may exit before it has read all of stdin. EPIPE is then ignored, because the exit code gives the reason.
  child.stdin.on('error', () => undefined).end(call.stdin ?? '');
  const said = keep(child.stdout, call);
  const ended = new Promise<{ code: number | null; by: string | null }>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, by) => resolve({ code, by }));
  });
  const aborted = abortion(git.signal);
  try {
    const [{ code, by }, bytes] = await Promise.race([Promise.all([ended, said]), aborted.rejection]);
    if (code === 0 || (code === 1 && call.partly === true)) return { said: bytes, complaint, whole: code === 0 };
    const verb = args[0] ?? '';
    const reason = complaint.trim().slice(0, 2000);
    throw new Error(by === null ? `git ${verb} failed: ${reason}` : `git ${verb} was ended by ${by}`);
  } catch (error) {
    signalGroup(child, 'SIGKILL');
    throw error;
  } finally {
    aborted.release();
    group.release();
    for (const late of [ended, said]) late.catch(() => undefined);
  }
}

/** Splits the output of git at NUL bytes. The records do not contain the NUL. */
export function recordsOf(said: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let from = 0, to = said.indexOf(0); to !== -1; from = to + 1, to = said.indexOf(0, from)) {
    records.push(said.subarray(from, to));
  }
  return records;
}

/** Encodes names as NUL-terminated records, the input format of the `-z` options of git. */
export function nulTerminated(names: Iterable<Buffer | string>): Buffer {
  const nul = Buffer.from('\0');
  return Buffer.concat([...names].flatMap((name) => [typeof name === 'string' ? Buffer.from(name) : name, nul]));
}

async function keep(stdout: Readable, { into, each }: GitCall): Promise<Buffer> {
  if (each !== undefined) return eachRecord(stdout, each);
  const limit = into?.maxBytes ?? maxSaidBytes;
  const kept: Buffer[] = [];
  let size = 0;
  async function* counted(): AsyncGenerator<Buffer, void, undefined> {
    for await (const piece of stdout as AsyncIterable<Buffer>) {
      size += piece.length;
      if (size > limit) throw new TooMuch(`git says more than ${Math.floor(limit / 1024 / 1024)} MiB`);
      yield piece;
    }
  }
  if (into === undefined) for await (const piece of counted()) kept.push(piece);
  else await pipeline(counted, createWriteStream(into.file, { mode: 0o600 }));
  return Buffer.concat(kept);
}

async function eachRecord(stdout: Readable, each: (record: Buffer) => void): Promise<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of stdout as AsyncIterable<Buffer>) {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    if (rest.length > maxSaidBytes) throw new TooMuch('git says a record of more than 64 MiB');
    let from = 0;
    for (let to = rest.indexOf(0); to !== -1; from = to + 1, to = rest.indexOf(0, from)) each(rest.subarray(from, to));
    rest = rest.subarray(from);
  }
  return Buffer.alloc(0);
}

function abortion(signal: AbortSignal): { readonly rejection: Promise<never>; release(): void } {
  let release = (): void => undefined;
  const rejection = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    release = () => signal.removeEventListener('abort', onAbort);
  });
  return { rejection, release: () => release() };
}
