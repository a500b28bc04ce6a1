import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { readCommandLine } from './command-line.ts';

const right = ['--url', 'http://127.0.0.1:8750/work/', '--admin-token', 'a-token', '--experiment', 'exp_1'];

test('a correct call gives a target and all groups', () => {
  expect(readCommandLine([...right, '--json', '--max-artifact-bytes', '1048576'])).toMatchObject({
    kind: 'run',
    json: true,
    target: {
      url: 'http://127.0.0.1:8750/work',
      adminToken: 'a-token',
      experiment: 'exp_1',
      maxArtifactBytes: 1_048_576,
    },
  });
});

test.each([
  ['1000', 1000],
  ['1MiB', 1_048_576],
  ['1.5 kib', 1536],
  ['9M', 9_000_000],
  ['64B', 64],
])('a cap of %s is %i bytes', (text, maxArtifactBytes) => {
  expect(readCommandLine([...right, '--max-artifact-bytes', text])).toMatchObject({ target: { maxArtifactBytes } });
});

test('groups may be named with spaces or dashes, and the queue needs no experiment', () => {
  const request = readCommandLine([...right.slice(0, 4), '--group', 'queue lifecycle', '--group', 'Claim-Atomicity']);
  expect(request).toMatchObject({ kind: 'run', groups: ['queue lifecycle', 'claim atomicity'] });
});

test('the token may come from a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'conformance-'));
  const file = join(folder, 'token');
  writeFileSync(file, 'from-a-file\n');
  const args = ['--url', 'http://x', '--admin-token-file', file, '--experiment', 'exp_1'];
  expect(readCommandLine(args)).toMatchObject({ target: { adminToken: 'from-a-file' } });
  rmSync(folder, { recursive: true });
});

test.each([
  [['--url', 'http://x'], '--admin-token is missing'],
  [right.slice(2), '--url is missing'],
  [right.slice(0, 4), '--experiment is missing'],
  [[...right.slice(2), '--url', 'ftp://x'], '--url must be'],
  [[...right, '--group', 'nothing'], 'there is no group "nothing"'],
  [[...right, '--max-artifact-bytes', '1x'], '--max-artifact-bytes must be'],
  [[...right, '--max-artifact-bytes', '0'], '--max-artifact-bytes must be'],
  [[...right, '--nonsense'], 'nonsense'],
  [['--admin-token-file', '/nowhere', ...right.slice(0, 2), ...right.slice(4)], '/nowhere'],
])('%j is told what is wrong', (args, reason) => {
  expect(readCommandLine(args)).toMatchObject({ kind: 'wrong', reason: expect.stringContaining(reason) });
});

const command = fileURLToPath(new URL('../bin/proofhouse-conformance.js', import.meta.url));

async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const call = promisify(execFile)(process.execPath, [command, ...args]);
  return call.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: unknown) => error as { code: number; stdout: string; stderr: string },
  );
}

test('the command lists the requirements, and exits 2 for wrong options or a server that does not exist', async () => {
  const list = await run('--list', '--json', '--group', 'artifact transfer');
  expect(list.code).toBe(0);
  expect(JSON.parse(list.stdout)).toMatchObject({
    requirements: expect.arrayContaining([]),
    scenarios: expect.anything(),
  });
  expect((await run('--help')).stdout).toContain('--experiment');
  expect(await run('--url', 'http://x')).toMatchObject({ code: 2, stderr: expect.stringContaining('--admin-token') });
  const nowhere = await run('--url', 'http://127.0.0.1:1', ...right.slice(2));
  expect(nowhere).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot be reached') });
  expect(nowhere.stderr).not.toContain('a-token');
});
