import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArtifactRecord } from '@proofhouse/core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Ids } from '../kernel/ids.ts';
import { makeLogger } from '../kernel/logger.ts';
import { ManualClock } from '../kernel/manual-clock.ts';
import type { ArtifactStore } from './artifact-store.ts';
import { FolderJobView } from './job-view.ts';

let folder: string;
let root: string;
/** What the store answers next, and after that. */
let newest: (ArtifactRecord | undefined)[];
let view: FolderJobView;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'job-view-'));
  root = join(folder, 'view');
  mkdirSync(join(folder, 'blobs'));
  newest = [undefined];
  const newestOfJob = async () => (newest.length > 1 ? newest.shift() : newest[0]);
  view = new FolderJobView({
    root,
    localPath: (key) => join(folder, 'blobs', key),
    store: { newestOfJob } as Partial<ArtifactStore> as ArtifactStore,
    ids: new Ids(new ManualClock()),
    logger: makeLogger('silent'),
  });
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function artifact(key: string, purgedAt: number | null = null): ArtifactRecord {
  writeFileSync(join(folder, 'blobs', key), `bytes of ${key}`);
  return { id: key, jobId: 'job', name: 'a/b.txt', blob: { key }, purgedAt } as ArtifactRecord;
}

const place = (): string => join(root, 'job/a/b.txt');

it('a name whose newest bytes are gone, or that no record has, leaves the view; once more does nothing', async () => {
  for (const gone of [artifact('one', 5), undefined]) {
    newest = [artifact('one')];
    await view.refresh('job', 'a/b.txt');
    expect(readFileSync(place(), 'utf8')).toBe('bytes of one');
    newest = [gone];
    await view.refresh('job', 'a/b.txt');
    await view.refresh('job', 'a/b.txt');
    expect(existsSync(place())).toBe(false);
  }
});

it('an upload that comes between the look and the removal is shown', async () => {
  newest = [artifact('one')];
  await view.refresh('job', 'a/b.txt');
  newest = [artifact('one', 5), artifact('two')];
  await view.refresh('job', 'a/b.txt');
  expect(readFileSync(place(), 'utf8')).toBe('bytes of two');
});

it('of a refresh and an upload at one time the newest bytes stay, whatever their order', async () => {
  newest = [artifact('two')];
  await Promise.all([view.refresh('job', 'a/b.txt'), view.show(artifact('two')), view.refresh('job', 'a/b.txt')]);
  expect(readFileSync(place(), 'utf8')).toBe('bytes of two');
});

it('a link planted for a folder is not followed, one planted for a file goes alone, and a folder for a file stays', async () => {
  const outside = join(folder, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'b.txt'), 'not ours');
  mkdirSync(join(root, 'job'), { recursive: true });
  symlinkSync(outside, join(root, 'job/a'));
  await view.refresh('job', 'a/b.txt');
  symlinkSync(join(outside, 'b.txt'), join(root, 'job/link'));
  await view.refresh('job', 'link');
  mkdirSync(join(root, 'job/folder'));
  await view.refresh('job', 'folder');
  expect(readFileSync(join(outside, 'b.txt'), 'utf8')).toBe('not ours');
  expect([existsSync(join(root, 'job/link')), existsSync(join(root, 'job/folder'))]).toEqual([false, true]);
});
