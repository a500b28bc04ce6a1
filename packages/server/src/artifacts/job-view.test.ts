import { createHash } from 'node:crypto';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { blobFileStat } from '@proofhouse/blobs';
import { ownedBlob, type ArtifactRecord } from '@proofhouse/core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Ids } from '../kernel/ids.ts';
import { makeLogger } from '../kernel/logger.ts';
import { ManualClock } from '../kernel/time/manual-clock.ts';
import type { ArtifactStore } from './artifact-store.ts';
import { FolderJobView } from './job-view.ts';
import { ViewProof } from './view-proof.ts';

let folder: string;
let root: string;
/** The results of `newestOfJob` in the tests, one for each call. Further calls get the last result again. */
let newest: (ArtifactRecord | undefined)[];
/** The records that `listOfJob` returns: all artifacts of the job. */
let made: ArtifactRecord[];
let view: FolderJobView;
const job = '0190a0a0-0000-7000-8000-000000000001';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'job-view-'));
  root = join(folder, 'view');
  mkdirSync(join(folder, 'blobs'));
  newest = [undefined];
  made = [];
  const newestOfJob = async () => (newest.length > 1 ? newest.shift() : newest[0]);
  const listOfJob = async () => ({ items: made, next: undefined });
  view = new FolderJobView({
    root,
    localPath: (key) => join(folder, 'blobs', key),
    store: { newestOfJob, listOfJob } as Partial<ArtifactStore> as ArtifactStore,
    ids: new Ids(new ManualClock()),
    logger: makeLogger('silent'),
  });
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function artifact(key: string, purgedAt: number | null = null): ArtifactRecord {
  const path = join(folder, 'blobs', key);
  writeFileSync(path, `bytes of ${key}`);
  const blob = { key, ...blobFileStat(lstatSync(path, { bigint: true })), sha256: 'of another file' };
  const content = { kind: 'owned', blob } as const;
  const record = {
    id: key,
    jobId: job,
    name: 'a/b.txt',
    content,
    purgedAt,
  } as Partial<ArtifactRecord> as ArtifactRecord;
  made.push(record);
  return record;
}

const place = (): string => join(root, job, 'a/b.txt');

it('a name whose newest bytes are gone, or that no record has, leaves the view; once more does nothing', async () => {
  for (const gone of [artifact('one', 5), undefined]) {
    newest = [artifact('one')];
    await view.refresh(job, 'a/b.txt');
    expect(readFileSync(place(), 'utf8')).toBe('bytes of one');
    newest = [gone];
    await view.refresh(job, 'a/b.txt');
    await view.refresh(job, 'a/b.txt');
    expect(existsSync(place())).toBe(false);
  }
});

it('an upload that comes between the look and the removal is shown', async () => {
  newest = [artifact('one')];
  await view.refresh(job, 'a/b.txt');
  newest = [artifact('one', 5), artifact('two')];
  await view.refresh(job, 'a/b.txt');
  expect(readFileSync(place(), 'utf8')).toBe('bytes of two');
});

it('of a refresh and an upload at one time the newest bytes stay, whatever their order', async () => {
  newest = [artifact('two')];
  await Promise.all([view.refresh(job, 'a/b.txt'), view.show(artifact('two')), view.refresh(job, 'a/b.txt')]);
  expect(readFileSync(place(), 'utf8')).toBe('bytes of two');
});

it('entries that Proofhouse did not create are neither followed, replaced nor removed: links, folders, files, equal names', async () => {
  const outside = join(folder, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'b.txt'), 'not ours');
  mkdirSync(join(root, job), { recursive: true });
  symlinkSync(outside, join(root, job, 'a'));
  await view.refresh(job, 'a/b.txt');
  symlinkSync(join(outside, 'b.txt'), join(root, job, 'link'));
  await view.refresh(job, 'link');
  mkdirSync(join(root, job, 'folder'));
  await view.refresh(job, 'folder');
  writeFileSync(join(root, job, 'file'), 'whose?');
  await view.refresh(job, 'file');
  newest = [artifact('one')];
  await view.refresh(job, 'file');
  expect(readFileSync(join(outside, 'b.txt'), 'utf8')).toBe('not ours');
  expect(readFileSync(join(root, job, 'file'), 'utf8')).toBe('whose?');
  expect(readdirSync(join(root, job)).toSorted()).toEqual(['a', 'file', 'folder', 'link']);
});

it('a link that moved, and a copy under its own name, are known; bytes of another job and of nobody are not', async () => {
  const proof = new ViewProof({
    root,
    localPath: (key) => join(folder, 'blobs', key),
    store: { listOfJob: async ({ jobId }) => ({ items: jobId === job ? made : [], next: undefined }) },
  });
  const blob = ownedBlob(artifact('one'));
  made[0] = {
    ...made[0],
    content: { kind: 'owned', blob: { ...blob, sha256: createHash('sha256').update('bytes of one').digest('hex') } },
  } as ArtifactRecord;
  const other = '0190a0a0-0000-7000-8000-000000000002';
  for (const id of [job, other, 'notes']) mkdirSync(join(root, id, 'a'), { recursive: true });
  for (const path of [`${job}/moved`, `${other}/moved`, 'notes/moved'])
    linkSync(join(folder, 'blobs/one'), join(root, path));
  for (const path of [`${job}/a/b.txt`, `${job}/copy`, `${job}/.abcdefghijklmnop.new`])
    writeFileSync(join(root, path), 'bytes of one');
  const ours = async (id: string, name: string) => proof.isOurs(id, name);
  expect([await ours(job, 'moved'), await ours(job, 'a/b.txt'), await ours(job, '.abcdefghijklmnop.new')]).toEqual([
    true,
    true,
    true,
  ]);
  expect([
    await ours(job, 'copy'),
    await ours(other, 'moved'),
    await ours('notes', 'moved'),
    await ours(job, 'a'),
  ]).toEqual([false, false, false, false]);
});
