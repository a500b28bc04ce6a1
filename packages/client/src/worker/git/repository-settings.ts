import path from 'node:path';
import type { Repository } from './find-repository.ts';
import { readPlainFile, readPlainText, realFolder } from './plain-file.ts';
import { recordsOf, runGit, type Git } from './run-git.ts';

const maxPatternBytes = 1024 * 1024;
const maxConfigBytes = 4 * 1024 * 1024;

/** Git settings that affect how files become git objects, and that start no program. Only these are copied. */
const copiedKeys = [
  'core.autocrlf',
  'core.eol',
  'core.filemode',
  'core.symlinks',
  'core.ignorecase',
  'core.precomposeunicode',
];

/** The settings that a private repository (see `ShadowRepository`) copies from the repository of the user. */
export interface RepositorySettings {
  /** Names and values of the settings in `copiedKeys`. */
  readonly copied: ReadonlyMap<string, string>;
  readonly objectFormat: 'sha1' | 'sha256';
  /**
   * Names of the configured filters. `all` means that the configuration was not read, so any filter may be configured.
   */
  readonly filters: ReadonlySet<string> | 'all';
  readonly excludes: Buffer;
  /** Content of the user's attributes file, which has lower priority than every `.gitattributes`. */
  readonly userAttributes: Buffer;
  /** Content of `info/attributes`, which has higher priority than every `.gitattributes`. */
  readonly attributes: Buffer;
}

/** Environment variables that determine where git finds the user's configuration. */
const homeVariables =
  /^(HOME|USERPROFILE|XDG_CONFIG_HOME|GIT_CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+))$/;

/**
 * Reads the settings of a repository before the command runs. `git config --list` starts no program, whatever the settings are.
 * Throws if the working tree is another folder (`core.worktree`), or if there is none (`core.bare`).
 */
export async function readSettings(
  git: Git,
  repository: Repository,
  userEnv: Readonly<Record<string, string>>,
): Promise<RepositorySettings> {
  const own = Object.entries(userEnv).filter(([name]) => homeVariables.test(name));
  const env = {
    GIT_CONFIG_NOSYSTEM: undefined,
    GIT_CONFIG_SYSTEM: undefined,
    GIT_CONFIG_GLOBAL: undefined,
    ...Object.fromEntries(own),
    GIT_DIR: repository.gitDir,
  };
  const { said } = await runGit({ ...git, env }, ['config', '--list', '-z', '--show-scope']);
  const values = new Map<string, string>();
  // Only the configuration of the repository itself may contain core.worktree, core.bare and extensions.objectFormat.
  const local = new Map<string, string>();
  const fields = recordsOf(said).map(String);
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [key = '', ...lines] = (fields[at + 1] ?? '').split('\n');
    values.set(key, lines.join('\n'));
    if (fields[at] === 'local' || fields[at] === 'worktree') local.set(key, lines.join('\n'));
  }
  await requireWorkingTree(repository, local.get('core.worktree'), local.get('core.bare'));
  const home = userEnv['HOME'] ?? '';
  const userConfig = userEnv['XDG_CONFIG_HOME'] ?? path.join(home, '.config');
  const userFile = (key: string, name: string): Promise<Buffer> =>
    patternsIn(expanded(values.get(key), home) ?? path.join(userConfig, 'git', name));
  const info = path.join(repository.commonDir, 'info');
  return {
    copied: new Map([...values].filter(([key]) => copiedKeys.includes(key))),
    objectFormat: local.get('extensions.objectformat') === 'sha256' ? 'sha256' : 'sha1',
    filters: new Set([...values.keys()].flatMap((key) => /^filter\.(.+)\.(?:clean|process)$/.exec(key)?.[1] ?? [])),
    excludes: joined(await userFile('core.excludesfile', 'ignore'), await patternsIn(path.join(info, 'exclude'))),
    userAttributes: await userFile('core.attributesfile', 'attributes'),
    attributes: await patternsIn(path.join(info, 'attributes')),
  };
}

async function requireWorkingTree({ gitDir, top }: Repository, workTree?: string, bare?: string): Promise<void> {
  if (workTree === undefined) {
    if (bare === 'true') throw new Error('the repository is bare (core.bare)');
  } else if ((await realFolder(path.resolve(gitDir, workTree))) !== top) {
    throw new Error(`the working tree of the repository is elsewhere (core.worktree): ${workTree.slice(0, 200)}`);
  }
}

/**
 * Returns the settings for a repository that the command created. Its configuration is ignored, because the command
 * wrote it, and the defaults of git apply. Only the object format is read, because objects are unreadable without it.
 */
export async function settingsOfNew({ commonDir }: Repository): Promise<RepositorySettings> {
  const config = (await readPlainText(path.join(commonDir, 'config'), maxConfigBytes)) ?? '';
  const nothing = Buffer.alloc(0);
  return {
    copied: new Map(),
    objectFormat: /^\s*objectformat\s*=\s*"?sha256"?\s*$/im.test(config) ? 'sha256' : 'sha1',
    filters: 'all',
    excludes: nothing,
    userAttributes: nothing,
    attributes: nothing,
  };
}

/** Returns the text of the configuration file of a private repository. */
export function configText(settings: RepositorySettings): string {
  const lines = ['[core]', '\tbare = false', `\trepositoryformatversion = ${settings.objectFormat === 'sha1' ? 0 : 1}`];
  for (const [key, value] of settings.copied) lines.push(`\t${key.slice('core.'.length)} = ${quoted(value)}`);
  if (settings.objectFormat === 'sha256') lines.push('[extensions]', '\tobjectFormat = sha256');
  return `${lines.join('\n')}\n`;
}

function quoted(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&').replace(/\n/g, '\\n')}"`;
}

async function patternsIn(file: string): Promise<Buffer> {
  // An unreadable ignore file counts as empty. The diff then has more files, never fewer.
  return (await readPlainFile(file, maxPatternBytes).catch(() => undefined)) ?? Buffer.alloc(0);
}

function expanded(file: string | undefined, home: string): string | undefined {
  if (file === undefined || file === '') return file;
  return file.startsWith('~/') ? path.join(home, file.slice(2)) : path.resolve('/', file);
}

function joined(first: Buffer, second: Buffer): Buffer {
  return Buffer.concat([first, Buffer.from('\n'), second]);
}
