import { Readable } from 'node:stream';
import { Blobs, MemoryBackend, type BlobListing } from '@proofhouse/blobs';
import { AppError } from '@proofhouse/core';
import { beforeEach, expect, it } from 'vitest';
import { Ids } from '../kernel/ids.ts';
import { ManualClock } from '../kernel/time/manual-clock.ts';
import { noSecretPolicy } from '../secrets/testing/no-secret-policy.ts';
import { ArtifactIntake, type ArtifactIntakeParts } from './artifact-intake.ts';

const graceMs = 2000;
let clock: ManualClock;
let blobs: Blobs;
let staging: ArtifactIntake;

beforeEach(async () => {
  clock = new ManualClock();
  const backend = new MemoryBackend();
  await backend.open();
  const ids = new Ids(clock);
  blobs = new Blobs({ backend, newKey: () => ids.blobKey() });
  staging = intakeWith(() => undefined);
});

/**
 * Returns an `ArtifactIntake` for tests that only stage bytes. It has no stores of records, because staging neither
 * reads nor commits records.
 */
function intakeWith(requireRoom: () => void): ArtifactIntake {
  const parts = { blobs, clock, graceMs, requireRoom, secrets: noSecretPolicy() };
  return new ArtifactIntake(parts as Partial<ArtifactIntakeParts> as ArtifactIntakeParts);
}

async function stored(): Promise<BlobListing[]> {
  const found: BlobListing[] = [];
  for await (const blob of blobs.list()) found.push(blob);
  return found;
}

it('bytes become durable while they are young', async () => {
  const staged = await staging.stage(Readable.from([Buffer.from('bytes')]), 10);
  clock.advance(graceMs / 2 - 1);
  expect(await staged.commit()).toMatchObject({ sizeBytes: 5, sha256: staged.sha256 });
  expect(await stored()).toHaveLength(1);
});

it.each([0, -10 * graceMs, 10 * graceMs])(
  'bytes are refused when half the grace period passed since they were begun, and the wall clock was set by %d ms',
  async (ms) => {
    const staged = await staging.stage(Readable.from([Buffer.from('bytes')]), 10);
    clock.step(ms);
    clock.advance(graceMs / 2);
    await expect(staged.commit()).rejects.toThrow(expect.objectContaining({ code: 'request_timeout' }));
    await staged.discard();
    expect(await stored()).toEqual([]);
  },
);

it.each([-10 * graceMs, 10 * graceMs])('a wall clock that was set by %d ms makes no bytes old', async (ms) => {
  const staged = await staging.stage(Readable.from([Buffer.from('bytes')]), 10);
  clock.step(ms);
  clock.advance(graceMs / 2 - 1);
  expect(await staged.commit()).toMatchObject({ sizeBytes: 5 });
});

it('the age counts from the first byte, so a slow source ages too, and from before the commit to after it', async () => {
  const slow = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('by');
    clock.advance(graceMs / 4);
    yield Buffer.from('tes');
  };
  const staged = await staging.stage(slow(), 10);
  const commit = staged.commit();
  clock.advance(graceMs / 4);
  await expect(commit).rejects.toThrow(/Send it again/);
  expect(await stored()).toEqual([]);
});

it('a refusal for want of room is passed on', () => {
  const full = new AppError('storage_full', 'The quota is used up.');
  const requireRoom = (): never => {
    throw full;
  };
  expect(() => intakeWith(requireRoom).requireRoom()).toThrow(full);
});
