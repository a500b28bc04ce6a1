import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../../transport/clock.ts';
import { HandClock } from '../../../testing/hand-clock.ts';
import { gitTimeLimitMs, JobDiff, type DiffPlace } from './job-diff.ts';

const realGit = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
const never = new AbortController().signal;

async function setUp() {
  const base = await mkdtemp(path.join(tmpdir(), 'job-diff-'));
  onTestFinished(() => rm(base, { recursive: true, force: true }));
  const [top, scratch, bin] = ['top', 'scratch', 'bin'].map((name) => path.join(base, name)) as [
    string,
    string,
    string,
  ];
  for (const folder of [top, scratch, bin]) mkdirSync(folder);
  const sh = (script: string, cwd = top) =>
    execFileSync('bash', ['-ec', script], { cwd, env: { ...process.env, ...identity }, stdio: 'pipe' }).toString();
  const env: Record<string, string> = { PATH: process.env['PATH'] ?? '', HOME: base, ...identity };
  const place: DiffPlace = { folder: top, scratch, workRoot: scratch, env, fresh: false, clock: systemClock };
  /** Runs the script as the command of a job. Returns the patch and the warnings. */
  const diffOf = async (script: string, options: Partial<DiffPlace> = {}) => {
    const diff = await JobDiff.begin({ ...place, ...options }, never);
    sh(script, options.folder);
    const { deposits, leftOut: warnings } = await diff.write(never);
    const patch = deposits.find(({ name }) => name === 'diff.diff')?.path;
    return { patch: patch === undefined ? undefined : readFileSync(patch), warnings };
  };
  /** Replaces git in PATH by a script, which may call the real git as `$real`. */
  const replaceGit = (script: string) => {
    writeFileSync(path.join(bin, 'git'), `#!/bin/bash\nreal=${realGit}\n${script}\n`, { mode: 0o755 });
    env['PATH'] = `${bin}:${process.env['PATH']}`;
  };
  return { base, top, scratch, env, place, sh, diffOf, replaceGit };
}

const identity = {
  GIT_AUTHOR_NAME: 'n',
  GIT_AUTHOR_EMAIL: 'e@example.com',
  GIT_COMMITTER_NAME: 'n',
  GIT_COMMITTER_EMAIL: 'e@example.com',
};

