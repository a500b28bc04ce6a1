import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { setUpDiff } from '../../testing/diff-trial.ts';

const library = 'git init -q $BASE/lib; cd $BASE/lib; echo l > l; git add .; git commit -qm l; cd $OLDPWD';
const commit = 'git add -A; git commit -qm x';

/**
 * Lists every file, folder, link, mode and time below the git folders of a tree, with the hashes of files. Omits the
 * times of objects. If git would write an object that exists, it only updates the time of the object, which protects it
 * from pruning.
 */
function stateOf(top: string): string {
  const script =
    "find . -path '*/.git' -prune -print0 | sort -z | xargs -0 -I{} find {} -path '*/objects/*' -printf '%p %y %m %l %s\\n' -o -printf '%p %y %m %l %s %T@\\n' | sort; find . -path '*/.git/*' -type f -print0 | sort -z | xargs -0 sha256sum";
  return execFileSync('bash', ['-ec', script], { cwd: top, maxBuffer: 1 << 26 }).toString();
}

describe('a repository inside the repository', () => {
  test('created by the command in a subfolder has a patch of its own', async () => {
    const { sh, diffOf } = await setUpDiff();
    sh(`git init -q; echo x > x; ${commit}`);
    const { names, leftOut, text, listed } = await diffOf('mkdir app; cd app; git init -q; echo code > main.js');
    expect([names, leftOut]).toEqual([['diffs/app.diff', 'diffs.json'], []]);
    expect(text('diffs/app.diff')).toContain('+code');
    expect(listed('app')).toMatchObject({ artifact: 'diffs/app.diff', base: null, head: null });
    expect(listed('app')?.digest).toBe(
      `sha256:${createHash('sha256')
        .update(text('diffs/app.diff') ?? '', 'latin1')
        .digest('hex')}`,
    );
  });

  test('that is a submodule has a patch with edits and commits; its pointer is in the other patch', async () => {
    const { sh, diffOf } = await setUpDiff();
    sh(`${library}; git init -q; git submodule --quiet add $BASE/lib s; ${commit}`);
    const edited = await diffOf('echo edited >> s/l');
    expect([edited.names, edited.leftOut]).toEqual([['diffs/s.diff', 'diffs.json'], []]);
    expect(edited.text('diffs/s.diff')).toContain('+edited');
    const committed = await diffOf('cd s; git commit -qam further; echo loose >> l');
    expect(committed.names).toEqual(['diff.diff', 'diffs/s.diff', 'diffs.json']);
    // The text `edited` was added before this job, so neither patch may contain it.
    expect(committed.text('diffs/s.diff')).toContain('+loose');
    expect(committed.text('diffs/s.diff')).not.toContain('+edited');
    const head = sh('git -C s rev-parse HEAD').trim();
    expect(committed.text('diff.diff')).toContain(`+Subproject commit ${head}`);
    expect(committed.listed('s')).toMatchObject({ base: sh('git -C s rev-parse HEAD^').trim(), head });
  });

  test('that is a submodule added by the command shows the pointer, .gitmodules, and changes after the clone', async () => {
    const { sh, diffOf } = await setUpDiff();
    sh(`${library}; git init -q; echo x > x; ${commit}`);
    const { names, text, listed, leftOut } = await diffOf(
      'git submodule --quiet add $BASE/lib s; echo more >> s/l; git -C s commit -qam more',
    );
    expect([names, leftOut]).toEqual([['diff.diff', 'diffs/s.diff', 'diffs.json'], []]);
    expect(text('diff.diff')).toContain('.gitmodules');
    expect(text('diff.diff')).toContain(`+Subproject commit ${sh('git -C s rev-parse HEAD').trim()}`);
    expect(text('diffs/s.diff')).toMatch(/\n l\n\+more\n$/);
    expect(listed('s')?.base).toBe(sh('git -C $BASE/lib rev-parse HEAD').trim());
  });

  test('that the command removed causes a warning', async () => {
    const { sh, diffOf } = await setUpDiff();
    sh(
      `${library}; git init -q; git submodule --quiet add $BASE/lib s; git clone -q $BASE/lib clone; git add s; git commit -qm x`,
    );
    const { leftOut, text } = await diffOf('rm -rf s clone');
    expect(leftOut.join('\n')).toMatch(/clone.diff was not deposited.*gone/);
    expect(leftOut.join('\n')).toMatch(/s.diff was not deposited.*gone/);
    expect(text('diff.diff')).toContain('-Subproject commit');
  });

  test('that is a clone is compared with the cloned commit, also in a folder outside of any repository', async () => {
    const { sh, diffOf } = await setUpDiff();
    sh(`${library}; echo loose > loose`);
    const { names, leftOut, text, listed } = await diffOf(
      'mkdir deep; git clone -q $BASE/lib deep/proj; cd deep/proj; echo 1 >> l; git commit -qam 1; echo 2 >> l',
    );
    expect([names, leftOut]).toEqual([['diffs/deep/proj.diff', 'diffs.json'], []]);
    expect(text('diffs/deep/proj.diff')).toMatch(/\n l\n\+1\n\+2\n$/);
    expect(listed('deep/proj')?.base).toBe(sh('git -C $BASE/lib rev-parse HEAD').trim());
    const again = await diffOf('echo 3 >> deep/proj/l');
    expect(again.text('diffs/deep/proj.diff')).toMatch(/\n 2\n\+3\n$/);
  });

  test('that is a linked working tree is compared with the commit that it was made from', async () => {
    const { sh, diffOf } = await setUpDiff();
    sh(`git init -q; echo x > x; ${commit}`);
    const { names, leftOut, text } = await diffOf(
      'git worktree add -q wt -b other; cd wt; echo y >> x; git commit -qam y; echo z >> x',
    );
    expect([names, leftOut]).toEqual([['diffs/wt.diff', 'diffs.json'], []]);
    expect(text('diffs/wt.diff')).toMatch(/\n x\n\+y\n\+z\n$/);
    const again = await diffOf('echo later >> wt/x');
    expect(again.text('diffs/wt.diff')).toMatch(/\n z\n\+later\n$/);
  });

  test('may be the working tree that the worker itself was started in', async () => {
    const { base, sh, diffOf } = await setUpDiff();
    sh(`git init -q; echo x > x; ${commit}; git worktree add -q $BASE/linked -b other`);
    const { text } = await diffOf('echo y >> x; git commit -qam y', { folder: path.join(base, 'linked') });
    expect(text('diff.diff')).toMatch(/\n x\n\+y\n$/);
  });

  test('may contain another one, with names that a path cannot hold', async () => {
    const { sh, diffOf } = await setUpDiff();
    sh(`git init -q; echo x > x; ${commit}`);
    const { names, leftOut } = await diffOf(`
      for name in a a/b a.diff/b 'with space' $'line\\nfeed' $'bytes\\xff' '50%' ' lead' 'C:' "$(printf 'ü%.0s' {1..120})"; do
        git init -q "$name"; echo new > "$name/f"; done`);
    expect(leftOut).toEqual([expect.stringContaining('diffs/bytes%FF.diff was not deposited: its path is not UTF-8')]);
    expect(names).toHaveLength(10);
    for (const name of [
      'diffs/a.diff',
      'diffs/a/b.diff',
      'diffs/a%2Ediff/b.diff',
      'diffs/with space.diff',
      'diffs/line%0Afeed.diff',
      'diffs/50%25.diff',
      'diffs/%20lead.diff',
      'diffs/C:.diff',
      `diffs/${'ü'.repeat(120)}.diff`,
    ]) {
      expect(names).toContain(name);
    }
  });
});

