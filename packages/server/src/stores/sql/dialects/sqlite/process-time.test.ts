import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BootTime } from '../../../../kernel/time/boot-time.ts';
import { ManualClock } from '../../../../kernel/time/manual-clock.ts';
import { claimBy, newJob } from '../../../contract/records.ts';
import { SqlMetadataStore } from '../../sql-metadata-store.ts';
import { openSqliteEngine } from './sqlite-engine.ts';

const minute = 60_000;
let folder: string;
let clock: ManualClock;
let bootId: string | undefined;
let jumps: number[];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'proofhouse-time-'));
  clock = new ManualClock();
  bootId = 'first';
  jumps = [];
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function open(): Promise<SqlMetadataStore> {
  const bootTime = (): BootTime | undefined =>
    bootId === undefined ? undefined : { bootId, uptimeMs: clock.monotonic() };
  const onClockJump = (ms: number) => jumps.push(ms);
  return new SqlMetadataStore(await openSqliteEngine(path.join(folder, 'x.db'), { clock, bootTime, onClockJump }));
}

/** Creates a job with a lease of five minutes. Closes the store one minute later, and returns the id of the job. */
async function jobLeftBehind(): Promise<string> {
  const store = await open();
  const job = newJob({ createdAt: clock.now() });
  await store.jobs.enqueue(job);
  await store.jobs.claim({ ...claimBy('w', { leaseMs: 5 * minute }), now: clock.now() });
  await store.jobs.sweep(10);
  clock.advance(minute);
  await store.close();
  return job.id;
}

async function endsAfter(store: SqlMetadataStore, jobId: string): Promise<number> {
  for (let seconds = 0; seconds <= 600; seconds++) {
    const { ended } = await store.jobs.sweep(10);
    if (ended.some(({ id }) => id === jobId)) return seconds;
    clock.advance(1000);
  }
  throw new Error('the lease did not end within ten minutes');
}

describe('a lease that was given before a restart', () => {
  it.each([0, 60 * minute, -60 * minute])(
    'ends when its time is over, although the wall clock was set by %d ms meanwhile',
    async (ms) => {
      const jobId = await jobLeftBehind();
      clock.step(ms);
      clock.advance(minute);
      const store = await open();
      expect(await endsAfter(store, jobId)).toBe(180);
      expect(jumps).toEqual(ms === 0 ? [] : [ms]);
      await store.close();
      // The first start after the jump has shifted the leases. The second start must not shift them again.
      const again = await open();
      await again.jobs.sweep(10);
      expect(jumps).toHaveLength(ms === 0 ? 0 : 1);
      await again.close();
    },
  );

  it('is not moved twice by a clock that was set before a crash and followed then', async () => {
    const store = await open();
    const job = newJob({ createdAt: clock.now() });
    await store.jobs.enqueue(job);
    await store.jobs.claim({ ...claimBy('w', { leaseMs: 5 * minute }), now: clock.now() });
    await store.jobs.sweep(10);
    clock.step(60 * minute);
    await store.jobs.sweep(10);
    await store.close();
    const restarted = await open();
    expect(await endsAfter(restarted, job.id)).toBe(300);
    expect(jumps).toEqual([60 * minute]);
    await restarted.close();
  });

  it('keeps the time that it had left when the machine was restarted with a clock that is behind', async () => {
    const jobId = await jobLeftBehind();
    bootId = 'second';
    clock.step(-60 * minute);
    const store = await open();
    // The time anchor was written one minute after the claim. The machine was restarted later, so the store cannot
    // measure the time since the anchor and does not count it. The lease therefore keeps all of its five minutes.
    expect(await endsAfter(store, jobId)).toBe(300);
    await store.close();
  });

  it('ends at the start when the machine was restarted and the clock says that its time has passed', async () => {
    const jobId = await jobLeftBehind();
    bootId = undefined;
    clock.step(60 * minute);
    const store = await open();
    expect(await endsAfter(store, jobId)).toBe(0);
    await store.close();
  });
});
