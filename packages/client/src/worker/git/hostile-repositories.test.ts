import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../transport/clock.ts';
import { setUpDiff } from '../../testing/diff-trial.ts';

const commit = 'git add -A; git commit -qm x';
const secret = 'git init -q $BASE/secret; cd $BASE/secret; echo SECRET > s; git add .; git commit -qm s; cd $OLDPWD';

describe('git files that a command replaced', () => {
  test.each([
    ['a FIFO for the index', 'rm .git/index; mkfifo .git/index'],
    ['a FIFO for HEAD', 'rm .git/HEAD; mkfifo .git/HEAD'],
    [
      'a FIFO for packed-refs and logs',
      'mkfifo .git/packed-refs; rm -r .git/logs; mkfifo .git/logs .git/FETCH_HEAD .git/shallow',
    ],
    [
      'a FIFO for the configuration, its exclude file and attributes',
      'rm -f .git/config .git/info/exclude; mkfifo .git/config .git/config.worktree .git/info/exclude .git/info/attributes',
    ],
    [
      'a FIFO for alternates, the commit graph and a pack index',
      'mkdir -p .git/objects/info; mkfifo .git/objects/info/alternates .git/objects/info/commit-graph .git/objects/pack/multi-pack-index',
    ],
    ['a FIFO for .git of a subfolder', 'mkdir x; mkfifo x/.git; echo f > x/f'],
    ['a FIFO for .gitmodules', 'mkfifo .gitmodules'],
    ['a link to itself for the index', 'rm .git/index; ln -s index .git/index'],
    ['a device for the index', 'rm .git/index; ln -s /dev/zero .git/index'],
    ['an index of noise', 'head -c 5000 /dev/urandom > .git/index'],
    ['an empty index', ': > .git/index'],
    ['a HEAD of noise', 'head -c 5000 /dev/urandom > .git/HEAD'],
    ['an endless reference', 'echo "ref: HEAD" > .git/HEAD; echo "ref: refs/heads/main" > .git/refs/heads/main'],
    ['a lock of the index', 'touch .git/index.lock .git/HEAD.lock'],
    ['nothing for .git', 'rm -rf .git'],
  ])('hides no change and ends in time: %s', async (_what, script) => {
    const { sh, diffOf } = await setUpDiff();
    sh(`git init -q; echo 1 > f; ${commit}`);
    const began = process.hrtime.bigint();
    const { leftOut, text } = await diffOf(`${script}; echo 2 > f`);
    // Either the patch contains the change, or a warning says that there is no patch.
    if (text('diff.diff') === undefined) expect(leftOut.join('\n')).toContain('diff.diff was not deposited');
    else expect(text('diff.diff')).toContain('-1\n+2\n');
    expect(Number(process.hrtime.bigint() - began) / 1e9).toBeLessThan(25);
  });

  test.each([
    ['HEAD of a subfolder', 'mkdir -p x/.git/objects x/.git/refs; mkfifo x/.git/HEAD; echo f > x/f'],
    ['.gitattributes', 'mkdir x; mkfifo x/.gitattributes; echo f > x/f'],
    ['.gitignore', 'mkdir x; mkfifo x/.gitignore; echo f > x/f'],
  ])('cannot block git for longer than its time: a FIFO for %s', async (_what, script) => {
    const { sh, diffOf } = await setUpDiff();
    sh(`git init -q; echo 1 > f; ${commit}`);
    // This clock runs 30 times as fast, so the time limit of 60 s becomes 2 s.
    const clock = { ...systemClock, after: (ms: number, task: () => void) => systemClock.after(ms / 30, task) };
    const { leftOut, names } = await diffOf(script, { clock });
    expect([names, leftOut]).toEqual([['diffs.json'], [expect.stringContaining('git took longer than 60 s')]]);
  });

  test('hide no change when they are a FIFO, a socket, a device or unreadable', async () => {
    const { sh, diffOf } = await setUpDiff();
    sh(`git init -q; mkdir d; for name in f g h d/i; do echo 1 > $name; done; ${commit}`);
    const { leftOut, text } = await diffOf(
      'rm f g; mkfifo f; ln -s /dev/zero g; echo 2 > h; echo new > n; chmod 000 n',
    );
    expect(leftOut[0]).toBe('f is not in the diff: it is not a regular file');
    expect(text('diff.diff')).toContain('+2');
    expect(text('diff.diff')).toContain('+/dev/zero');
    if (process.getuid?.() !== 0) expect(leftOut.join('\n')).toMatch(/not everything is in the diff: .*n/);
  });

  test('in a new folder end in time, with a warning', async () => {
    const { base, diffOf } = await setUpDiff();
    for (const [at, script] of [
      'git init -q; rm .git/HEAD; mkfifo .git/HEAD',
      'git init -q; mkfifo .git/objects/pack/pack-1.pack',
      'git init -q; rm -r .git/refs',
      'echo "gitdir: /nowhere" > .git',
      'head -c 100000 /dev/zero > .git',
      'mkfifo .git',
      'mkdir .git; mkfifo .git/HEAD .git/objects .git/refs',
    ].entries()) {
      const folder = path.join(base, `fresh-${at}`);
      mkdirSync(folder);
      const { leftOut, names } = await diffOf(`echo 2 > f; ${script}`, { folder, fresh: true });
      expect([script, names, leftOut.length]).toEqual([script, ['diffs.json'], 1]);
    }
  });
});

