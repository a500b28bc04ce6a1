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

/**
 * Writes what differs from HEAD in the repository around `folder`, untracked files included, as a patch that
 * `git apply --binary` takes. Answers the patch's path, or undefined when there is no repository or no difference.
 *
 * The repository stays as it is: files are added to a copy of its index, and new objects go to `scratch`.
 */
export async function writeGitDiff(
  folder: string,
  scratch: string,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const cleaned = Object.entries(env).filter(([name]) => !repositoryVariables.test(name));
  const plain: Git = { cwd: folder, env: Object.fromEntries(cleaned), signal };
  const top = await textOf(plain, ['rev-parse', '--show-toplevel']).catch(() => undefined);
  if (top === undefined || top === '') return undefined;
  const git = await withOwnIndex({ ...plain, cwd: top }, scratch);
  await run(git, ['-c', 'core.fsmonitor=false', '-c', 'core.untrackedCache=false', 'add', '-A']);
  const patch = path.join(scratch, 'diff.diff');
  const file = await open(patch, 'w');
  try {
    // diff-index, since `git diff` obeys settings that make its output unusable as a patch.
    const options = ['--cached', '--patch', '--binary', '-M', '--no-color', '--no-ext-diff', '--no-textconv'];
    await run(git, ['diff-index', ...options, await baseTree(git), '--'], file.fd);
  } finally {
    await file.close();
  }
  return (await stat(patch)).size === 0 ? undefined : patch;
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

/** HEAD, or the empty tree before the first commit. */
async function baseTree(git: Git): Promise<string> {
  const head = await textOf(git, ['rev-parse', '--verify', '--quiet', 'HEAD']).catch(() => '');
  return head === '' ? textOf(git, ['mktree']) : head;
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
