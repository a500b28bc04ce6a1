import { expect, it } from 'vitest';
import { inBatches } from './in-batches.ts';

const options = { batch: 100, most: 50, stopped: () => false };

it('goes on batch after batch until one is not full, and lets other work run between two', async () => {
  let left = 950;
  let turns = 0;
  const other = (): void => {
    turns += 1;
    if (left > 0) setImmediate(other);
  };
  setImmediate(other);
  const removed = await inBatches(options, async (limit) => {
    const some = Math.min(limit, left);
    left -= some;
    return some;
  });
  expect([removed, left]).toEqual([950, 0]);
  expect(turns).toBeGreaterThanOrEqual(9);
});

it('ends after the most batches it may make, and when it is stopped', async () => {
  expect(await inBatches({ ...options, most: 3 }, (limit) => Promise.resolve(limit))).toBe(300);
  let calls = 0;
  const stopped = (): boolean => calls === 2;
  await inBatches({ ...options, stopped }, (limit) => Promise.resolve(((calls += 1), limit)));
  expect(calls).toBe(2);
});
