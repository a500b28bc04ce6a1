import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../transport/clock.ts';
import { JobDiff, type DiffPlace } from './diff/job-diff.ts';

const never = new AbortController().signal;
const identity = ['-c', 'user.name=n', '-c', 'user.email=e@example.com'];

/**
 * Every git setting whose value is a program, or a reference to a program. The list is from git-config(1),
 * gitattributes(5), githooks(5) and git(1) of git 2.39 to 2.52. `%` stands for the path of a program that creates a
 * marker file.
 */
const settings = [
  'core.fsmonitor=%',
  'core.fsmonitorHookVersion=1',
  'core.hooksPath=%.hooks',
  'core.sshCommand=%',
  'core.gitProxy=%',
  'core.pager=%',
  'core.editor=%',
  'core.askPass=%',
  'core.alternateRefsCommand=%',
  'core.attributesFile=%.attributes',
  'core.excludesFile=%.excludes',
  'core.untrackedCache=true',
  'core.sparseCheckout=true',
  'include.path=%.config',
  'includeIf.gitdir:**.path=%.config',
  'includeIf.onbranch:**.path=%.config',
  'filter.evil.clean=%',
  'filter.evil.smudge=%',
  'filter.evil.process=%',
  'filter.evil.required=true',
  'filter.lfs.clean=%',
  'filter.lfs.smudge=%',
  'filter.lfs.process=%',
  'filter.lfs.required=true',
  'diff.external=%',
  'diff.evil.command=%',
  'diff.evil.textconv=%',
  'diff.evil.cachetextconv=true',
  'diff.submodule=log',
  'diff.tool=evil',
  'difftool.evil.cmd=%',
  'difftool.evil.path=%',
  'merge.evil.driver=%',
  'merge.default=evil',
  'merge.tool=evil',
  'mergetool.evil.cmd=%',
  'pager.diff-tree=%',
  'pager.ls-files=%',
  'pager.config=%',
  'pager.add=%',
  'interactive.diffFilter=%',
  'alias.ls-files=!%',
  'alias.add=!%',
  'alias.diff-tree=!%',
  'alias.write-tree=!%',
  'alias.update-index=!%',
  'alias.config=!%',
  'alias.cat-file=!%',
  'credential.helper=%',
  'gpg.program=%',
  'gpg.openpgp.program=%',
  'gpg.ssh.program=%',
  'gpg.x509.program=%',
  'gpg.ssh.defaultKeyCommand=%',
  'commit.gpgSign=true',
  'log.showSignature=true',
  'sequence.editor=%',
  'uploadpack.packObjectsHook=%',
  'remote.origin.url=ext::%',
  'remote.origin.uploadpack=%',
  'remote.origin.receivepack=%',
  'remote.origin.vcs=evil',
  'remote.origin.promisor=true',
  'remote.origin.partialclonefilter=blob:none',
  'extensions.partialClone=origin',
  'protocol.allow=always',
  'protocol.ext.allow=always',
  'submodule.recurse=true',
  'submodule.sub.update=!%',
  'submodule.sub.ignore=none',
  'submodule.propagateBranches=true',
  'trailer.sign.command=%',
  'trailer.sign.cmd=%',
  'sendemail.sendmailCmd=%',
  'sendemail.toCmd=%',
  'web.browser=evil',
  'browser.evil.cmd=%',
  'man.evil.cmd=%',
  'instaweb.httpd=%',
  'imap.tunnel=%',
  'gc.recentObjectsHook=%',
  'gc.auto=1',
  'gc.autoDetach=false',
  'maintenance.auto=true',
  'hook.evil.command=%',
  'hook.evil.event=post-index-change',
  'receive.procReceiveRefs=refs',
  'tar.evil.command=%',
  'init.templateDir=%.templates',
  'safe.directory=*',
  'trace2.eventTarget=%.trace',
  'trace2.normalTarget=%.trace',
  'core.worktree=%.elsewhere',
];

const hooks = [
  'applypatch-msg',
  'pre-applypatch',
  'post-applypatch',
  'pre-commit',
  'pre-merge-commit',
  'prepare-commit-msg',
  'commit-msg',
  'post-commit',
  'pre-rebase',
  'post-checkout',
  'post-merge',
  'pre-push',
  'pre-auto-gc',
  'post-rewrite',
  'sendemail-validate',
  'fsmonitor-watchman',
  'post-index-change',
  'reference-transaction',
  'push-to-checkout',
];

/**
 * Creates a repository with a submodule and a nested repository. Its attributes assign filters, drivers and Git LFS to
 * files.
 */
