import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Blobs, MemoryBackend } from '@proofhouse/blobs';
import type { ArtifactRecord } from '@proofhouse/core';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { noJobView } from '../artifacts/job-view.ts';
import { Ids } from '../kernel/ids.ts';
import { ManualClock } from '../kernel/time/manual-clock.ts';
import { MemoryRecords } from './testing/memory-records.ts';
import { Verification, type VerificationParts } from './verification.ts';

const clock = new ManualClock();
let blobs: Blobs;
let records: MemoryRecords;
let folder: string;

beforeEach(async () => {
  const ids = new Ids(clock);
  const backend = new MemoryBackend({ now: () => clock.now() });
  await backend.open();
  blobs = new Blobs({ backend, newKey: () => ids.blobKey() });
  records = new MemoryRecords();
  folder = mkdtempSync(join(tmpdir(), 'verification-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  vi.restoreAllMocks();
});

/** Returns a verification with a fixed seed, so that each run hashes the same sample of blobs. */
function verification(parts: Partial<VerificationParts> = {}): Verification {
  const ids = { token: () => 'the-seed' };
  return new Verification({ store: records, owners: records, blobs, jobView: noJobView, graceMs: 1000, ids, ...parts });
}

async function walk(through: Verification, sample = 1) {
  const slices = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const slice = await through.slice({ sample, repair: false, cursor });
    slices.push(slice);
    cursor = slice.nextCursor;
  }
  return {
    slices,
    findings: slices.flatMap(({ findings }) => findings),
    records: slices.reduce((sum, { checkedRecords }) => sum + checkedRecords, 0),
    hashedBytes: slices.reduce((sum, { hashedBytes }) => sum + hashedBytes, 0),
  };
}

async function stored(sizeBytes: number): Promise<ArtifactRecord> {
  const blob = await blobs.receive(Readable.from([Buffer.alloc(sizeBytes)]));
  return records.add({ blob, createdAt: clock.now() });
}

it('an empty store is well', async () => {
  expect(await walk(verification())).toMatchObject({ findings: [], records: 0, hashedBytes: 0 });
});

it('a call hashes no more bytes than it may, unless a single blob is larger, and looks at no more records', async () => {
  for (const sizeBytes of [60, 60, 10, 500, 0, 40, 40, 40]) await stored(sizeBytes);
  const { slices, ...all } = await walk(verification({ bytesASlice: 100, rowsASlice: 3 }));
  expect(all).toEqual({ findings: [], records: 8, hashedBytes: 750 });
  const hashed = slices.map(({ hashedBytes }) => hashedBytes);
  expect(hashed.filter((bytes) => bytes > 100)).toEqual([500]);
  expect(Math.max(...slices.map(({ checkedRecords }) => checkedRecords))).toBeLessThanOrEqual(3);
});

it('a sample is about its share, the same for one seed however it is sliced, and another one for another', async () => {
  for (let count = 0; count < 400; count++) await stored(1);
  const seen = async (parts: Partial<VerificationParts>): Promise<string[]> => {
    const verify = vi.spyOn(blobs, 'verify');
    await walk(verification(parts), 0.25);
    const keys = verify.mock.calls.map(([{ key }]) => key);
    verify.mockRestore();
    return keys;
  };
  const first = await seen({});
  expect(first.length).toBeGreaterThan(60);
  expect(first.length).toBeLessThan(140);
  expect(await seen({ rowsASlice: 7 })).toEqual(first);
  expect(await seen({ ids: { token: () => 'another' } })).not.toEqual(first);
});

it('bytes that retention took while they were looked at are no finding', async () => {
  const record = await stored(10);
  vi.spyOn(blobs, 'stat').mockImplementationOnce(async () => {
    records.change(record.id, { purgedAt: clock.now() });
    return undefined;
  });
  expect((await walk(verification())).findings).toEqual([]);
});

it('a view of many jobs is gone through folder by folder, long and odd names included, each once', async () => {
  const names = Array.from({ length: 450 }, (_, count) => {
    return `0190a0a0-0000-7000-8000-${String(count).padStart(12, '0')}`;
  });
  const odd = ['x'.repeat(200), 'ünï', 'stray file'];
  for (const name of [...names, ...odd]) mkdirSync(join(folder, name));
  for (const name of [...names, ...odd]) writeFileSync(join(folder, name, 'leftover'), '');
  writeFileSync(join(folder, 'file-at-the-root'), '');
  const { findings, slices } = await walk(verification({ viewRoot: folder }));
  const places = findings.map(({ place }) => place).toSorted();
  // Entries that are not job folders are reported, but the check does not look inside them.
  expect(places).toEqual([...names.map((name) => `${name}/leftover`), ...odd, 'file-at-the-root'].toSorted());
  expect(new Set(findings.map(({ kind }) => kind))).toEqual(new Set(['view-foreign']));
  expect(Math.max(...slices.map((slice) => slice.findings.length))).toBeLessThanOrEqual(203);
});

it('a view that was never made is empty, and a cursor of collection is refused', async () => {
  expect((await walk(verification({ viewRoot: join(folder, 'nothing') }))).findings).toEqual([]);
  const cursor = Buffer.from(JSON.stringify(['gc', { at: 'staging' }])).toString('base64url');
  await expect(verification().slice({ sample: 1, repair: false, cursor })).rejects.toThrow(
    expect.objectContaining({ code: 'invalid_cursor' }),
  );
});

it('drift of usage is one finding for each type, and one repair corrects all of it', async () => {
  const drift = [
    { kind: 'artifact', type: 'diff', count: 2, sizeBytes: 10 },
    { kind: 'artifact', type: 'log', count: -1, sizeBytes: 1 },
  ];
  const owners = Object.assign(records, { usageDrift: async () => drift });
  const repair = vi.spyOn(owners, 'repairUsage');
  const { findings } = await walk(verification({ owners }));
  expect(findings.map(({ kind, message, repaired }) => [kind, message, repaired])).toEqual([
    ['usage-drift', 'Usage of artifact diff is off by 2 and 10 bytes; --repair corrects the counters.', false],
    ['usage-drift', 'Usage of artifact log is off by -1 and 1 byte; --repair corrects the counters.', false],
  ]);
  expect(repair).not.toHaveBeenCalled();
  const { slices } = await walk(verification({ owners }));
  const through = verification({ owners });
  const [usage] = slices.flatMap((slice, index) => (slice.findings.length > 0 ? [slices[index - 1]!.nextCursor] : []));
  const repaired = await through.slice({ sample: 1, repair: true, cursor: usage });
  expect(repaired.findings.map((finding) => finding.repaired)).toEqual([true, true]);
  expect(repair).toHaveBeenCalledTimes(1);
});