describe('a new folder', () => {
  const fresh = { fresh: true };

  test.each([
    ['commits after a clone', 'git clone -q $BASE/lib .; echo 1 >> l; git commit -qam 1', /\n l\n\+1\n$/],
    [
      'a branch of the origin that is checked out',
      'git clone -q $BASE/lib .; git checkout -q side; echo 1 >> l; git commit -qam 1',
      /\n side\n\+1\n$/,
    ],
    [
      'commits that were pushed',
      'git clone -q $BASE/lib .; git checkout -qb mine; echo 1 >> l; git commit -qam 1; git push -q origin mine',
      /\n l\n\+1\n$/,
    ],
    [
      'a fetch by hand, shallow',
      'git init -q; git remote add origin file://$BASE/lib; git fetch -q --depth 1 origin main; git checkout -q FETCH_HEAD; echo 1 >> l; git commit -qam 1',
      /\n l\n\+1\n$/,
    ],
    ['a shallow clone', 'git clone -q --depth 1 file://$BASE/lib .; echo 1 >> l; git commit -qam 1', /\n l\n\+1\n$/],
    [
      'a clone without reflogs',
      'git clone -q -c core.logAllRefUpdates=false $BASE/lib .; echo 1 >> l; git commit -qam 1',
      /\n l\n\+1\n$/,
    ],
    [
      'a merge of the origin',
      'git clone -q $BASE/lib .; echo 1 > n; git add n; git commit -qm 1; git merge -q origin/side',
      /\+1\n/,
    ],
    [
      'no origin',
      'git init -q; echo 1 > l; git add .; git commit -qm 1; echo 2 >> l',
      /new file mode 100644\n.*\n--- \/dev\/null\n\+\+\+ b\/l\n@@ -0,0 \+1,2 @@\n\+1\n\+2\n$/,
    ],
  ])('holds %s', async (_what, script, patch) => {
    const { base, sh, diffOf } = await setUpDiff();
    sh(`${library}; cd $BASE/lib; git config receive.denyCurrentBranch ignore; echo older > older; git add .; git commit -qm older
      git checkout -qb side; echo side >> l; git commit -qam side; git checkout -q main`);
    const folder = path.join(base, 'fresh');
    mkdirSync(folder);
    const { text, leftOut } = await diffOf(script, { ...fresh, folder });
    expect(leftOut).toEqual([]);
    expect(text('diff.diff')).toMatch(patch);
  });

  test('that holds a clone without a checkout, or an untouched one, has no patch', async () => {
    const { base, sh, diffOf } = await setUpDiff();
    sh(library);
    for (const [at, how] of ['', '--no-checkout', '--filter=blob:none', '--filter=blob:none --no-checkout'].entries()) {
      const folder = path.join(base, `fresh-${at}`);
      mkdirSync(folder);
      expect(
        await diffOf(`git -C $BASE/lib config uploadpack.allowFilter true; git clone -q ${how} file://$BASE/lib .`, {
          ...fresh,
          folder,
        }),
      ).toMatchObject({
        names: [],
        leftOut: [],
      });
    }
  });

  test('that holds a clone with objects outside of it causes a warning and is not read', async () => {
    const { base, sh, diffOf } = await setUpDiff();
    sh(library);
    const folder = path.join(base, 'fresh');
    mkdirSync(folder);
    const { names, leftOut } = await diffOf('git clone -q --shared $BASE/lib .; echo 1 >> l', { ...fresh, folder });
    expect(names).toEqual(['diffs.json']);
    expect(leftOut).toEqual([expect.stringContaining('a folder of objects that it borrows from')]);
  });

  test('that holds a partial clone causes a warning that names the missing old contents', async () => {
    const { base, sh, diffOf } = await setUpDiff();
    sh(`${library}; git -C $BASE/lib config uploadpack.allowFilter true`);
    const folder = path.join(base, 'fresh');
    mkdirSync(folder);
    const { leftOut, text } = await diffOf(
      'git clone -q --filter=blob:none --no-checkout file://$BASE/lib .; git read-tree HEAD; echo other > l; echo new > n',
      { ...fresh, folder },
    );
    expect(leftOut).toEqual(['l is not in the diff: its content is not on this machine']);
    expect(text('diff.diff')).toContain('+new');
  });
});