async function setUp() {
  const base = await mkdtemp(path.join(tmpdir(), 'git-programs-'));
  onTestFinished(() => rm(base, { recursive: true, force: true }));
  const marks = path.join(base, 'marks');
  const [top, scratch, home] = ['top', 'scratch', 'home'].map((name) => path.join(base, name)) as [
    string,
    string,
    string,
  ];
  for (const folder of [top, scratch, home, marks]) mkdirSync(folder);
  const mark = path.join(base, 'mark');
  writeFileSync(mark, `#!/bin/sh\necho "$0 $*" >> ${marks}/ran\ncat\n`, { mode: 0o755 });
  mkdirSync(`${mark}.hooks`);
  mkdirSync(`${mark}.elsewhere`);
  mkdirSync(`${mark}.templates/hooks`, { recursive: true });
  for (const folder of [`${mark}.hooks`, `${mark}.templates/hooks`]) plantHooks(folder, mark);
  writeFileSync(`${mark}.attributes`, '* filter=evil diff=evil merge=evil\n');
  writeFileSync(`${mark}.excludes`, '*\n');
  writeFileSync(`${mark}.config`, `[core]\n\tfsmonitor = ${mark}\n\thooksPath = ${mark}.hooks\n`);
  const git = (cwd: string, ...args: string[]) =>
    execFileSync('git', [...identity, '-c', 'protocol.file.allow=always', ...args], { cwd, stdio: 'pipe' }).toString();
  const repository = (folder: string) => {
    mkdirSync(folder, { recursive: true });
    git(folder, 'init', '-q');
    writeFileSync(path.join(folder, 'file'), 'one\n');
    git(folder, 'add', '.');
    git(folder, 'commit', '-qm', 'x');
    return folder;
  };
  const library = repository(path.join(base, 'library'));
  repository(top);
  git(top, 'submodule', '--quiet', 'add', library, 'sub');
  git(top, 'commit', '-qm', 'submodule');
  repository(path.join(top, 'nested'));
  const env = { PATH: process.env['PATH'] ?? '', HOME: home };
  const place: DiffPlace = { folder: top, scratch, workRoot: scratch, env, fresh: false, clock: systemClock };
  const ran = () => (existsSync(`${marks}/ran`) ? readFileSync(`${marks}/ran`, 'utf8') : '');
  const gitDirs = () => [`${top}/.git`, `${top}/.git/modules/sub`, `${top}/nested/.git`];
  return { base, top, home, mark, env, place, ran, gitDirs, git };
}

function groupsOf(all: readonly string[], size: number): string[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_none, at) => all.slice(at * size, (at + 1) * size));
}

function plantHooks(folder: string, mark: string): void {
  mkdirSync(folder, { recursive: true });
  for (const hook of hooks) {
    writeFileSync(path.join(folder, hook), `#!/bin/sh\nexec ${mark} ${hook}\n`);
    chmodSync(path.join(folder, hook), 0o755);
  }
}

function configOf(lines: readonly string[], mark: string): string {
  return lines
    .map((line) => {
      const [key = '', ...value] = line.replaceAll('%', mark).split('=');
      const section = key.slice(0, key.indexOf('.'));
      const name = key.slice(key.lastIndexOf('.') + 1);
      const middle = key.slice(section.length + 1, Math.max(section.length + 1, key.length - name.length - 1));
      return `[${section}${middle === '' ? '' : ` "${middle}"`}]\n\t${name} = "${value.join('=')}"\n`;
    })
    .join('');
}

function edit(top: string, text = 'two\n'): void {
  for (const folder of ['', 'sub/', 'nested/']) {
    writeFileSync(`${top}/${folder}file`, text);
    writeFileSync(`${top}/${folder}new.bin`, 'new\n');
    writeFileSync(`${top}/${folder}.gitattributes`, '* filter=evil diff=evil merge=evil\n*.bin filter=lfs diff=lfs\n');
  }
}

