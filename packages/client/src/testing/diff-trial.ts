import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { systemClock } from '../transport/clock.ts';
import { JobDiff, type DiffPlace } from '../worker/git/diff/job-diff.ts';

const never = new AbortController().signal;

const identity = {
  GIT_AUTHOR_NAME: 'n',
  GIT_AUTHOR_EMAIL: 'e@example.com',
  GIT_COMMITTER_NAME: 'n',
  GIT_COMMITTER_EMAIL: 'e@example.com',
  GIT_CONFIG_COUNT: '2',
  GIT_CONFIG_KEY_0: 'protocol.file.allow',
  GIT_CONFIG_VALUE_0: 'always',
  GIT_CONFIG_KEY_1: 'init.defaultBranch',
  GIT_CONFIG_VALUE_1: 'main',
};

/** One entry of `diffs.json`. */
export interface ListedDiff {
  readonly path: string;
  readonly artifact: string | null;
  readonly base: string | null;
  readonly head: string | null;
  readonly baseTree: string | null;
  readonly headTree: string | null;
  readonly sizeBytes: number | null;
  readonly digest: string | null;
  readonly contents: readonly { path: string; artifact: string }[];
  readonly leftOut: readonly string[];
}

/**
 * Creates a folder `top`, in which `sh` runs scripts. `diffOf` runs a script as the command of a job, and returns the
 * files that the worker would deposit.
 */
export async function setUpDiff() {
  const base = await mkdtemp(path.join(tmpdir(), 'job-diff-'));
  onTestFinished(() => {
    // Some tests create folders without read permission. `rm` cannot list these before this chmod.
    execFileSync('chmod', ['-R', 'u+rwX', base]);
    return rm(base, { recursive: true, force: true });
  });
  const top = path.join(base, 'top');
  mkdirSync(top);
  mkdirSync(path.join(base, 'home'));
  const sh = (script: string, cwd = top) =>
    execFileSync('bash', ['-ec', script], {
      cwd,
      env: { PATH: process.env['PATH'], HOME: path.join(base, 'home'), BASE: base, ...identity },
      stdio: 'pipe',
    }).toString();
  const env = { PATH: process.env['PATH'] ?? '', HOME: path.join(base, 'home') };
  let jobs = 0;
  const diffOf = async (script: string, options: Partial<DiffPlace> = {}) => {
    jobs += 1;
    const scratch = path.join(base, 'scratch', String(jobs));
    const workRoot = path.join(base, 'jobs');
    mkdirSync(workRoot, { recursive: true });
    const place = { folder: top, scratch, workRoot, env, fresh: false, clock: systemClock, ...options };
    const diff = await JobDiff.begin(place, never);
    sh(script, place.folder);
    const { deposits, leftOut, lost } = await diff.write(never);
    const named = (name: string) => deposits.find((deposit) => deposit.name === name);
    const text = (name: string) => {
      const file = named(name)?.path;
      return file === undefined ? undefined : readFileSync(file, 'latin1');
    };
    const list = JSON.parse(text('diffs.json') ?? '{"diffs":[]}') as { diffs: ListedDiff[]; leftOut?: string[] };
    const listed = (at: string) => list.diffs.find((entry) => entry.path === at);
    return { names: deposits.map(({ name }) => name), leftOut, lost, named, text, list, listed };
  };
  return { base, top, sh, diffOf };
}
