// Vitest configuration for all tests of the repository. `npm test` runs three projects. `packages` and `scripts` are
// tests beside their sources, and `server` tests the server over sockets and in child processes. `npm run test:long`
// runs `long`: chaos tests, more cases, and Postgres as the store. `npm run test:e2e` runs `e2e`, which uses a real
// browser.
import { globSync, readFileSync } from 'node:fs';
import os from 'node:os';
import { defineConfig } from 'vitest/config';

const timeouts = { testTimeout: 30_000, hookTimeout: 60_000 };
const exclude = ['**/node_modules/**', '**/dist/**'];
const longOnly = 'packages/server/test/**/*.long.test.ts';
/** Test files that run more cases if `isLongRun` is true. */
const withLongForm = globSync('packages/server/test/*.test.ts').filter((file) =>
  /\b(forAnyStore|propertyRuns|isLongRun)\b/.test(readFileSync(file, 'utf8')),
);

function project(name: string, include: readonly string[], more: object = {}) {
  return { extends: true as const, test: { name, include: [...include], exclude, ...timeouts, ...more } };
}

export default defineConfig({
  test: {
    watch: false,
    // On a busy machine, work that a test waits for can take seconds.
    expect: { poll: { timeout: 20_000 } },
    // In child processes, native modules and process-wide limits behave as in production.
    pool: 'forks',
    // One process runs many test files and imports the server only once. So a test file must restore all process-wide
    // state that it changes.
    isolate: false,
    maxWorkers: Math.max(2, Math.min(4, os.availableParallelism())),
    globalSetup: ['./scripts/test-places.ts', './scripts/test-engines.ts'],
    reporters: ['default', './scripts/summary-reporter.ts'],
    projects: [
      project('packages', ['packages/*/src/**/*.test.ts']),
      project('scripts', ['scripts/**/*.test.ts', 'fuzz/**/*.test.ts', 'bench/**/*.test.ts']),
      project('server', ['packages/server/test/**/*.test.ts'], { exclude: [...exclude, longOnly] }),
      project('long', [longOnly, ...withLongForm], { provide: { isLongRun: true } }),
      project('e2e', ['packages/server/test/e2e/**/*.e2e.ts']),
    ],
  },
});
