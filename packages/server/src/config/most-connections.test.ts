import { expect, it } from 'vitest';
import { parseLoadLimits } from './load-limits.ts';
import { mostConnections } from './most-connections.ts';

const limits = (soft: string): string =>
  `Limit                     Soft Limit           Hard Limit           Units     \nMax open files            ${soft}                 1048576              files     \n`;

it.each([
  [10_000, limits('1048576'), 10_000],
  [10_000, limits('1024'), 412],
  [10_000, limits('64'), 16],
  [300, limits('1024'), 300],
  [10_000, limits('unlimited'), 10_000],
  [10_000, undefined, 10_000],
])('of %d wanted connections, the descriptors leave room for so many', (wanted, text, most) => {
  expect(mostConnections(wanted, text)).toBe(most);
});

it('load limits are read by kind, and the others stay as they are', () => {
  expect(parseLoadLimits('streams=5/10, excerpts=1/1')).toMatchObject({
    streams: { perCredential: 5, inAll: 10 },
    excerpts: { perCredential: 1, inAll: 1 },
    requests: { perCredential: 500, inAll: 5000 },
  });
  for (const wrong of ['streams', 'streams=5', 'streams=0/10', 'streams=11/10', 'stream=5/10', 'streams=-1/10']) {
    expect(parseLoadLimits(wrong)).toEqual(expect.any(String));
  }
});
