import { Readable } from 'node:stream';
import { Blobs, MemoryBackend } from '@proofhouse/blobs';
import { ownedBlob, AppError, usualRetentionDays, type ArtifactRecord, type JobRecord } from '@proofhouse/core';
import { beforeEach, expect, it, vi } from 'vitest';
import type { Commit, CommitResult } from '../kernel/commit.ts';
import { Ids } from '../kernel/ids.ts';
import { makeLogger } from '../kernel/logger.ts';
import { ManualClock } from '../kernel/time/manual-clock.ts';
import { Collection, type CollectionParts } from './collection.ts';
import { MemoryRecords } from './testing/memory-records.ts';

const hour = 3_600_000;
const day = 24 * hour;
let clock: ManualClock;
let ids: Ids;
let backend: MemoryBackend;
let blobs: Blobs;
let records: MemoryRecords;
const refresh = vi.fn(() => Promise.resolve());

beforeEach(async () => {
  clock = new ManualClock();
  ids = new Ids(clock);
  backend = new MemoryBackend({ now: () => clock.now() });
  await backend.open();
  blobs = new Blobs({ backend, newKey: () => ids.blobKey() });
  records = new MemoryRecords();
  refresh.mockClear();
});

function collection(parts: Partial<CollectionParts> = {}): Collection {
  return new Collection({
    store: records,
    owners: records,
    commits: records,
    findJob: (id) => Promise.resolve(id.startsWith('over') ? over(id) : undefined),
    blobs,
    jobView: { show: () => Promise.resolve(), refresh },
    clock,
    logger: makeLogger('silent'),
    policy: { days: usualRetentionDays },
    graceMs: day,
    requireSame: () => Promise.resolve(),
    databaseLasts: true,
    since: 0,
    ...parts,
  });
}

const over = (id: string) => ({ id, status: 'succeeded', finishedAt: 0 }) as JobRecord;

async function stored(fields: Partial<ArtifactRecord> = {}): Promise<ArtifactRecord> {
  const blob = await blobs.receive(Readable.from([Buffer.from('bytes')]));
  return records.add({ blob, type: 'log', jobId: 'over-1', name: 'out.log', createdAt: clock.now(), ...fields });
}

async function everything(from: Collection, dryRun = false) {
  const items = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const slice = await from.slice({ dryRun, cursor });
    items.push(...slice.items);
    cursor = slice.nextCursor;
  }
  return items;
}

const keys = async () => {
  const found: string[] = [];
  for await (const { key } of blobs.list()) found.push(key);
  return found.toSorted();
};

it('an empty store has nothing to collect', async () => {
  expect(await everything(collection())).toEqual([]);
  expect(await keys()).toEqual([]);
});

it('what expired goes: first the record says so, then the view and the bytes; the record stays and never goes again', async () => {
  const log = await stored();
  const kept = await stored({ type: 'report' });
  clock.advance(8 * day);
  const items = await everything(collection());
  expect(items).toEqual([
    {
      reason: 'retention',
      artifactId: log.id,
      what: expect.stringMatching(
        /^The bytes of "out.log" of job over-1 go, its record stays\. It is draft, .* kept for 7 days\.$/,
      ),
      sizeBytes: 5,
      createdAt: log.createdAt,
    },
  ]);
  expect(await records.find(log.id)).toMatchObject({ purgedAt: clock.now(), version: 2 });
  expect(refresh).toHaveBeenCalledWith('over-1', 'out.log');
  expect(await keys()).toEqual([ownedBlob(kept).key]);
  expect(await everything(collection())).toEqual([]);
});

it('a dry run says the same and changes nothing', async () => {
  await stored();
  await blobs.receive(Readable.from([Buffer.from('orphan')]));
  clock.advance(8 * day);
  const before = await keys();
  const said = await everything(collection(), true);
  expect(said.map(({ reason }) => reason)).toEqual(['retention', 'orphan']);
  expect(await keys()).toEqual(before);
  expect(records.commits).toBe(0);
  expect(await everything(collection())).toEqual(said);
});

it.each<[string, Partial<ArtifactRecord>]>([
  ['is pinned', { pinnedAt: 1 }],
  ['is approved', { status: 'approved' }],
  ['belongs to a job that is not over', { jobId: 'running-1' }],
  ['was deposited outside of any job', { jobId: null, name: null, experimentId: 'exp_1' }],
])('what %s stays for ever', async (_what, fields) => {
  await stored(fields);
  clock.advance(4000 * day);
  expect(await everything(collection())).toEqual([]);
  expect(await keys()).toHaveLength(1);
});

it('what proves something stays', async () => {
  await stored();
  clock.advance(8 * day);
  expect(await everything(collection({ protectorOf: () => Promise.resolve('task 7') }))).toEqual([]);
});

