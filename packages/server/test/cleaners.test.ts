// Tests on both stores that expired rows are removed at least as fast as they can be created.
import { expect, it } from 'vitest';
import { forEachStore } from './support/for-each-store.ts';

const day = 24 * 60 * 60 * 1000;

forEachStore('cleaning up', (harness) => {
  it('thousands of idempotency keys that are past their time go within a few turns of the cleaner', async () => {
    const t = harness();
    const now = t.clock.now();
    const count = 2600;
    for (let at = 0; at < count; at += 200) {
      await Promise.all(
        Array.from({ length: 200 }, (_, index) =>
          t.server.store.commit({
            changes: [],
            preconditions: [],
            idempotency: {
              principal: 'p',
              operation: 'o',
              key: String(at + index),
              fingerprint: 'f',
              resourceId: 'r',
              expiresAt: now + day,
            },
            now,
          }),
        ),
      );
    }
    const cleaner = t.server.store.cleaners.find(({ name }) => name === 'idempotency keys');
    // The cleaner runs at each advance of the clock. The test expects fewer than ten runs. If a run removed only one
    // small batch, more than a dozen would be needed.
    t.clock.advance(day);
    let turns = 0;
    const left = (): Promise<number> | undefined => {
      t.clock.advance(2000);
      turns += 1;
      return cleaner?.clean(t.clock.now(), 1);
    };
    await expect.poll(left, { interval: 300, timeout: 20_000 }).toBe(0);
    expect(turns).toBeLessThan(10);
  });
});
