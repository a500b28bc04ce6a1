import { describe, expect, it } from 'vitest';
import type { SeenWorker } from '@proofhouse/core';
import { ManualClock } from '../kernel/time/manual-clock.ts';
import type { PresenceStore } from './presence-store.ts';
import { Presence } from './presence.ts';

/** A presence store in memory. Each write waits until the promise `held` has settled. */
class Rows implements PresenceStore {
  readonly rows = new Map<string, SeenWorker>();
  saves = 0;
  held: Promise<void> = Promise.resolve();

  async save(workers: readonly SeenWorker[]): Promise<void> {
    this.saves += 1;
    await this.held;
    for (const worker of workers) this.rows.set(worker.workerId, worker);
  }

  seenSince(since: number, limit: number): Promise<SeenWorker[]> {
    const found = [...this.rows.values()].filter((worker) => worker.lastSeenAt >= since);
    return Promise.resolve(found.sort((a, b) => b.lastSeenAt - a.lastSeenAt).slice(0, limit));
  }
}

function claimed(workerId: string) {
  return { workerId, capabilities: ['gpu'], types: ['exec'], repositories: undefined, version: 'a/1' };
}

describe('presence', () => {
  it('costs one write for many claims, and none when nobody came', async () => {
    const store = new Rows();
    const presence = new Presence({ store, clock: new ManualClock() });
    await presence.flush();
    for (let claim = 0; claim < 100; claim++) presence.claimed(claimed(`w-${String(claim % 3)}`));
    await presence.flush();
    await presence.flush();
    expect([store.saves, store.rows.size]).toEqual([1, 3]);
  });

  it('shows what is just being written', async () => {
    const store = new Rows();
    const presence = new Presence({ store, clock: new ManualClock() });
    let release = (): void => undefined;
    store.held = new Promise((settle) => (release = settle));
    presence.claimed(claimed('w'));
    const writing = presence.flush();
    const listed = presence.list({ limit: 10 });
    release();
    expect((await listed).items).toMatchObject([{ workerId: 'w' }]);
    await writing;
  });

  it('takes what a heartbeat does not say from what the worker said elsewhere', async () => {
    const store = new Rows();
    const clock = new ManualClock();
    const elsewhere = new Presence({ store, clock });
    elsewhere.claimed(claimed('w'));
    await elsewhere.flush();
    const presence = new Presence({ store, clock });
    clock.advance(3_600_000);
    presence.alive('w');
    presence.alive('never-heard-of');
    expect(await presence.lately()).toEqual(
      expect.arrayContaining([
        { ...claimed('w'), lastSeenAt: clock.now() },
        {
          workerId: 'never-heard-of',
          lastSeenAt: clock.now(),
          capabilities: [],
          types: undefined,
          repositories: undefined,
          version: undefined,
        },
      ]),
    );
  });

  it('goes on after a write that failed', async () => {
    const store = new Rows();
    const presence = new Presence({ store, clock: new ManualClock() });
    store.held = Promise.reject(new Error('no database'));
    presence.claimed(claimed('w'));
    await expect(presence.flush()).rejects.toThrow('no database');
    store.held = Promise.resolve();
    await presence.flush();
    expect(store.rows.size).toBe(1);
  });
});