describe('no program is started by git', () => {
  test.each<[string, string[][]]>([
    ['a few at a time', groupsOf(settings, 12)],
    ['all of them', [settings]],
  ])(
    'for settings that the command wrote into the repository, a submodule and a nested one: %s',
    async (_how, sets) => {
      const { top, mark, place, ran, gitDirs } = await setUp();
      const diff = await JobDiff.begin(place, never);
      edit(top);
      const original = gitDirs().map((folder) => readFileSync(`${folder}/config`));
      // The settings are appended to each configuration file in turn, and removed again. So all settings are tested on
      // the same repositories.
      for (const [at, set] of sets.entries()) {
        for (const folder of gitDirs()) appendFileSync(`${folder}/config`, configOf(set, mark));
        if (at === 0 || sets.length === 1) {
          const { deposits, leftOut } = await diff.write(never);
          expect(leftOut).toEqual([]);
          expect(deposits.map(({ name }) => name)).toContain('diffs/sub.diff');
        } else {
          // The next job reads these settings before its command starts. This must not start a program either.
          const next = await JobDiff.begin({ ...place, scratch: path.join(place.scratch, String(at)) }, never);
          edit(top, `round ${at}\n`);
          const { deposits, leftOut } = await next.write(never);
          if (set.some((setting) => setting.startsWith('core.worktree'))) {
            expect(leftOut.join()).toContain('elsewhere (core.worktree)');
          } else if (set.includes('filter.evil.clean=%')) {
            expect(leftOut).toContain('nested: file is not in the diff: its filter "evil" is not run');
          } else expect([set, leftOut, deposits.length > 1]).toEqual([set, [], true]);
        }
        expect([set, ran()]).toEqual([set, '']);
        if (sets.length === 1) {
          // Shows that the test is valid: with the same settings, an ordinary git call does start programs.
          execFileSync('git', ['add', '.'], { cwd: `${top}/nested`, stdio: 'pipe' });
          expect(ran()).toContain('mark');
        }
        gitDirs().forEach((folder, index) => writeFileSync(`${folder}/config`, original[index] ?? ''));
      }
    },
    120_000,
  );

  test('for hooks, for the configuration of the user, and for config.worktree', async () => {
    const { top, home, mark, place, ran, gitDirs } = await setUp();
    for (const round of [1, 2]) {
      const diff = await JobDiff.begin({ ...place, scratch: path.join(place.scratch, String(round)) }, never);
      edit(top, `round ${round}\n`);
      for (const folder of gitDirs()) {
        plantHooks(`${folder}/hooks`, mark);
        writeFileSync(`${folder}/config.worktree`, configOf(settings, mark));
      }
      writeFileSync(`${home}/.gitconfig`, configOf([...settings, 'extensions.worktreeConfig=true'], mark));
      expect((await diff.write(never)).deposits.length).toBeGreaterThan(0);
      expect(ran()).toBe('');
    }
  });

  test('for variables in the environment of the worker', async () => {
    const { base, top, mark, place, env, ran } = await setUp();
    const variables = {
      GIT_EXTERNAL_DIFF: mark,
      GIT_SSH_COMMAND: mark,
      GIT_SSH: mark,
      GIT_PROXY_COMMAND: mark,
      GIT_PAGER: mark,
      PAGER: mark,
      GIT_EDITOR: mark,
      GIT_SEQUENCE_EDITOR: mark,
      EDITOR: mark,
      VISUAL: mark,
      GIT_ASKPASS: mark,
      SSH_ASKPASS: mark,
      GIT_EXEC_PATH: `${mark}.hooks`,
      GIT_TEMPLATE_DIR: `${mark}.templates`,
      GIT_CONFIG_GLOBAL: `${mark}.config`,
      GIT_CONFIG_SYSTEM: `${mark}.config`,
      GIT_CONFIG_PARAMETERS: `'core.fsmonitor'='${mark}'`,
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'core.fsmonitor',
      GIT_CONFIG_VALUE_0: mark,
      GIT_DIR: `${base}/library/.git`,
      GIT_WORK_TREE: base,
      GIT_INDEX_FILE: `${base}/none`,
      GIT_OBJECT_DIRECTORY: `${base}/none`,
      GIT_ALTERNATE_OBJECT_DIRECTORIES: `${base}/none`,
      GIT_COMMON_DIR: `${base}/none`,
      GIT_NAMESPACE: 'none',
      GIT_LITERAL_PATHSPECS: '1',
      GIT_DIFF_OPTS: '--unified=0',
      GIT_TRACE: `${base}/trace`,
      GIT_TRACE2_EVENT: `${base}/trace`,
      GIT_ALLOW_PROTOCOL: 'ext',
    };
    const diff = await JobDiff.begin({ ...place, env: { ...env, ...variables } }, never);
    edit(top);
    const { deposits, leftOut } = await diff.write(never);
    expect(leftOut).toEqual([]);
    expect(deposits.map(({ name }) => name)).toEqual([
      'diff.diff',
      'diffs/nested.diff',
      'diffs/sub.diff',
      'diffs.json',
    ]);
    expect(ran()).toBe('');
    expect(readdirSync(base)).not.toContain('trace');
  });

  test('that is named git in the folder of the command is not started, although PATH lists that folder first', async () => {
    const { base, top, mark, place, env, ran } = await setUp();
    mkdirSync(`${base}/next`);
    const diff = await JobDiff.begin({ ...place, env: { ...env, PATH: `:.:bin:${top}/bin:${env.PATH}` } }, never);
    edit(top);
    mkdirSync(`${top}/bin`);
    writeFileSync(`${top}/bin/git`, `#!/bin/sh\nexec ${mark} git\n`, { mode: 0o755 });
    expect((await diff.write(never)).leftOut).toEqual([]);
    const next = await JobDiff.begin(
      { ...place, scratch: `${base}/next`, env: { ...env, PATH: `:.:bin:${top}/bin:${env.PATH}` } },
      never,
    );
    writeFileSync(`${top}/file`, 'three\n');
    expect((await next.write(never)).deposits.map(({ name }) => name)).toContain('diff.diff');
    expect(ran()).toBe('');
  });
});
