import { expect, it } from 'vitest';
import { refuseEarly } from '../../../scripts/chaos/early-refusals.ts';

// The full run is `npm run soak -- --only early-refusals`.
it("Node's fetch and pipelining clients get the answer of an early refusal, never a broken connection", async () => {
  const { refusals, broken } = await refuseEarly({ refusals: 600, clients: 8 });
  expect(broken).toEqual([]);
  expect(refusals).toBe(600);
}, 60_000);
