import { spawn } from 'node:child_process';
import { copyFile, mkdir, open, stat } from 'node:fs/promises';
import path from 'node:path';

interface Git {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** They would point git at another repository than the folder's. */
const repositoryVariables =
  /^GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|PREFIX|COMMON_DIR)$/;

/** Where a repository stands; no `head` before its first commit. */
export interface GitBase {
  readonly top: string;
  readonly head: string | undefined;
}

export interface GitPlace {
  /** Somewhere in the repository, if there is one. */
  readonly folder: string;
  /** For the copy of the index, new objects and the patch. */
  readonly scratch: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The repository around `folder` and its present commit; undefined when there is none, or no git. */
export async function findGitBase(
  folder: string,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<GitBase | undefined> {
  const git = gitIn(folder, env, signal);
  const top = await textOf(git, ['rev-parse', '--show-toplevel']).catch(() => '');
  if (top === '') return undefined;
  const head = await textOf(git, ['rev-parse', '--verify', '--quiet', 'HEAD']).catch(() => '');
  return { top, head: head === '' ? undefined : head };
}

/**
 * Writes what differs from `base` in the repository around the folder, commits made since and untracked files included,
 * as a patch that `git apply --binary` takes. A repository that is another than the base's is compared with its own
 * HEAD. Answers the patch's path, or undefined when there is no repository or no difference.
 *
 * The repository stays as it is: files are added to a copy of its index, and new objects go to `scratch`.
 */
export async function writeGitDiff(
  { folder, scratch, env }: GitPlace,
  base: GitBase | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const present = await findGitBase(folder, env, signal);
  if (present === undefined) return undefined;
  const { top, head } = base?.top === present.top ? base : present;
  const git = await withOwnIndex(gitIn(top, env, signal), scratch);
  await run(git, ['-c', 'core.fsmonitor=false', '-c', 'core.untrackedCache=false', 'add', '-A']);
  const patch = path.join(scratch, 'diff.diff');
  const file = await open(patch, 'w');
  try {
    // diff-index, since `git diff` obeys settings that make its output unusable as a patch.
    const options = ['--cached', '--patch', '--binary', '-M', '--no-color', '--no-ext-diff', '--no-textconv'];
    await run(git, ['diff-index', ...options, head ?? (await textOf(git, ['mktree'])), '--'], file.fd);
  } finally {
    await file.close();
  }
  return (await stat(patch)).size === 0 ? undefined : patch;
}

function gitIn(cwd: string, env: Readonly<Record<string, string>>, signal: AbortSignal): Git {
  const cleaned = Object.entries(env).filter(([name]) => !repositoryVariables.test(name));
  return { cwd, env: Object.fromEntries(cleaned), signal };
}

async function withOwnIndex(git: Git, scratch: string): Promise<Git> {
  const objects = path.resolve(git.cwd, await textOf(git, ['rev-parse', '--git-path', 'objects']));
  const index = path.resolve(git.cwd, await textOf(git, ['rev-parse', '--git-path', 'index']));
  const ownIndex = path.join(scratch, 'git-index');
  const ownObjects = path.join(scratch, 'git-objects');
  await mkdir(ownObjects, { recursive: true });
  // A fresh repository has no index yet.
  await copyFile(index, ownIndex).catch(() => undefined);
  return {
    ...git,
    env: {
      ...git.env,
      GIT_INDEX_FILE: ownIndex,
      GIT_OBJECT_DIRECTORY: ownObjects,
      GIT_ALTERNATE_OBJECT_DIRECTORIES: objects,
      GIT_OPTIONAL_LOCKS: '0',
    },
  };
}

async function textOf(git: Git, args: readonly string[]): Promise<string> {
  return (await run(git, args)).replace(/\n$/, '');
}

/** stdout as text, unless it goes to a file. Rejects with what git said when it fails. */
function run(git: Git, args: readonly string[], stdoutFd?: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', args, {
      cwd: git.cwd,
      env: { ...git.env, GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' },
      signal: git.signal,
      stdio: ['ignore', stdoutFd ?? 'pipe', 'pipe'],
    });
    let said = '';
    let complaint = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (complaint.length < 2000) complaint += text;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(said);
      else
        reject(
          new Error(
            `git ${args.find((arg) => /^[a-z-]+$/.test(arg) && arg !== '-c') ?? ''} failed: ${complaint.trim()}`,
          ),
        );
    });
  });
}
