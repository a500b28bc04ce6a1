import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { afterAll, describe, expect, it } from 'vitest';
import { slowestFiles, totals } from './summary-reporter.ts';

const root = path.resolve(import.meta.dirname, '..');
mkdirSync(path.join(root, '.cache'), { recursive: true });
const folder = mkdtempSync(path.join(root, '.cache', 'summary-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs vitest on one generated file, as `npm test` would. Returns the last line of the output and the exit code. */
function run(source: string, extra = ''): { line: string | undefined; code: number | null } {
  writeFileSync(path.join(folder, 'one.test.ts'), source);
  const reporter = JSON.stringify(path.join(root, 'scripts/summary-reporter.ts'));
  writeFileSync(
    path.join(folder, 'vitest.config.ts'),
    `export default { test: { reporters: ['default', ${reporter}], ${extra} } };`,
  );
  const vitest = path.join(root, 'node_modules/vitest/dist/cli.js');
  const result = spawnSync(process.execPath, [vitest, 'run', '--root', folder], { encoding: 'utf8' });
  return { line: result.stdout.trimEnd().split('\n').at(-1), code: result.status };
}

const header = "import { it, beforeAll, describe, expect } from 'vitest';\n";

describe('the closing line', () => {
  it('counts what passed, failed and was skipped', () => {
    const source = `${header} it('a', () => {}); it.skipIf(true)('b', () => {}); it('c', () => { expect(1).toBe(2); });`;
    expect(run(source)).toEqual({ line: '1 passed, 1 failed, 1 skipped', code: 1 });
  });

  it('has only the numbers when everything passed', () => {
    expect(run(`${header} it('a', () => {});`)).toEqual({ line: '1 passed, 0 failed, 0 skipped', code: 0 });
  });

  it('counts a file that cannot be loaded as failed', () => {
    expect(run(`throw new Error('broken');`)).toEqual({ line: '0 passed, 1 failed, 0 skipped', code: 1 });
  });

  it('counts a broken hook as failed', () => {
    const source = `${header} describe('s', () => { beforeAll(() => { throw new Error('x'); }); it('a', () => {}); });`;
    const result = run(source);
    expect(result.code).toBe(1);
    expect(result.line).toMatch(/^0 passed, 1 failed, [01] skipped$/);
  });

  it('counts an error outside any test as failed', () => {
    const source = `${header} it('a', () => { void Promise.reject(new Error('lost')); });`;
    expect(run(source)).toEqual({ line: '1 passed, 1 failed, 0 skipped', code: 1 });
  });

  it('counts a process that crashed as failed', () => {
    const result = run(`${header} it('a', () => { process.kill(process.pid, 'SIGKILL'); });`);
    expect(result.code).toBe(1);
    expect(result.line).toMatch(/^0 passed, [1-9] failed, 0 skipped$/);
  });

  it('reports a failure when the setup of the run fails', () => {
    writeFileSync(path.join(folder, 'setup.ts'), `export default () => { throw new Error('no engine'); };`);
    const result = run(`${header} it('a', () => {});`, `globalSetup: ['./setup.ts']`);
    expect(result.code).toBe(1);
    expect(result.line).toMatch(/^0 passed, [1-9] failed, 0 skipped$/);
  });

  it('counts a test that never ran as failed', () => {
    expect(totals([{ states: ['pending'], errorsOutsideTests: 0, failed: true }], 0).failed).toBe(1);
  });
});

describe('the list of slow files', () => {
  const files = Array.from({ length: 20 }, (_, nth) => ({ file: `${String(nth)}.test.ts`, ms: nth * 1000 }));

  it('names the ten slowest, the slowest first', () => {
    const lines = slowestFiles(files).trimEnd().split('\n');
    expect(lines).toHaveLength(11);
    expect(lines[1]).toBe('    19.0 s  19.test.ts');
    expect(lines[10]).toBe('    10.0 s  10.test.ts');
  });

  it('is left out when only a few files ran', () => {
    expect(slowestFiles(files.slice(1))).toBe('');
  });
});
