// Tests that there is one warning for each branch and stash with new commits that no working tree has checked out.
import { expect, test } from 'vitest';
import { setUpDiff } from '../../testing/diff-trial.ts';

const repository = 'git init -qb main; echo x > x; git add .; git commit -qm x';

test.each([
  [
    'a branch',
    'git checkout -qb fix; echo w > f; git add .; git commit -qm w; git checkout -q main',
    '1 commits of heads/fix',
  ],
  ['a stash', 'echo w >> x; git stash -q', 'a stash'],
  ['a tag', 'echo w >> x; git commit -qam w; git tag keep; git reset -q --hard HEAD~1', '1 commits of tags/keep'],
  [
    'a branch of a working tree elsewhere',
    'git worktree add -q "$BASE/elsewhere" -b side 2>/dev/null; cd "$BASE/elsewhere"; echo w > f; git add .; git commit -qm w',
    '1 commits of heads/side',
  ],
])('commits on %s that no working tree shows are told', async (_what, script, line) => {
  const { sh, diffOf } = await setUpDiff();
  sh(repository);
  const { leftOut, list } = await diffOf(script);
  expect(leftOut).toEqual([expect.stringContaining(`${line} that no working tree shows: not in the diff`)]);
  expect(list.leftOut ?? list.diffs[0]?.leftOut).toEqual(expect.arrayContaining([expect.stringContaining(line)]));
});

test('a branch of a clone in a new folder is listed when it is not checked out', async () => {
  const { sh, diffOf, base } = await setUpDiff();
  sh(`mkdir origin; cd origin; ${repository}`, base);
  const script =
    'git clone -q "$BASE/origin" c; cd c; git checkout -qb fix; echo w > f; git add .; git commit -qm w; git checkout -q main';
  const { leftOut } = await diffOf(script, { fresh: true });
  expect(leftOut.join('\n')).toContain('1 commits of heads/fix');
});

test('commits that existed before, and checked-out commits, are not listed', async () => {
  const { sh, diffOf } = await setUpDiff();
  sh(`${repository}; git checkout -qb old; echo o > o; git add .; git commit -qm o; git checkout -q main`);
  const { leftOut } = await diffOf(
    'git checkout -qb fix; echo w > f; git add .; git commit -qm w; git tag done; git branch same',
  );
  expect(leftOut).toEqual([]);
});
