// Vitest setup for the long form of the property tests. `fc.assert` runs each property FAST_CHECK_FACTOR times as often
// as the test specifies, but stops at a time limit.
import process from 'node:process';
import type * as fastCheck from 'fast-check';
import { vi } from 'vitest';

const factor = Number(process.env['FAST_CHECK_FACTOR'] ?? 1);
const usualRuns = 100;
/** Time limit of one property in ms. It is shorter than the longest timeout of a test. */
const mostMs = 100_000;

vi.mock('fast-check', async (importOriginal) => {
  const real = await importOriginal<typeof fastCheck>();
  const assert = (property: fastCheck.IRawProperty<unknown>, params: fastCheck.Parameters<unknown> = {}) =>
    real.assert(property, {
      ...params,
      numRuns: (params.numRuns ?? usualRuns) * factor,
      interruptAfterTimeLimit: mostMs,
    });
  return { ...real, assert, default: { ...real.default, assert } };
});