describe("a repository that refers to folders outside of the command's folder", () => {
  test.each([
    ['a link for .git', 'ln -s $BASE/secret/.git x/.git'],
    ['a file for .git', 'echo "gitdir: $BASE/secret/.git" > x/.git'],
    ['a common folder', 'git init -q x; echo $BASE/secret/.git > x/.git/commondir'],
    ['a link for its objects', 'git init -q x; rm -r x/.git/objects; ln -s $BASE/secret/.git/objects x/.git/objects'],
    ['alternates', 'git init -q x; echo $BASE/secret/.git/objects > x/.git/objects/info/alternates'],
    [
      'links in its objects',
      'git init -q x; for i in $BASE/secret/.git/objects/??; do rm -rf x/.git/objects/${i##*/}; ln -s $i x/.git/objects/; done',
    ],
    [
      'links to packs',
      'git init -q x; git -C $BASE/secret gc -q; ln -s $BASE/secret/.git/objects/pack/* x/.git/objects/pack/',
    ],
  ])('is not read: %s', async (_what, script) => {
    const { sh, diffOf } = await setUpDiff();
    sh(`${secret}; git init -q; echo 1 > f; ${commit}`);
    // The command writes the id of a commit of the secret repository into its own repository, as if it had fetched this
    // commit.
    const { names, leftOut, text } = await diffOf(
      `mkdir -p x; ${script}; echo f > x/f; [ -d x/.git/refs ] && [ ! -L x/.git ] && git -C $BASE/secret rev-parse HEAD > x/.git/FETCH_HEAD && cp x/.git/FETCH_HEAD x/.git/refs/heads/main; true`,
    );
    expect(names).toEqual(['diffs.json']);
    expect(leftOut).toHaveLength(1);
    expect(leftOut[0]).toContain('diffs/x.diff was not deposited');
    expect(text('diffs.json')).not.toContain('SECRET');
  });

  test('is not read when the command puts alternates or links into the repository around it', async () => {
    const { sh, diffOf } = await setUpDiff();
    sh(`${secret}; git init -q; echo 1 > f; ${commit}`);
    const { text, names } = await diffOf(
      'echo $BASE/secret/.git/objects > .git/objects/info/alternates; git update-index --add --cacheinfo 100644,$(git -C $BASE/secret rev-parse HEAD:s),stolen; echo 2 > f',
    );
    expect(names).toContain('diff.diff');
    expect(text('diff.diff')).not.toContain('SECRET');
  });

  test('is read when it was already so before the command: a link, a file, alternates', async () => {
    const { base, sh, diffOf } = await setUpDiff();
    sh(`git init -q $BASE/far; cd $BASE/far; echo 1 > f; ${commit}
      git clone -q --shared $BASE/far $BASE/shared; git clone -q --separate-git-dir=$BASE/apart.git $BASE/far $BASE/apart
      mkdir $BASE/linked; echo 1 > $BASE/linked/f; ln -s $BASE/far/.git $BASE/linked/.git`);
    for (const name of ['shared', 'apart', 'linked']) {
      const { leftOut, text } = await diffOf('echo 2 > f', { folder: path.join(base, name) });
      expect([name, leftOut]).toEqual([name, []]);
      expect(text('diff.diff')).toContain('-1\n+2\n');
    }
  });
});

