import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../transport/clock.ts';
import { setUpWorker } from '../../testing/worker-trial.ts';
import { CleanCheckout } from './clean-checkout.ts';

const never = new AbortController().signal;
const commit = 'git add -A; git commit -qm x';
const library = 'git init -q $BASE/lib; cd $BASE/lib; echo l > l; git add .; git commit -qm l; cd $OLDPWD';

async function setUp(prepare: string) {
  const base = await mkdtemp(path.join(tmpdir(), 'clean-checkout-'));
  onTestFinished(() => rm(base, { recursive: true, force: true }));
  const top = path.join(base, 'top');
  for (const name of ['top', 'home', 'jobs', 'outside']) mkdirSync(path.join(base, name));
  const env = { PATH: process.env['PATH'] ?? '', HOME: path.join(base, 'home') };
  const settings = ['protocol.file.allow=always', 'init.defaultBranch=main', 'user.name=n', 'user.email=e@example.com'];
  const configured = settings.flatMap((setting, at) => [
    [`GIT_CONFIG_KEY_${at}`, setting.split('=')[0]],
    [`GIT_CONFIG_VALUE_${at}`, setting.split('=')[1]],
  ]);
  const sh = (script: string, cwd = top) =>
    execFileSync('bash', ['-ec', script], {
      cwd,
      env: { ...env, BASE: base, GIT_CONFIG_COUNT: String(settings.length), ...Object.fromEntries(configured) },
      stdio: 'pipe',
    }).toString();
  sh(prepare);
  const record = (discard = false, folder = top) =>
    CleanCheckout.record({ folder, workRoot: path.join(base, 'jobs'), env, clock: systemClock, discard }, never);
  /**
   * Lists all files, links and modes of a working tree, with the hashes of files. The git folder is included, except
   * its objects, reflogs, packed refs and times.
   */
  const state = (folder = top) =>
    sh(
      "find . -path '*/objects' -prune -o -path '*/logs' -prune -o -name index -o -name COMMIT_EDITMSG -o -name ORIG_HEAD -o -name packed-refs -o -printf '%p %y %m %l\\n' | sort; find . -type f -not -path '*/objects/*' -not -path '*/logs/*' -not -name index -not -name COMMIT_EDITMSG -not -name ORIG_HEAD -not -name packed-refs -print0 | sort -z | xargs -0 sha256sum; git status --porcelain --ignored",
      folder,
    );
  return { base, top, sh, record, state };
}

