import { setImmediate as nextIteration } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { EventLoopPacer } from './event-loop-pacer.ts';

it('calls that arrive together start one in each iteration of the event loop, in order, and a single one starts at once', async () => {
  const pacer = new EventLoopPacer();
  const begun: number[] = [];
  const calls = [0, 1, 2, 3].map(async (call) => {
    await pacer.next();
    begun.push(call);
  });
  await Promise.resolve();
  await Promise.resolve();
  expect(begun).toEqual([0]);
  for (const count of [2, 3, 4]) {
    await nextIteration();
    expect(begun).toHaveLength(count);
  }
  await Promise.all(calls);
  expect(begun).toEqual([0, 1, 2, 3]);
  await nextIteration();
  let isBegun = false;
  void pacer.next().then(() => (isBegun = true));
  await Promise.resolve();
  await Promise.resolve();
  expect(isBegun).toBe(true);
});
