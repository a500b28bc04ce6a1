import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ProofhouseClient, type Download } from '@proofhouse/client';
import { expect, onTestFinished, test, vi } from 'vitest';
import { RealServer } from './testing/real-server.ts';
import { runEntry } from './testing/run-entry.ts';

const experimentId = 'exp_01jd7v6m5x0000000000000000';

// The time limit is long, because the test starts many processes one after another.
vi.setConfig({ testTimeout: 90_000 });

async function setUp() {
  const server = await RealServer.start({ PROOFHOUSE_EXPERIMENT: experimentId });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const folder = await mkdtemp(path.join(tmpdir(), 'real-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const clientOf = (token: string, principal?: string) =>
    new ProofhouseClient({ url: server.url, token, principal, experimentId, retry: { tries: 1 } });
  const run = (token: string, ...args: string[]) =>
    runEntry(args, {
      cwd: folder,
      env: { PROOFHOUSE_URL: server.url, PROOFHOUSE_TOKEN: token, PROOFHOUSE_EXPERIMENT: experimentId },
    });
  const admin = clientOf(server.adminToken);
  const register = async (name: string) => {
    const worker = await admin.experiment().registerWorker({ name });
    const client = clientOf(worker.registration_token, worker.worker_id);
    return { id: worker.worker_id, token: `${worker.worker_id}:${worker.registration_token}`, client };
  };
  return { server, folder, admin, clientOf, register, run };
}

const textOf = (download: Download) => new Response(download.body).text();

test('a worker deposits, the other fetches once it may, and both are the queue’s workers too', async () => {
  const { admin, register } = await setUp();
  const [maker, reader] = [await register('maker'), await register('reader')];
  expect(await maker.client.experiment().whoami()).toEqual({ worker_id: maker.id, name: 'maker' });
  const bytes = randomBytes(2_500_000);
  const deposit = await maker.client.depositArtifact(
    async function* () {
      for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
    },
    { contentType: 'application/x-weights', filename: 'größe "1".bin', sizeBytes: bytes.length },
  );
  expect(deposit).toMatchObject({ size_bytes: bytes.length, content_type: 'application/x-weights' });
  const uri = deposit.artifacts_uri;
  await expect(reader.client.fetchArtifact(uri)).rejects.toMatchObject({ code: 'forbidden' });
  await maker.client.experiment().grantRead(uri, reader.id);
  const download = await reader.client.fetchArtifact(uri);
  expect(download).toMatchObject({ contentType: 'application/x-weights', sizeBytes: bytes.length });
  const digest = createHash('sha256').update(bytes).digest('hex');
  expect(download.digest).toBe(`sha256:${digest}`);
  expect(Buffer.from(await new Response(download.body).arrayBuffer()).equals(bytes)).toBe(true);
  await admin.jobs.create({ type: 'exec' });
  expect((await reader.client.jobs.claim())?.claimedBy).toBe(reader.id);
});

test('the same key and bytes are one deposit, other bytes under it a conflict', async () => {
  const { register } = await setUp();
  const { client } = await register('maker');
  const again = { idempotencyKey: 'one-intent' };
  const first = await client.depositArtifact('same', again);
  expect(await client.depositArtifact('same', again)).toEqual(first);
  expect((await client.depositArtifact('same')).artifacts_uri).not.toBe(first.artifacts_uri);
  await expect(client.depositArtifact('other', again)).rejects.toMatchObject({ code: 'idempotency_conflict' });
  expect(await textOf(await client.fetchArtifact(first.artifacts_uri))).toBe('same');
});

test('refusals come in the words of the table', async () => {
  const { server, admin, clientOf, register } = await setUp();
  const { client, token } = await register('maker');
  await expect(client.fetchArtifact('proofhouse://artifacts/nope')).rejects.toMatchObject({
    code: 'artifact_not_found',
  });
  await expect(client.fetchArtifact('s3://bucket/key?x=%2F#y')).rejects.toMatchObject({ code: 'artifact_not_found' });
  await expect(client.experiment().registerWorker()).rejects.toMatchObject({ code: 'forbidden' });
  await expect(clientOf(`${token}x`).depositArtifact('x')).rejects.toMatchObject({ code: 'unauthenticated' });
  await expect(admin.experiment().registerWorker({ name: 'admin' })).rejects.toMatchObject({
    code: 'reserved_identifier',
  });
  await expect(admin.experiment().createGroup({ name: '\u0007' })).rejects.toMatchObject({ code: 'invalid_name' });
  const one = await admin.experiment().createGroup();
  const two = await admin.experiment().createGroup({ members: [one.group_id] });
  await expect(admin.experiment().addGroupMember(one.group_id, two.group_id)).rejects.toMatchObject({
    code: 'cycle_detected',
  });
  const elsewhere = new ProofhouseClient({ url: server.url, token: server.adminToken, experimentId: 'exp_no' });
  await expect(elsewhere.depositArtifact('x')).rejects.toMatchObject({ code: 'experiment_id_mismatch' });
  await admin.experiment().deleteGroup(two.group_id);
});

test('the commands hand a file from one worker to another, and a reissued token ends the old one', async () => {
  const { server, folder, admin, run } = await setUp();
  const registered = async (name: string) => {
    const { stdout } = await run(server.adminToken, 'worker', 'register', '--name', name);
    const token = /PROOFHOUSE_TOKEN=(\S+)/.exec(stdout)![1]!;
    return { token, id: token.slice(0, token.indexOf(':')) };
  };
  const [maker, reader] = [await registered('maker'), await registered('reader')];
  expect((await run(reader.token, 'whoami')).stdout).toBe(`${reader.id}  reader\n`);
  expect((await run(server.adminToken, 'whoami')).code).toBe(0);
  expect((await run('another-token', 'whoami')).code).toBe(3);
  await writeFile(path.join(folder, 'report.txt'), 'done');
  const { stdout } = await run(maker.token, 'artifact', 'deposit', 'report.txt', '--content-type', 'text/plain');
  const uri = stdout.trim();
  const fetch = (token: string) => run(token, 'artifact', 'fetch', uri, '-o', 'copy.txt', '--force');
  const refused = await fetch(reader.token);
  expect(refused.code).toBe(3);
  expect((await readdir(folder)).toSorted()).toEqual(['report.txt']);
  const { group_id: readers } = await admin.experiment().createGroup();
  expect((await run(maker.token, 'artifact', 'grant', uri, readers)).code).toBe(0);
  expect((await run(server.adminToken, 'group', 'add', readers, reader.id)).code).toBe(0);
  expect((await fetch(reader.token)).stdout).toMatch(/ verified\)\n$/);
  expect(await readFile(path.join(folder, 'copy.txt'), 'utf8')).toBe('done');
  await admin.experiment().removeGroupMember(readers, reader.id);
  expect((await fetch(reader.token)).code).toBe(3);
  const reissued = await run(server.adminToken, 'worker', 'reissue', maker.id);
  const fresh = /PROOFHOUSE_TOKEN=(\S+)/.exec(reissued.stdout)![1]!;
  expect((await fetch(maker.token)).code).toBe(3);
  expect((await fetch(fresh)).code).toBe(0);
});

test('a server makes its experiment once, and a wrong id stops the start', async () => {
  const { server, run } = await setUp();
  await server.stop();
  await server.start();
  expect((await run(server.adminToken, 'experiment', 'list')).stdout.match(/exp_\S+/g)).toEqual([experimentId]);
  expect((await run(server.adminToken, 'experiment', 'create', '--id', experimentId)).code).toBe(5);
  const { code, stderr } = await runEntry(['serve', '--port', '0', '--experiment', 'nightly']);
  expect(code).toBe(2);
  expect(stderr).toContain('--experiment "nightly" is not usable');
});