describe('a clean checkout', () => {
  test.each([
    [
      'edits, new and ignored files',
      'echo 2 > f; rm g; chmod +x d/f; echo new > new; mkdir -p build/deep; echo b > build/deep/b; rm -r d; echo d > d',
    ],
    [
      'commits and branches that are checked out',
      'echo 2 > f; git commit -qam 2; git checkout -qb other; echo 3 > f; git commit -qam 3; git branch -D main; git branch -D other || true; git checkout -q --detach; git branch -qD other',
    ],
    [
      'a merge that was not finished',
      'git checkout -qb a; echo a > f; git commit -qam a; git checkout -q main; echo b > f; git commit -qam b; git merge a || true; git checkout -q -f main; git merge a || git branch -D a',
    ],
    ['staged changes, and locks', 'echo 2 > f; git add f; touch .git/index.lock .git/HEAD.lock'],
    [
      'repositories inside',
      'git init -q nested; cd nested; echo n > n; git add .; git commit -qm n; cd ..; mkdir build; git clone -q . build/clone',
    ],
    [
      'folders without permissions',
      'mkdir -p cache/mod; echo m > cache/mod/m; chmod 555 cache/mod cache; mkdir build; chmod 000 build',
    ],
    [
      'an index that hides a change',
      'echo 22 > f; git update-index --assume-unchanged f; echo 22 > g; git update-index --skip-worktree g',
    ],
    ['an index that is gone', 'rm .git/index; echo 2 > f'],
    [
      'settings, hooks and patterns',
      'git config core.fsmonitor /bin/false; git config core.hooksPath x; printf "#!/bin/sh\\nexit 1\\n" > .git/hooks/pre-commit; chmod +x .git/hooks/pre-commit; echo "*" > .git/info/exclude; echo "* filter=x" > .git/info/attributes; rm -f .git/hooks/known; echo new > new',
    ],
    [
      'links in the place of files and folders',
      'rm -r d; ln -s $BASE/outside d; rm f; ln -s $BASE/outside/kept f; ln -s $BASE/outside new; rm -r .git/info .git/hooks; ln -s $BASE/outside .git/info; ln -s $BASE/outside .git/hooks; rm .git/refs/heads/main; rmdir .git/refs/heads; ln -s $BASE/outside .git/refs/heads',
    ],
    ['another branch in HEAD', 'git checkout -q --orphan empty; git rm -rqf .'],
  ])('undoes %s', async (_what, script) => {
    const { base, sh, record, state } = await setUp(
      `git init -q; echo build > .gitignore; mkdir d; echo 1 | tee f g > d/f; ${commit}; echo "# mine" > .git/hooks/known; chmod +x .git/hooks/known; echo kept > $BASE/outside/kept; echo kept > $BASE/outside/exclude; echo kept > $BASE/outside/pre-commit`,
    );
    const before = state();
    const head = sh('git rev-parse HEAD main; git symbolic-ref HEAD');
    const clean = await record();
    onTestFinished(() => clean.release());
    for (const round of [1, 2]) {
      sh(script);
      await clean.restore(never);
      expect([round, state()]).toEqual([round, before]);
      expect(sh('git rev-parse HEAD main; git symbolic-ref HEAD')).toBe(head);
    }
    expect(sh('ls; cat *', path.join(base, 'outside'))).toBe('exclude\nkept\npre-commit\nkept\nkept\nkept\n');
  });

  test('undoes changes in submodules', async () => {
    const { sh, record, state } = await setUp(
      `${library}; git init -q; git submodule --quiet add $BASE/lib s; ${commit}`,
    );
    const before = state();
    const clean = await record();
    onTestFinished(() => clean.release());
    sh(
      'cd s; echo 2 > l; git commit -qam 2; echo new > new; git checkout -q --detach; cd ..; git add s; git commit -qm s',
    );
    await clean.restore(never);
    expect(state()).toBe(before);
    sh('rm -r s; ln -s $BASE/outside s');
    await clean.restore(never);
    expect(state()).toBe(before);
  });

  test('restores contents of Git LFS, and refuses other filters', async () => {
    const { sh, record, top } = await setUp(`git init -q; echo '*.bin filter=lfs' > .gitattributes; echo content > a.bin
      oid=$(sha256sum a.bin | cut -d' ' -f1); mkdir -p .git/lfs/objects/\${oid:0:2}/\${oid:2:2}; cp a.bin .git/lfs/objects/\${oid:0:2}/\${oid:2:2}/$oid
      printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:%s\\nsize 8\\n' $oid > $BASE/pointer
      printf '[filter "lfs"]\\n clean = cat $BASE/pointer\\n smudge = cat\\n' | sed "s#\\$BASE#$BASE#" > $BASE/home/.gitconfig; ${commit}`);
    expect(sh('git show HEAD:a.bin')).toContain('git-lfs');
    const clean = await record();
    onTestFinished(() => clean.release());
    for (const script of ['echo other > a.bin', 'rm a.bin', 'echo unrelated > b']) {
      sh(script);
      await clean.restore(never);
      expect(readFileSync(path.join(top, 'a.bin'), 'utf8')).toBe('content\n');
    }
    sh(
      'git config filter.crypt.clean cat; git config filter.crypt.smudge cat; echo "*.key filter=crypt" >> .gitattributes; echo k > k.key; git add .; git commit -qm k',
    );
    await expect(record()).rejects.toThrow('k.key has the filter "crypt"');
  });

  test.each([
    ['an edit', 'echo 2 > f', 'f'],
    ['a staged edit', 'echo 2 > f; git add f', 'f'],
    ['an untracked file', 'echo n > n', 'n'],
    ['an ignored file', 'echo n > ignored', 'ignored'],
    ['a repository inside', 'git init -q nested; echo n > nested/n', 'nested/'],
  ])('is refused when the worker starts on %s, unless it may be discarded', async (_what, script, named) => {
    const { sh, record, state } = await setUp(`git init -q; echo 1 > f; echo ignored > .gitignore; ${commit}`);
    const before = state();
    sh(script);
    await expect(record()).rejects.toThrow(new RegExp(`would be removed: ${named}\\.`));
    const clean = await record(true);
    onTestFinished(() => clean.release());
    await clean.restore(never);
    expect(state()).toBe(before);
  });

  test('is refused without a repository, without a commit, and around the data of a server', async () => {
    const { base, sh, record } = await setUp('true');
    await expect(record()).rejects.toThrow('is in no git repository');
    sh('git init -q');
    await expect(record()).rejects.toThrow('has no commit');
    sh(`mkdir var; echo var > .gitignore; echo data > var/proofhouse.db; git add .; git commit -qm x`);
    await expect(record(true)).rejects.toThrow('holds the data of a server');
    expect(sh('ls', path.join(base, 'jobs'))).toBe('');
  });

  test('that cannot be restored stops the job, not the worker', async () => {
    const { server, folder, work } = await setUpWorker();
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=n', '-c', 'user.email=e@example.com', ...args], { cwd: folder });
    git('init', '-q');
    writeFileSync(path.join(folder, 'f'), '1\n');
    git('add', '.');
    git('commit', '-qm', 'x');
    const first = server.addJob({ maxAttempts: 1 });
    const second = server.addJob({ maxAttempts: 1 });
    const third = server.addJob({ maxAttempts: 1 });
    const stop = new AbortController();
    const script = 'cat f; ls; echo 2 > f; echo new > new; if [ -e ../third ]; then rm -rf .git; fi';
    const report = await work(script, {
      gitClean: true,
      once: false,
      signal: stop.signal,
      log: ({ message }) => {
        if (message.includes(`Job ${second.id} succeeded`)) execFileSync('rm', ['-rf', path.join(folder, '.git')]);
        if (message.includes(`Job ${third.id} could not be run`)) stop.abort();
      },
    });
    expect(report).toMatchObject({ succeeded: 2, failed: 1 });
    expect(server.job(first.id).status).toBe('succeeded');
    expect(
      server.artifacts.filter(({ record }) => record.name === 'log.log').map(({ bytes }) => bytes.toString()),
    ).toEqual(['1\nf\n', '1\nf\n']);
    expect(server.job(third.id).errorMessage).toContain(
      'the repository was not brought back to its state at the start',
    );
  });
});
