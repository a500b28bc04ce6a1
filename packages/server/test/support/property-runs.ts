import { inject } from 'vitest';

/**
 * Returns how often a property of a slow suite runs: `count` times in `npm run test:long`, a fifth as often in `npm
 * test`.
 */
export function propertyRuns(count: number): number {
  return inject('isLongRun') === true ? count : Math.ceil(count / 5);
}
