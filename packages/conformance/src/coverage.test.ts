import { expect, test } from 'vitest';
import { requirements } from './requirements.ts';
import { coverageGaps } from './run-scenarios.ts';
import { scenarios } from './scenarios.ts';

test('every must has a scenario, and every citation a requirement', () => {
  expect(coverageGaps(requirements, scenarios)).toEqual([]);
});
