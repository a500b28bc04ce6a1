import { describe, expect, it } from 'vitest';
import { backOffMs } from './back-off.ts';

const policy = { firstMs: 250, maxMs: 10_000 };

describe('a back-off', () => {
  it('doubles with each failure up to its maximum', () => {
    const delays = [1, 2, 3, 4, 5, 6, 7, 8].map((failures) => backOffMs(failures, policy));
    expect(delays).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
  });

  it('stays at its maximum after any number of failures', () => {
    expect(backOffMs(5000, policy)).toBe(10_000);
  });

  it.each([
    [1, 0, 0],
    [1, 0.5, 1000],
    [0.5, 0, 1000],
    [0.5, 0.5, 1500],
  ])('with a jitter of %d and chance %d waits %d of 2000 ms', (share, chance, expected) => {
    expect(backOffMs(4, policy, { share, fraction: () => chance })).toBe(expected);
  });
});