describe('files that git skips', () => {
  test.each([
    ['outside a sparse checkout', 'git sparse-checkout set --cone in'],
    ['outside a sparse checkout with a sparse index', 'git sparse-checkout set --cone --sparse-index in'],
    ['outside a sparse checkout of patterns', 'git sparse-checkout set --no-cone /in/'],
  ])('are in the patch: tracked ones %s', async (_what, how) => {
    const { sh, diffOf } = await setUpDiff();
    sh(`git init -q; mkdir in out; echo 1 > in/f; echo 1 > out/f; echo 1 > out/g; ${commit}; ${how}`);
    const made = await diffOf('mkdir -p out; echo 2 > out/f; echo 2 > in/f');
    expect(made.leftOut).toEqual([]);
    expect(made.text('diff.diff')).toMatch(/a\/in\/f[^]*a\/out\/f[^]*-1\n\+2\n$/);
    expect(made.text('diff.diff')).not.toContain('out/g');
    const changed = await diffOf('echo 3 > out/f');
    expect(changed.text('diff.diff')).toMatch(/-2\n\+3\n$/);
    expect((await diffOf('rm out/f')).text('diff.diff')).toContain('deleted file');
  });

  test('are in the patch: files marked as unchanged, and a split index', async () => {
    const { sh, diffOf } = await setUpDiff();
    sh(
      `git init -q; echo 1 > f; echo 1 > g; ${commit}; git update-index --split-index; git update-index --assume-unchanged f; echo mine > f`,
    );
    const { text, leftOut } = await diffOf('echo 2 > f; echo 2 > g');
    expect(leftOut).toEqual([]);
    expect(text('diff.diff')).toMatch(/-mine\n\+2\n[^]*-1\n\+2\n$/);
  });

  test('that are contents of Git LFS are deposited beside the pointers', async () => {
    const { base, top, sh, diffOf } = await setUpDiff();
    sh(`git init -q; printf '%s\\n' '[filter "lfs"]' 'clean = false' 'smudge = false' 'process = false' 'required = true' > $BASE/home/.gitconfig
      echo '*.bin filter=lfs diff=lfs merge=lfs -text' > .gitattributes; git -c filter.lfs.required=false -c filter.lfs.process= -c filter.lfs.clean=cat add .
      git commit -qm x`);
    const made = await diffOf(
      'head -c 5000 /dev/urandom > a.bin; cp a.bin b.bin; : > empty.bin; echo plain > plain; chmod +x b.bin',
    );
    const oid = createHash('sha256')
      .update(readFileSync(path.join(top, 'a.bin')))
      .digest('hex');
    expect([made.names, made.leftOut]).toEqual([['diff.diff', `diffs/lfs/${oid}`, 'diffs.json'], []]);
    expect(made.text('diff.diff')).toContain(`+oid sha256:${oid}\n+size 5000\n`);
    expect(made.text('diff.diff')).toContain('new file mode 100755');
    expect(made.text(`diffs/lfs/${oid}`)).toBe(readFileSync(path.join(top, 'a.bin'), 'latin1'));
    expect(
      made
        .listed('')
        ?.contents.map((content) => content.path)
        .sort(),
    ).toEqual(['a.bin', 'b.bin']);
    expect(await diffOf('true')).toMatchObject({ names: [], leftOut: [] });
    const changed = await diffOf('echo more >> a.bin', { limits: { maxContentBytes: 100 } });
    expect(changed.leftOut).toEqual([
      expect.stringContaining('the content of a.bin (Git LFS, 5005 bytes) was not deposited'),
    ]);
    expect(changed.text('diff.diff')).toContain(`-oid sha256:${oid}`);
    sh('test ! -e .git/lfs', base + '/top');
  });
});