it("bytes without a record go once they are older than the grace period by the storage's clock", async () => {
  const { key } = await blobs.receive(Readable.from([Buffer.from('orphan')]));
  clock.advance(day);
  expect(await everything(collection())).toEqual([]);
  clock.advance(1);
  const ahead = new ManualClock(clock.now() + 9 * day);
  expect(await everything(collection({ clock: ahead }))).toMatchObject([
    { reason: 'orphan', artifactId: null, sizeBytes: 6 },
  ]);
  expect(await keys()).not.toContain(key);
});

it('a record that comes while orphans are being removed saves its bytes', async () => {
  const blob = await blobs.receive(Readable.from([Buffer.from('late')]));
  clock.advance(2 * day);
  const { statesOf } = records;
  const look = vi.spyOn(records, 'statesOf');
  // The first call of `statesOf` counts strangers (blobs that no record ever referred to). The second call takes place
  // just before orphans are removed.
  look.mockImplementationOnce((wanted) => statesOf.call(records, wanted));
  look.mockImplementationOnce(async (wanted) => {
    const owned = await statesOf.call(records, wanted);
    records.add({ blob, createdAt: clock.now() });
    return owned;
  });
  expect(await everything(collection())).toEqual([]);
  expect(await keys()).toEqual([blob.key]);
});

it('a record that was changed meanwhile keeps its bytes until the next run', async () => {
  const log = await stored();
  clock.advance(8 * day);
  const commits = {
    commit: (commit: Commit): Promise<CommitResult> => {
      records.change(log.id, { pinnedAt: clock.now() });
      return records.commit(commit);
    },
  };
  expect(await everything(collection({ commits }))).toEqual([]);
  expect(await keys()).toEqual([ownedBlob(log).key]);
});

it('bytes that cannot be removed now are left to the next run, and stop nothing', async () => {
  await stored();
  await stored({ name: 'two.log' });
  clock.advance(8 * day);
  const failing = records.kept().map((record) => ownedBlob(record).key)[0];
  const remove = vi.spyOn(backend, 'delete').mockImplementation(async (key) => {
    if (key === failing) throw new Error('EIO');
    await MemoryBackend.prototype.delete.call(backend, key);
  });
  expect(await everything(collection({ graceMs: 100 * day }))).toHaveLength(2);
  remove.mockRestore();
  expect(await keys()).toHaveLength(1);
  expect(await everything(collection())).toMatchObject([{ reason: 'orphan' }]);
  expect(await keys()).toEqual([]);
});

it('a full disk is collected from too: what is old beside the newest blob goes, and nothing younger', async () => {
  await stored({ name: 'expires.log' });
  await blobs.receive(Readable.from([Buffer.from('old orphan')]));
  clock.advance(8 * day);
  const young = await blobs.receive(Readable.from([Buffer.from('young orphan')]));
  clock.advance(hour);
  vi.spyOn(backend, 'create').mockRejectedValue(new AppError('storage_full', 'There is no room left.'));
  expect((await everything(collection())).map(({ reason }) => reason)).toEqual(['retention', 'orphan']);
  expect(await keys()).toEqual([young.key]);
});

it('storage that cannot be asked for its time is an error, and nothing goes', async () => {
  await blobs.receive(Readable.from([Buffer.from('old orphan')]));
  clock.advance(8 * day);
  vi.spyOn(backend, 'create').mockRejectedValue(new AppError('unavailable', 'The disk is gone.'));
  await expect(collection().run()).rejects.toThrow(/The disk is gone/);
  expect(await keys()).toHaveLength(1);
});

it('more than a slice holds takes several, and two servers that collect at once count nothing twice', async () => {
  for (let index = 0; index < 450; index++) await stored({ name: `${String(index)}.log` });
  clock.advance(8 * day);
  const first = await collection({ policy: { days: { log: 7 } } }).slice({ dryRun: true });
  expect(first.items).toHaveLength(200);
  expect(first.nextCursor).not.toBeNull();
  const [one, two] = await Promise.all([collection().run(), collection().run()]);
  expect(one.count + two.count).toBe(450);
  expect(await keys()).toEqual([]);
});

it('a stopped run ends with its slice', async () => {
  for (let index = 0; index < 250; index++) await stored({ name: `${String(index)}.log` });
  clock.advance(8 * day);
  const stop = new AbortController();
  refresh.mockImplementation(async () => {
    stop.abort();
  });
  expect(await collection().run(stop.signal)).toEqual({ count: 200, bytes: 1000 });
});

it('a cursor of other work, or of a type whose days were taken away, does no harm', async () => {
  await expect(collection().slice({ dryRun: false, cursor: 'nonsense' })).rejects.toThrow(
    expect.objectContaining({ code: 'invalid_cursor' }),
  );
  for (let index = 0; index < 201; index++) await stored();
  clock.advance(8 * day);
  const { nextCursor } = await collection({ policy: { days: { log: 7 } } }).slice({ dryRun: true });
  const other = collection({ policy: { days: { diff: 1 } } });
  const answered = await other.slice({ dryRun: false, cursor: nextCursor });
  expect(answered.items).toEqual([]);
});
