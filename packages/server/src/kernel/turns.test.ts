import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Turns } from './turns.ts';

it('calls that arrive at once begin one in each turn, in order, and a lone one begins at once', async () => {
  const turns = new Turns();
  const begun: number[] = [];
  const calls = [0, 1, 2, 3].map(async (call) => {
    await turns.next();
    begun.push(call);
  });
  await Promise.resolve();
  await Promise.resolve();
  expect(begun).toEqual([0]);
  for (const count of [2, 3, 4]) {
    await nextTurn();
    expect(begun).toHaveLength(count);
  }
  await Promise.all(calls);
  expect(begun).toEqual([0, 1, 2, 3]);
  await nextTurn();
  let isBegun = false;
  void turns.next().then(() => (isBegun = true));
  await Promise.resolve();
  await Promise.resolve();
  expect(isBegun).toBe(true);
});
