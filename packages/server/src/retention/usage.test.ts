import { expect, it, vi } from 'vitest';
import type { UsageCount } from '../kernel/blob-owners.ts';
import type { Logger } from '../kernel/logger.ts';
import { ManualClock } from '../kernel/time/manual-clock.ts';
import { Usage } from './usage.ts';

function usageOf(quotaBytes: number | undefined, warnPercent = 80) {
  const stored: { rows: UsageCount[]; asked: number } = { rows: [], asked: 0 };
  const count = async (): Promise<UsageCount[]> => {
    stored.asked += 1;
    return stored.rows;
  };
  const warn = vi.fn();
  const logger = { warn } as unknown as Logger;
  const usage = new Usage({ owners: { usage: count }, clock: new ManualClock(), logger, quotaBytes, warnPercent });
  const holding = async (sizeBytes: number): Promise<void> => {
    stored.rows = [{ kind: 'artifact', type: 'log', count: 1, sizeBytes }];
    await usage.sample();
  };
  return { usage, stored, warn, holding };
}

const full = expect.objectContaining({ code: 'storage_full' });

it('an empty store is nothing in all', async () => {
  const { usage } = usageOf(undefined);
  expect(await usage.latest()).toMatchObject({ artifacts: 0, bytes: 0, byType: [] });
});

it('the last sample is answered without counting again, and counts at one time are one', async () => {
  const { usage, stored } = usageOf(undefined);
  stored.rows = [
    { kind: 'artifact', type: 'log', count: 2, sizeBytes: 30 },
    { kind: 'artifact', type: 'diff', count: 1, sizeBytes: 2 ** 50 },
  ];
  await Promise.all([usage.latest(), usage.latest(), usage.sample()]);
  expect(await usage.latest()).toMatchObject({
    artifacts: 3,
    bytes: 2 ** 50 + 30,
    byType: [
      { type: 'diff', artifacts: 1, bytes: 2 ** 50 },
      { type: 'log', artifacts: 2, bytes: 30 },
    ],
  });
  expect(stored.asked).toBe(1);
});

it('a failed count keeps the last sample, and the next one counts again', async () => {
  const { usage, stored, holding } = usageOf(100);
  await holding(100);
  const rows = stored.rows;
  Object.defineProperty(stored, 'rows', { configurable: true, get: () => [null] });
  await expect(usage.sample()).rejects.toThrow();
  expect(() => usage.requireRoom()).toThrow(full);
  Object.defineProperty(stored, 'rows', { value: rows });
  expect(await usage.sample()).toMatchObject({ bytes: 100 });
});

it('there is room until the quota is reached, and the refusal names both figures', async () => {
  const { usage, holding } = usageOf(1000);
  expect(() => usage.requireRoom()).not.toThrow();
  await holding(999);
  expect(() => usage.requireRoom()).not.toThrow();
  await holding(1000);
  expect(() => usage.requireRoom()).toThrow(full);
  expect(() => usage.requireRoom()).toThrow(/1000 of 1000 bytes/);
  await holding(999);
  expect(() => usage.requireRoom()).not.toThrow();
});

it('without a quota there is always room, and no warning', async () => {
  const { usage, warn, holding } = usageOf(undefined);
  await holding(2 ** 52);
  expect(() => usage.requireRoom()).not.toThrow();
  expect([usage.quotaBytes, usage.warnAtBytes]).toEqual([undefined, undefined]);
  expect(warn).not.toHaveBeenCalled();
});

it('it is warned once when the threshold is crossed, and again only after it was well below', async () => {
  const { warn, holding } = usageOf(1000);
  await holding(799);
  expect(warn).toHaveBeenCalledTimes(0);
  for (const bytes of [800, 900, 799, 810, 751, 2000]) await holding(bytes);
  expect(warn).toHaveBeenCalledTimes(1);
  await holding(749);
  await holding(950);
  expect(warn).toHaveBeenCalledTimes(2);
  expect(warn).toHaveBeenLastCalledWith(expect.anything(), 'the storage quota is used to 95 %');
});