describe('the repositories of the user', () => {
  test('are unchanged: every file, link, mode and time of their git folders', async () => {
    const { base, top, sh, diffOf } = await setUpDiff();
    sh(`${library}; git init -q; echo '*.bin filter=lfs' > .gitattributes; git submodule --quiet add $BASE/lib s; echo i > i; ${commit}
      mkdir out; echo o > out/o; ${commit}; git init -q nested; echo n > nested/n; git worktree add -q wt -b other
      echo changed > i; echo untracked > u; echo data > data.bin; git update-index --assume-unchanged .gitattributes`);
    cpSync(top, path.join(base, 'copy'), { recursive: true, verbatimSymlinks: true });
    const before = stateOf(top);
    await diffOf('true');
    expect(stateOf(top)).toBe(before);
    const { names } = await diffOf(
      'echo 2 | tee i u s/l nested/n wt/i data.bin > out/o; git init -q app; echo a > app/a',
    );
    expect(names).toEqual(
      expect.arrayContaining(['diff.diff', 'diffs/s.diff', 'diffs/nested.diff', 'diffs/wt.diff', 'diffs/app.diff']),
    );
    sh('rm -rf app');
    expect(stateOf(top)).toBe(before);
  });
});

describe('a limit', () => {
  test.each([
    ['repositories', { maxRepositories: 2 }, 'more than 2 repositories'],
    ['repositories in one another', { maxNesting: 1 }, 'more than 1 in one another'],
  ])('of %s is said when it is reached', async (_what, limits, line) => {
    const { sh, diffOf } = await setUpDiff();
    sh(`git init -q; echo x > x; ${commit}`);
    const { names, leftOut } = await diffOf('for name in a a/b c; do git init -q $name; echo f > $name/f; done', {
      limits,
    });
    expect(names).toContain('diffs/a.diff');
    expect(leftOut).toEqual([expect.stringContaining(line)]);
  });

  test('on all patches together, and on the search in a folder without a repository, causes a warning when reached', async () => {
    const { diffOf } = await setUpDiff();
    const large = await diffOf('for name in a b c; do git init -q $name; seq 100000 > $name/f; done', {
      limits: { maxAllDiffsBytes: 1024 * 1024 },
    });
    expect(large.names).toEqual(['diffs/a.diff', 'diffs.json']);
    expect(large.leftOut).toHaveLength(2);
    const many = await diffOf('mkdir -p 1/2/3/4; git init -q 1/2/3/4/r; echo f > 1/2/3/4/r/f', {
      limits: { maxSearchDepth: 3 },
    });
    expect(many.leftOut).toEqual([expect.stringContaining('3 levels: others are not in the diff')]);
  });
});
