// Vitest configuration that runs all property tests with more runs, as `more-runs.ts` sets them.
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { defineConfig } from 'vitest/config';

const root = path.resolve(import.meta.dirname, '../..');
const tests = globSync(['packages/*/{src,test}/**/*.test.ts', 'fuzz/*.test.ts'], { cwd: root });
/**
 * Files with property tests. They include files that import a contract suite, because the suite may contain properties.
 */
const withProperties = tests.filter((file) =>
  /from '(fast-check|[^']*\.contract\.ts)'/.test(readFileSync(path.join(root, file), 'utf8')),
);

export default defineConfig({
  root,
  test: {
    watch: false,
    pool: 'forks',
    maxWorkers: 2,
    include: withProperties,
    provide: { isLongRun: true },
    globalSetup: ['./scripts/test-places.ts', './scripts/test-engines.ts'],
    setupFiles: ['./scripts/soak/more-runs.ts'],
    reporters: ['default', './scripts/summary-reporter.ts'],
    testTimeout: 600_000,
    hookTimeout: 120_000,
  },
});