describe('the changes of a command', () => {
  test('are in the patch; changes and untracked files from before it are not', async () => {
    const { sh, diffOf } = await setUp();
    sh('git init -q; echo one > kept; git add .; git commit -qm x; echo SECRET=1 > .env; echo dirty >> kept');
    const { patch, warnings } = await diffOf('echo more >> kept; echo new > new');
    expect(warnings).toEqual([]);
    expect(patch?.toString()).toContain('+more');
    expect(patch?.toString()).toContain('+new');
    expect(patch?.toString()).not.toMatch(/SECRET|\+dirty/);
  });

  test('are those of the folder it ran in, with paths from the top of the repository', async () => {
    const { top, sh, diffOf } = await setUp();
    sh('git init -q; mkdir -p "a b/in" other; echo 1 > "a b/in/f"; echo 1 > other/f; git add .; git commit -qm x');
    const { patch } = await diffOf('echo 2 > f; echo 2 > ../../other/f', { folder: path.join(top, 'a b/in') });
    expect(patch?.toString()).toContain('a/a b/in/f');
    expect(patch?.toString()).not.toContain('other');
    sh('git checkout -q .');
    execFileSync('git', ['apply'], { cwd: top, input: patch });
    expect(readFileSync(path.join(top, 'a b/in/f'), 'utf8')).toBe('2\n');
  });

  test('are empty when there is no repository; git is not even called', async () => {
    const { base, diffOf, replaceGit } = await setUp();
    replaceGit(`echo called >> ${base}/called; exec $real "$@"`);
    expect(await diffOf('echo new > new')).toEqual({ patch: undefined, warnings: [] });
    expect(await diffOf('echo SECRET > .env; git init -q')).toEqual({
      patch: undefined,
      warnings: [expect.stringContaining('made in a folder whose files no repository knew before')],
    });
    expect(existsSync(`${base}/called`)).toBe(false);
  });

  test('are empty where an entry is named like a repository and is none', async () => {
    const { sh, diffOf } = await setUp();
    sh('mkdir .git');
    expect(await diffOf('echo new > new')).toEqual({ patch: undefined, warnings: [] });
  });

  test('are also found when committed, made on another branch, or added although ignored', async () => {
    const { sh, diffOf } = await setUp();
    sh('git init -q; echo ignored > .gitignore; echo 1 > f; git add .; git commit -qm x');
    const { patch } = await diffOf(
      'git checkout -qb other; echo 2 > f; echo mine > ignored; git add -f ignored; git commit -qam y; echo loose > g',
    );
    for (const line of ['+2', '+mine', '+loose']) expect(patch?.toString()).toContain(line);
  });

  test('are found in a repository that it created in a new folder, never in one around that folder', async () => {
    const { base, top, sh, diffOf } = await setUp();
    sh('git init -q; echo 1 > f; git add .; git commit -qm x');
    const folder = path.join(top, 'proofhouse-job-1');
    mkdirSync(folder);
    const fresh = { folder, workRoot: top, fresh: true };
    expect(await diffOf('echo 2 > f', fresh)).toEqual({ patch: undefined, warnings: [] });
    rmSync(`${folder}/f`);
    sh(`git clone -q ${top} ${base}/origin`);
    const { patch } = await diffOf(`git clone -q ${base}/origin .; echo 3 > f`, fresh);
    expect(patch?.toString()).toContain('-1\n+3\n');
  });

  test('are found although the folder is gone, or is ignored by the repository', async () => {
    const { top, sh, diffOf } = await setUp();
    sh('git init -q; mkdir d; echo 1 > d/f; git add .; git commit -qm x; echo d > .gitignore');
    const folder = path.join(top, 'd');
    expect((await diffOf('echo 2 > f; echo 2 > ignored', { folder })).patch?.toString()).toMatch(/\+2\n$/);
    expect((await diffOf('rm -r ../d', { folder })).patch?.toString()).toContain('deleted file');
  });

  test('are found when size and time are equal', async () => {
    const { sh, diffOf } = await setUp();
    sh('git init -q');
    for (let round = 1; round <= 5; round += 1) {
      sh(`echo before${round} > f; git add .; git commit -qm x; echo behind${round} > f`);
      expect((await diffOf(`echo later.${round} > f`)).patch?.toString()).toContain(`-behind${round}\n+later.${round}`);
    }
  });
});