describe('git objects', () => {
  test('of SHA-256 are read, in the repository and in one that the command made', async () => {
    const { sh, diffOf } = await setUpDiff();
    sh(`git init -q --object-format=sha256; echo 1 > f; ${commit}`);
    const { leftOut, text } = await diffOf('echo 2 > f; git init -q --object-format=sha256 x; echo new > x/f');
    expect(leftOut).toEqual([]);
    expect(text('diff.diff')).toContain('-1\n+2\n');
    expect(text('diffs/x.diff')).toContain('+new');
  });

  test('that are missing or damaged cause a warning, and other repositories are still in the diff', async () => {
    const { sh, diffOf } = await setUpDiff();
    sh(`git init -q; echo 1 > f; ${commit}; git init -q x; echo 1 > x/f; cd x; ${commit}`);
    const { leftOut, text } = await diffOf('echo 2 > f; echo 2 > x/f; rm -rf .git/objects/??');
    expect(leftOut.join('\n')).toMatch(
      /^(f is not in the diff: its content is not on this machine|diff.diff was not deposited)/,
    );
    expect(text('diffs/x.diff')).toContain('-1\n+2\n');
  });
});

describe('each patch', () => {
  test('makes the tree after the command of the tree before it with `git apply`, in every repository', async () => {
    const { base, top, sh, diffOf } = await setUpDiff();
    const fill = `seq 100 > moved; echo 1 > mode; ln -s mode link; mkdir dir; echo x > dir/x; echo f > file; printf 'no end' > noend
      head -c 3000 /dev/urandom > bin; echo gone > gone; printf 'crlf\\r\\n' > crlf; printf 'q' > 'quo"te'; ${commit}`;
    sh(`git init -q; ${fill}; git init -q x; cd x; ${fill}; printf 'a\\r\\nb\\r\\n' > dirty`);
    cpSync(top, `${base}/copy`, { recursive: true, verbatimSymlinks: true });
    const change = `mkdir "new dir"; git mv moved "new dir/moved away"; chmod +x mode; ln -sf file link; rm -r dir; echo now a file > dir
      rm file; mkdir file; echo x > file/x; printf 'still no end' > noend; head -c 3000 /dev/urandom > bin; rm gone
      printf 'a\\tb' > $'tab\\tname'; printf 'x' > $'line\\nname'; printf 'y' > $'bytes\\xff\\xfe'; : > empty; echo ü > ü
      printf 'a b\\r\\n' > crlf; printf 'z' > 'quo"te'; printf '\\0\\1' > nul; printf '%s' '--' > -- ; echo e > ' '`;
    const { leftOut, named, listed } = await diffOf(`${change}; cd x; ${change}; printf 'a\\r\\nc\\r\\n' > dirty`);
    expect(leftOut).toEqual([]);
    for (const [folder, artifact, at] of [
      ['', 'diff.diff', ''],
      ['/x', 'diffs/x.diff', 'x'],
    ] as const) {
      execFileSync('git', ['apply', '--binary', named(artifact)?.path ?? ''], { cwd: `${base}/copy${folder}` });
      const tree = sh('git add -A -- . ":!x"; git write-tree', `${base}/copy${folder}`).trim();
      expect([artifact, tree]).toEqual([artifact, listed(at)?.headTree]);
    }
    expect(existsSync(`${base}/copy/x/new dir/moved away`)).toBe(true);
    sh(`rm -rf ${base}/copy/.git ${base}/copy/x/.git .git x/.git; diff -r --no-dereference . ${base}/copy`);
  });

  test('of files with line ends that the settings convert can be applied with the same settings', async () => {
    const { base, top, sh, diffOf } = await setUpDiff();
    sh(
      `git init -q; git config core.autocrlf true; printf '*.sh eol=lf\\n*.txt text\\n' > .gitattributes; printf '1\\r\\n2\\r\\n' > a.txt; printf '1\\n' > b.sh; ${commit}`,
    );
    cpSync(top, `${base}/copy`, { recursive: true });
    const { leftOut, named, listed } = await diffOf(
      "printf '1\\r\\n3\\r\\n' > a.txt; printf '2\\n' > b.sh; git config core.autocrlf false; printf 'new\\r\\n' > c.txt",
    );
    expect(leftOut).toEqual([]);
    execFileSync('git', ['apply', named('diff.diff')?.path ?? ''], { cwd: `${base}/copy` });
    expect(sh('git add -A; git write-tree', `${base}/copy`).trim()).toBe(listed('')?.headTree);
  });
});
