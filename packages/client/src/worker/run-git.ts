import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { endsWithProcess, signalGroup } from './process-group.ts';

/** They would point git at another repository than the folder's, read names as patterns, or spoil a patch. */
const misleadingVariables =
  /^GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|PREFIX|COMMON_DIR|DIFF_OPTS|(LITERAL|GLOB|NOGLOB|ICASE)_PATHSPECS)$/;

/** What git may say at most where its words are kept in memory. */
const maxSaidBytes = 64 * 1024 * 1024;
const maxComplaint = 2000;

/** Where and how git is called. */
export interface Git {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Aborted: git is killed with all it started, and the call rejects with the reason. */
  readonly signal: AbortSignal;
}

interface GitCall {
  readonly stdin?: Buffer;
  /** Where stdout goes instead of into memory, and how much of it; more rejects with `TooMuch`. */
  readonly into?: { readonly file: string; readonly maxBytes: number };
  /** Whether exit code 1 means that it did what it could. */
  readonly partly?: boolean;
}

export interface GitAnswer {
  readonly said: Buffer;
  /** What it wrote to standard error, cut. */
  readonly complaint: string;
  /** False when it did only what it could. */
  readonly whole: boolean;
}

/** More came than was allowed. */
export class TooMuch extends Error {}

export function gitIn(cwd: string, env: Readonly<Record<string, string>>, signal: AbortSignal): Git {
  const cleaned = Object.entries(env).filter(([name]) => !misleadingVariables.test(name));
  return { cwd, env: Object.fromEntries(cleaned), signal };
}

export async function gitText(git: Git, args: readonly string[]): Promise<string> {
  return (await runGit(git, args)).said.toString().replace(/\n$/, '');
}

/**
 * Runs git in a process group of its own: Ctrl-C is the worker's to hear, and what hangs below git is killed with it.
 * Rejects with what git said when it fails, and at once with the signal's reason, whether or not git can still be ended.
 */
export async function runGit(git: Git, args: readonly string[], call: GitCall = {}): Promise<GitAnswer> {
  git.signal.throwIfAborted();
  const child = spawn('git', args, {
    cwd: git.cwd,
    env: { ...git.env, GIT_TERMINAL_PROMPT: '0', GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' },
    detached: true,
    windowsHide: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const group = endsWithProcess(child);
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (complaint.length < maxComplaint) complaint += text;
  });
  // Git may end without reading all of it; its exit code says more than a broken pipe.
  child.stdin.on('error', () => undefined).end(call.stdin ?? '');
  const said = keep(child.stdout, call.into);
  const ended = new Promise<{ code: number | null; by: string | null }>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, by) => resolve({ code, by }));
  });
  const aborted = abortion(git.signal);
  try {
    const [{ code, by }, bytes] = await Promise.race([Promise.all([ended, said]), aborted.rejection]);
    if (code === 0 || (code === 1 && call.partly === true)) return { said: bytes, complaint, whole: code === 0 };
    throw new Error(by === null ? `${nameOf(args)} failed: ${complaint.trim()}` : `${nameOf(args)} was ended by ${by}`);
  } catch (error) {
    signalGroup(child, 'SIGKILL');
    throw error;
  } finally {
    aborted.release();
    group.release();
    for (const late of [ended, said]) late.catch(() => undefined);
  }
}

async function keep(stdout: Readable, into: GitCall['into']): Promise<Buffer> {
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

function abortion(signal: AbortSignal): { readonly rejection: Promise<never>; release(): void } {
  let release = (): void => undefined;
  const rejection = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    release = () => signal.removeEventListener('abort', onAbort);
  });
  return { rejection, release: () => release() };
}

// `git add`, whatever options stand before the verb.
function nameOf(args: readonly string[]): string {
  const verb = args.find((arg, at) => /^[a-z-]+$/.test(arg) && !arg.startsWith('-') && args[at - 1] !== '-c');
  return `git ${verb ?? ''}`;
}