describe('the patch', () => {
  test('applied to a copy from before gives the result of the command: names, bytes, renames, modes, links, submodules', async () => {
    const { base, top, sh, diffOf } = await setUp();
    sh(`git init -q lib ; cd lib; echo l > l; git add .; git commit -qm l; cd ..; rm -rf ../lib; mv lib ../lib
      git init -q; git -c protocol.file.allow=always submodule --quiet add ${base}/lib sub
      seq 100 > moved; echo 1 > mode; ln -s mode link; mkdir dir; echo x > dir/x; echo f > file; printf 'no end' > noend
      head -c 3000 /dev/urandom > bin; echo gone > gone; printf 'crlf\\r\\n' > crlf; git add .; git commit -qm x`);
    sh(
      'git config diff.noprefix true; git config color.ui always; git config core.autocrlf input; git config core.safecrlf true; git config diff.external false; git config diff.mnemonicPrefix true',
    );
    sh('echo dirty > dirty; git config core.splitIndex true; git config core.fsmonitor true');
    cpSync(top, `${base}/copy`, { recursive: true, verbatimSymlinks: true });
    const { patch, warnings } = await diffOf(`
      mkdir "new dir"; git mv moved "new dir/moved away"; chmod +x mode; ln -sf file link; rm -r dir; echo now a file > dir
      rm file; mkdir file; echo x > file/x; printf 'still no end' > noend; head -c 3000 /dev/urandom > bin; rm gone
      printf 'a\\tb' > $'tab\\tname'; printf 'x' > $'line\\nname'; printf 'y' > $'bytes\\xff\\xfe'; : > empty; echo ü > ü
      printf 'a b\\r\\n' > crlf; git -C sub commit -q --allow-empty -m further; git init -q inner; echo e > inner/e`);
    expect(warnings).toEqual([]);
    expect(patch?.toString()).toContain('rename to new dir/moved away');
    expect(patch?.toString()).not.toContain('inner');
    // The patch contains the submodule only as an entry of the index, so it is excluded here.
    execFileSync('git', ['apply', '--binary', '--exclude=sub'], { cwd: `${base}/copy`, input: patch });
    execFileSync('git', ['apply', '--check', '--binary', '--index', '--include=sub'], {
      cwd: `${base}/copy`,
      input: patch,
    });
    sh(`rm -rf ${base}/copy/sub ${base}/copy/.git; rm -rf sub inner .git; diff -r --no-dereference . ${base}/copy`);
    expect(statSync(`${base}/copy/mode`).mode & 0o111).toBe(0o111);
  });

  test('leaves the repository as it was: its index, its objects, its hooks not started', async () => {
    const { base, top, sh, diffOf } = await setUp();
    sh('git init -q; echo 1 > f; git add .; git commit -qm x; echo staged > s; git add s; echo untracked > u');
    writeFileSync(`${top}/.git/hooks/post-index-change`, `#!/bin/sh\necho heard > ${base}/heard\n`, { mode: 0o755 });
    const state = () => [
      readFileSync(`${top}/.git/index`, 'hex'),
      sh('find .git -type f | sort; git status --porcelain'),
    ];
    rmSync(`${base}/heard`, { force: true });
    const before = state();
    rmSync(`${base}/heard`, { force: true });
    expect((await diffOf('true')).patch).toBeUndefined();
    expect(existsSync(`${base}/heard`)).toBe(false);
    expect(state()).toEqual(before);
  });

  test('never contains job folders or the data of a server that lie in the repository', async () => {
    const { top, scratch, sh, diffOf } = await setUp();
    sh(
      'git init -q; mkdir -p "w[1]"/proofhouse-job-a var/blobs; echo 1 > "w[1]"/proofhouse-job-a/f; echo d > var/proofhouse.db',
    );
    for (const workRoot of [top, path.join(top, 'w[1]')]) {
      const { patch, warnings } = await diffOf(
        `mkdir -p "w[1]"/proofhouse-job-b proofhouse-job-c; echo $RANDOM | tee mine "w[1]"/proofhouse-job-{a,b}/f proofhouse-job-c/f > var/proofhouse.db; echo $RANDOM > var/blobs/b`,
        { workRoot },
      );
      expect(patch?.toString()).toContain('b/mine');
      expect(patch?.toString()).not.toContain('var/');
      if (workRoot === top) expect(patch?.toString()).not.toContain('proofhouse-job-c');
      else expect(patch?.toString()).not.toContain('proofhouse-job-b');
      expect(warnings).toEqual([]);
      rmSync(`${top}/proofhouse-job-c`, { recursive: true });
    }
    expect(readdirSync(scratch)).toContain('git-1');
  });

  test('is made during an unresolved merge', async () => {
    const { top, sh, diffOf } = await setUp();
    sh(`git init -q -b main; mkdir in; echo 1 > f; echo 1 > in/f; git add .; git commit -qm x
      git checkout -qb other; echo 2 | tee f > in/f; git commit -qam y; git checkout -q main; echo 3 | tee f > in/f
      git commit -qam z; git merge other || true`);
    const { patch, warnings } = await diffOf('echo more >> f', { folder: path.join(top, 'in') });
    expect(warnings).toEqual([]);
    expect(patch?.toString()).toMatch(/\+more\n$/);
  });
});

