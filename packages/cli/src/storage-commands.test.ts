import { readdir, unlink, writeFile, utimes } from 'node:fs/promises';
import path from 'node:path';
import { ProofhouseClient } from '@proofhouse/client';
import { expect, onTestFinished, test } from 'vitest';
import { RealServer } from './testing/real-server.ts';
import { runInProcess } from './testing/run-in-process.ts';

async function setUp(settings: Record<string, string> = {}) {
  const server = await RealServer.start(settings);
  onTestFinished(() => server[Symbol.asyncDispose]());
  const admin = new ProofhouseClient({ url: server.url, token: server.adminToken });
  const run = (...args: string[]) =>
    runInProcess(args, { env: { PROOFHOUSE_URL: server.url, PROOFHOUSE_TOKEN: server.adminToken } });
  return { server, admin, run };
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}

test('usage, collection and verification from the command line, on an empty server and on one with damage', async () => {
  const { server, admin, run } = await setUp({ PROOFHOUSE_STORAGE_QUOTA_BYTES: '1MiB' });
  expect((await run('storage', 'usage')).stdout).toMatch(/stored +0 B in 0 artifacts\nquota +1.0 MiB \(0 % used\)/);
  expect((await run('storage', 'gc', '--dry-run')).stdout).toBe('Would go: 0 things, 0 B.\n');
  expect(await run('storage', 'verify')).toMatchObject({
    code: 0,
    stdout: 'Looked at 0 records and 0 blobs; 0 B hashed: all is well.\n',
  });

  const job = await admin.jobs.create({ type: 'exec' });
  await admin.artifacts.upload(job.id, { name: 'a.txt', bytes: Buffer.from('bytes') });
  const [blob = ''] = await filesBelow(path.join(server.folder, 'blobs/blobs'));
  const orphan = path.join(server.folder, 'blobs/blobs/q', 'q'.repeat(32));
  await writeFile(orphan, 'orphan');
  await utimes(orphan, 0, 0);
  const checked = await run('storage', 'verify', '--sample', '0.5');
  expect(checked).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^bytes-without-row .*\n.*1 finding, 0 of them damage/),
  });
  const gone = await run('storage', 'gc', '--json');
  expect(JSON.parse(gone.stdout)).toMatchObject({ reason: 'orphan', sizeBytes: 6 });
  expect((await run('storage', 'gc')).stdout).toBe('Gone: 0 things, 0 B.\n');

  await unlink(blob);
  const damaged = await run('storage', 'verify', '--repair');
  expect(damaged.code).toBe(1);
  expect(damaged.stdout).toMatch(/^row-without-bytes +[0-9a-f-]{36} +The bytes are gone/);
  const json = await run('storage', 'verify', '--json');
  expect([json.code, JSON.parse(json.stdout)]).toMatchObject([1, { kind: 'row-without-bytes', repaired: false }]);
  expect((await run('storage', 'verify', '--sample', '2')).code).toBe(2);
});

test('only the admin cares for storage', async () => {
  const { server, admin } = await setUp();
  const { token } = await admin.workerTokens.create({ workerId: 'builder-1' });
  const env = { PROOFHOUSE_URL: server.url, PROOFHOUSE_TOKEN: token };
  for (const verb of ['usage', 'gc', 'verify']) expect((await runInProcess(['storage', verb], { env })).code).toBe(3);
});
