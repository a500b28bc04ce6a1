import { expect, it } from 'vitest';
import { forEachStore } from './support/for-each-store.ts';
import type { TestServer } from './support/test-server.ts';

const hour = 3_600_000;

/**
 * Advances the clock by `ms` in steps of at most one second, so that the timers of the server run between two steps.
 */
async function pass(t: TestServer, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1000) {
    t.clock.advance(Math.min(1000, left));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await t.server.jobs.sweep();
}

forEachStore('a wall clock that is set', (harness, store) => {
  it.each([hour, 48 * hour, -600_000])('by %d ms ends no lease and uses up no attempt', async (ms) => {
    const t = harness();
    const { job, worker, lease } = await t.running({ maxAttempts: 1 }, 120);
    t.clock.step(ms);
    await pass(t, 60_000);
    const renewed = await t.post(`/api/queue/jobs/${job.id}/heartbeat`, { leaseSeconds: 120 }, worker, {
      'proofhouse-lease': lease,
    });
    expect(renewed.status).toBe(200);
    expect(Date.parse(renewed.json.leaseExpiresAt)).toBeGreaterThan(t.clock.now());
    await pass(t, 110_000);
    expect(await t.job(job.id)).toMatchObject({ status: 'running', attempt: 1 });
    const done = await t.post(`/api/queue/jobs/${job.id}/complete`, {}, worker, { 'proofhouse-lease': lease });
    expect(done.status).toBe(200);
  });

  it('forward lets the lease of a lost worker end when its time is over, and not before', async () => {
    const t = harness();
    const { job } = await t.running({ maxAttempts: 1 }, 120);
    await pass(t, 60_000);
    t.clock.step(hour);
    await pass(t, 59_000);
    expect((await t.job(job.id)).status).toBe('running');
    await pass(t, 2000);
    await expect.poll(async () => (await t.job(job.id)).status, { interval: 5, timeout: 10_000 }).toBe('dead_letter');
  });

  it('forward and back again leaves the leases as they were', async () => {
    const t = harness();
    const { job } = await t.running({ maxAttempts: 1 }, 120);
    t.clock.step(hour);
    await pass(t, 30_000);
    t.clock.step(-hour);
    await pass(t, 80_000);
    expect((await t.job(job.id)).status).toBe('running');
    await pass(t, 12_000);
    await expect.poll(async () => (await t.job(job.id)).status, { interval: 5, timeout: 10_000 }).toBe('dead_letter');
  });

  // Postgres cannot distinguish leases from before the jump from later ones. So a lease from before a jump back ends
  // late (docs/decisions/0016).
  it.skipIf(store === 'postgres')('back does not prolong the lease of a lost worker', async () => {
    const t = harness();
    const { job } = await t.running({ maxAttempts: 1 }, 120);
    t.clock.step(-600_000);
    await pass(t, 121_000);
    await expect.poll(async () => (await t.job(job.id)).status, { interval: 5, timeout: 10_000 }).toBe('dead_letter');
  });

  it.each([hour, -600_000])('by %d ms changes nothing about how long a claim waits', async (ms) => {
    const t = harness();
    const worker = await t.worker({ capabilities: [t.unique('only')] });
    let answered = false;
    const waiting = t.post('/api/queue/jobs/claim', { waitSeconds: 10 }, worker).then((answer) => {
      answered = true;
      return answer;
    });
    // Waits until the list of workers contains this worker. Its claim has then reached the server and waits there.
    await expect
      .poll(
        async () => {
          t.clock.advance(10);
          return (await t.get('/api/queue/workers')).json.items.some(
            (seen: { workerId: string }) => seen.workerId === worker.id,
          );
        },
        { interval: 5, timeout: 10_000 },
      )
      .toBe(true);
    t.clock.step(ms);
    await new Promise((resolve) => setImmediate(resolve));
    expect(answered).toBe(false);
    await expect
      .poll(
        () => {
          t.clock.advance(500);
          return answered;
        },
        { interval: 20, timeout: 10_000 },
      )
      .toBe(true);
    expect((await waiting).json).toEqual({ job: null });
  });

  it('is shown by /readyz and logged once, with its size', async () => {
    const t = harness();
    await t.get('/readyz');
    const before = (await t.get('/readyz')).json.clock as { jumps: number };
    const lines = t.logLines.length;
    t.clock.step(hour);
    await pass(t, 10_000);
    const answer = await t.get('/readyz');
    expect(answer.status).toBe(200);
    // On Postgres, the clock of the test replaces two clocks: that of the machine and that of the database. So one jump
    // is counted twice.
    const seen = store === 'postgres' ? 2 : 1;
    expect(answer.json.clock).toMatchObject({ jumps: before.jumps + seen, lastJump: { ms: hour } });
    const said = t.logLines.slice(lines).filter((line) => line.includes('a clock was set'));
    expect(said).toHaveLength(seen);
    expect(said[0]).toContain(String(hour));
  });
});
