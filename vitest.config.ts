// All tests of the repository. Projects name the parts: `packages` and `scripts` sit beside their sources, `server` goes
// over sockets and processes; `npm test` runs these three. `long` has chaos, large budgets and the other store
// (`npm run test:long`), `e2e` drives a real browser (`npm run test:e2e`).
import { globSync, readFileSync } from 'node:fs';
import os from 'node:os';
import { defineConfig } from 'vitest/config';

const timeouts = { testTimeout: 30_000, hookTimeout: 60_000 };
const exclude = ['**/node_modules/**', '**/dist/**'];
const longOnly = 'packages/server/test/**/*.long.test.ts';
/** Suites that do more when `isLongRun` is provided. */
const withLongForm = globSync('packages/server/test/*.test.ts').filter((file) =>
  /\b(forAnyStore|propertyRuns|isLongRun)\b/.test(readFileSync(file, 'utf8')),
);

function project(name: string, include: readonly string[], more: object = {}) {
  return { extends: true as const, test: { name, include: [...include], exclude, ...timeouts, ...more } };
}

export default defineConfig({
  test: {
    watch: false,
    // Native modules and process-wide limits behave in child processes as they do in production.
    pool: 'forks',
    // A worker imports the server once and keeps it for all its files: a file restores what it changes in the process.
    isolate: false,
    maxWorkers: Math.max(2, Math.min(4, os.availableParallelism())),
    globalSetup: ['./scripts/test-places.ts', './scripts/test-engines.ts'],
    reporters: ['default', './scripts/summary-reporter.ts'],
    projects: [
      project('packages', ['packages/*/src/**/*.test.ts']),
      project('scripts', ['scripts/**/*.test.ts', 'fuzz/**/*.test.ts']),
      project('server', ['packages/server/test/**/*.test.ts'], { exclude: [...exclude, longOnly] }),
      project('long', [longOnly, ...withLongForm], { provide: { isLongRun: true } }),
      project('e2e', ['packages/server/test/e2e/**/*.e2e.ts']),
    ],
  },
});
