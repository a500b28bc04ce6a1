import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Repository } from './find-repository.ts';
import { readPlainText } from './plain-file.ts';

const maxRefBytes = 4096;
const maxPackedBytes = 32 * 1024 * 1024;
const maxReflogBytes = 4 * 1024 * 1024;
/** Largest number of refs that are read, and of commits that git gets as arguments. */
const maxRefs = 2000;
const maxCommits = 500;

const id = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

/** Returns the id of the checked-out commit. Returns `undefined` before the first commit, or if the id cannot be read. */
export async function headCommit(repository: Repository): Promise<string | undefined> {
  return resolveRef(repository, 'HEAD', 0);
}

async function resolveRef(repository: Repository, name: string, depth: number): Promise<string | undefined> {
  if (depth > 5 || (name !== 'HEAD' && !/^refs\/(?!.*\.\.)/.test(name))) return undefined;
  const folder = name === 'HEAD' ? repository.gitDir : repository.commonDir;
  const text = (await readPlainText(path.join(folder, name), maxRefBytes))?.trim();
  if (text !== undefined && id.test(text)) return text;
  const target = text === undefined ? undefined : /^ref: (.+)$/.exec(text)?.[1];
  if (target !== undefined) return resolveRef(repository, target, depth + 1);
  return text === undefined ? (await packedRefs(repository)).get(name) : undefined;
}

async function packedRefs({ commonDir }: Repository): Promise<Map<string, string>> {
  const refs = new Map<string, string>();
  for (const line of ((await readPlainText(path.join(commonDir, 'packed-refs'), maxPackedBytes)) ?? '').split('\n')) {
    const [, commit, name] = /^([0-9a-f]{40,64}) (refs\/.+)$/.exec(line) ?? [];
    if (commit !== undefined && name !== undefined) refs.set(name, commit);
  }
  return refs;
}

/**
 * Returns the ids of at most `maxCommits` commits to which refs refer, HEAD first. The limit `maxRefs` is rarely
 * reached.
 */
export async function refCommits(repository: Repository): Promise<string[]> {
  const head = await headCommit(repository);
  const refs = await allRefs(repository, 'refs');
  return [...new Set([...(head === undefined ? [] : [head]), ...refs.values()])].slice(0, maxCommits);
}

/**
 * Returns the commit ids of branches, tags and the stash by name. Omits a branch that a linked working tree below the
 * top has checked out, because that working tree has its own diff.
 */
export async function ownRefs(repository: Repository): Promise<Map<string, string>> {
  const refs = await allRefs(repository, 'refs');
  for (const name of refs.keys()) if (!/^refs\/(heads|tags)\/|^refs\/stash$/.test(name)) refs.delete(name);
  for (const name of await refsOfTreesBelow(repository)) refs.delete(name);
  return refs;
}

async function refsOfTreesBelow({ commonDir, top }: Repository): Promise<string[]> {
  const folder = path.join(commonDir, 'worktrees');
  const names = await readdir(folder).catch(() => []);
  const refs: string[] = [];
  for (const name of names.slice(0, maxRefs)) {
    const place = (await readPlainText(path.join(folder, name, 'gitdir'), maxRefBytes).catch(() => undefined))?.trim();
    const head = await readPlainText(path.join(folder, name, 'HEAD'), maxRefBytes).catch(() => undefined);
    const ref = /^ref: (.+)$/m.exec(head ?? '')?.[1];
    if (ref !== undefined && place?.startsWith(`${top}/`) === true) refs.push(ref);
  }
  return refs;
}

async function allRefs(repository: Repository, below: string): Promise<Map<string, string>> {
  const packed = await packedRefs(repository);
  const refs = new Map([...packed].filter(([name]) => name.startsWith(`${below}/`)));
  for (const name of await filesBelow(repository.commonDir, below)) {
    const commit = await resolveRef(repository, name, 0);
    if (commit !== undefined) refs.set(name, commit);
  }
  return refs;
}

async function filesBelow(folder: string, below: string): Promise<string[]> {
  const files: string[] = [];
  const queue = [below];
  for (let at = 0; at < queue.length && queue.length + files.length < maxRefs; at += 1) {
    const name = queue[at] ?? '';
    const entries = await readdir(path.join(folder, name), { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (entry.isDirectory()) queue.push(`${name}/${entry.name}`);
      else if (entry.isFile()) files.push(`${name}/${entry.name}`);
    }
  }
  return files.slice(0, maxRefs);
}

/**
 * Returns the ids of commits that came from another repository: the commit of a clone, fetched commits, and
 * remote-tracking refs as they were before a push. The ids come from reflogs and refs, which a command can change.
 */
export async function commitsFromElsewhere(repository: Repository): Promise<string[]> {
  const commits: string[] = [];
  const cloned = (await reflog(repository.gitDir, 'HEAD')).find(({ message }) => message.startsWith('clone:'));
  if (cloned !== undefined) commits.push(cloned.to);
  const fetched = await readPlainText(path.join(repository.gitDir, 'FETCH_HEAD'), maxReflogBytes);
  for (const line of (fetched ?? '').split('\n')) commits.push(line.split('\t')[0] ?? '');
  for (const [name, commit] of await allRefs(repository, 'refs/remotes')) {
    const entries = await reflog(repository.commonDir, name);
    if (entries.length === 0) commits.push(commit);
    for (const { from, to, message } of entries) commits.push(message.startsWith('update by push') ? from : to);
  }
  return [...new Set(commits.filter((commit) => id.test(commit) && !/^0+$/.test(commit)))].slice(0, maxCommits);
}

interface ReflogEntry {
  readonly from: string;
  readonly to: string;
  readonly message: string;
}

async function reflog(folder: string, name: string): Promise<ReflogEntry[]> {
  const text = await readPlainText(path.join(folder, 'logs', name), maxReflogBytes).catch(() => undefined);
  return (text ?? '').split('\n').flatMap((line) => {
    const [, from, to, message] = /^([0-9a-f]{40,64}) ([0-9a-f]{40,64}) [^\t]*(?:\t(.*))?$/.exec(line) ?? [];
    return from === undefined || to === undefined ? [] : [{ from, to, message: message ?? '' }];
  });
}
