// All tests of the repository in one run. Projects name the parts: `packages` and `scripts` sit beside their sources,
// `server` goes over sockets and processes, `e2e` drives a real browser and is left to `npm run test:e2e`.
import os from 'node:os';
import { defineConfig } from 'vitest/config';

const timeouts = { testTimeout: 30_000, hookTimeout: 60_000 };
const exclude = ['**/node_modules/**', '**/dist/**'];

function project(name: string, include: readonly string[]) {
  return { extends: true as const, test: { name, include: [...include], exclude, ...timeouts } };
}

export default defineConfig({
  test: {
    watch: false,
    // Native modules and process-wide limits behave in child processes as they do in production.
    pool: 'forks',
    maxWorkers: Math.max(2, Math.min(4, os.availableParallelism())),
    globalSetup: ['./scripts/test-engines.ts'],
    reporters: ['default', './scripts/summary-reporter.ts'],
    projects: [
      project('packages', ['packages/*/src/**/*.test.ts']),
      project('scripts', ['scripts/**/*.test.ts', 'fuzz/**/*.test.ts']),
      project('server', ['packages/server/test/**/*.test.ts']),
      project('e2e', ['packages/server/test/e2e/**/*.e2e.ts']),
    ],
  },
});