describe('a diff that cannot be made', () => {
  test('because it is too large causes a warning, for the whole or for one file', async () => {
    const { top, sh, diffOf } = await setUp();
    sh('git init -q');
    const { patch, warnings } = await diffOf('seq 300000 > f', { limits: { maxDiffBytes: 1024 * 1024 } });
    expect(patch).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('larger than 1 MiB')]);
    writeFileSync(`${top}/large`, '');
    truncateSync(`${top}/large`, 65 * 1024 * 1024);
    const beside = await diffOf('echo small > small; echo x >> large');
    expect(beside.patch?.toString()).toMatch(/\+small\n$/);
    expect(beside.warnings).toEqual([expect.stringContaining('large is larger than 64 MiB')]);
  });

  test('because files vanish is retried, and in the end made without them, with a warning', async () => {
    const { base, sh, diffOf, replaceGit } = await setUp();
    sh('git init -q');
    const failing = (times: number) =>
      `if [[ " $* " == *" add "* && $(wc -l < ${base}/adds) -lt ${times} ]]; then echo >> ${base}/adds
         [[ " $* " == *" --ignore-errors "* ]] && $real "$@"
         echo 'error: open("vanished"): No such file or directory' >&2; exit $([[ " $* " == *" --ignore-errors "* ]] && echo 1 || echo 128)
       fi; exec $real "$@"`;
    writeFileSync(`${base}/adds`, '');
    replaceGit(failing(2));
    expect(await diffOf('echo 1 > f')).toMatchObject({ patch: expect.anything(), warnings: [] });
    writeFileSync(`${base}/adds`, '');
    replaceGit(failing(3));
    const { patch, warnings } = await diffOf('echo 2 > f');
    expect(patch?.toString()).toContain('+2');
    expect(warnings).toEqual([expect.stringContaining('open("vanished")')]);
  });

  test('because git was killed causes a warning with the signal', async () => {
    const { sh, diffOf, replaceGit } = await setUp();
    sh('git init -q');
    replaceGit('kill -KILL $$');
    const { patch, warnings } = await diffOf('true');
    expect(patch).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('git config was ended by SIGKILL')]);
  });

  test('because git hangs times out, and everything that git started is killed', async () => {
    const { base, place, sh, replaceGit } = await setUp();
    sh('git init -q');
    replaceGit(`sleep 1000 & echo $! $(ps -o pgid= -p $$) $$ > ${base}/pid.new; mv ${base}/pid.new ${base}/pid; wait`);
    const clock = new HandClock();
    const begun = JobDiff.begin({ ...place, clock }, never);
    await vi.waitFor(() => expect(existsSync(`${base}/pid`)).toBe(true), 5000);
    clock.advance(gitTimeLimitMs);
    const { deposits, leftOut } = await (await begun).write(never);
    expect([deposits.map(({ name }) => name), leftOut]).toEqual([
      ['diffs.json'],
      [expect.stringContaining('git took longer than 60 s')],
    ]);
    const [sleeper, group, leader] = readFileSync(`${base}/pid`, 'utf8').trim().split(/\s+/);
    // Git is the leader of its own process group, so Ctrl-C at the terminal does not reach it.
    expect(group).toBe(leader);
    await vi.waitFor(() => {
      const state = existsSync(`/proc/${sleeper}/stat`) ? readFileSync(`/proc/${sleeper}/stat`, 'utf8') : ') Z';
      expect(state.slice(state.lastIndexOf(')') + 2)).toMatch(/^[ZX]/);
    }, 3000);
  });

  test('because git refuses the repository causes a warning with the reason', async () => {
    const { top, sh, diffOf } = await setUp();
    sh('git init -q; echo "[core" > .git/config');
    expect((await diffOf('true')).warnings).toEqual([expect.stringMatching(/git config failed: .*config/)]);
    expect(existsSync(`${top}/.git/index`)).toBe(false);
  });
});
