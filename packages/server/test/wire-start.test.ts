// Tests how settings of the server change /v0: the size limit, the private blob folder, and storage that is not durable
// (seed 002).
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { runServer } from '@proofhouse/server';
import { adminToken, startTestServer } from './support/test-server.ts';
import { expectProblem, WireExperiment } from './support/wire-experiment.ts';

const folder = mkdtempSync(join(tmpdir(), 'proofhouse-wire-start-'));
const experimentId = 'exp_01jd7v6m5x0000000000000000';
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

let count = 0;
function freshFolder(): string {
  const fresh = join(folder, String((count += 1)));
  mkdirSync(fresh);
  return fresh;
}

/**
 * Starts a server with these flags and with the id of its experiment. Returns its output, its exit code and its /v0
 * calls.
 */
function run(flags: Record<string, string>) {
  const out = { stdout: '', stderr: '' };
  const stop = new AbortController();
  const stream = (name: 'stdout' | 'stderr') =>
    new PassThrough().on('data', (chunk: Buffer) => {
      out[name] += chunk.toString();
    });
  const exit = runServer({
    env: { PROOFHOUSE_PORT: '0', PROOFHOUSE_LOG_LEVEL: 'silent', PROOFHOUSE_ADMIN_TOKEN: adminToken },
    flags: { experiment: experimentId, ...flags },
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    signal: stop.signal,
  });
  const end = async (): Promise<number> => {
    stop.abort();
    return exit;
  };
  onTestFinished(async () => {
    await end();
  });
  const call = async (query: string, init: RequestInit = {}): Promise<Response> => {
    await expect.poll(() => out.stdout, { interval: 5 }).toMatch(/PROOFHOUSE_LISTENING/);
    const port = /port=(\d+)/.exec(out.stdout)?.[1] ?? '';
    return fetch(`http://127.0.0.1:${port}/v0/experiments/${experimentId}/artifacts${query}`, {
      ...init,
      headers: { authorization: `Bearer admin:${adminToken}`, 'x-eden-experiment-id': experimentId },
    });
  };
  const deposit = async (bytes: string): Promise<{ status: number; uri: string; type: string | undefined }> => {
    const body = new FormData();
    body.set('file', new Blob([bytes]), 'a');
    const answer = await call('', { method: 'POST', body });
    const { artifacts_uri: uri = '', type } = (await answer.json()) as { artifacts_uri?: string; type?: string };
    return { status: answer.status, uri, type };
  };
  const fetched = (uri: string): Promise<Response> => call(`?uri=${encodeURIComponent(uri)}`);
  return { out, exit, end, deposit, fetched };
}

it('the cap of --max-artifact-bytes holds for deposits, to the byte', async () => {
  const server = run({ 'data-dir': freshFolder(), 'max-artifact-bytes': '1KiB' });
  expect(await server.deposit('x'.repeat(1024))).toMatchObject({ status: 201 });
  expect(await server.deposit('x'.repeat(1025))).toMatchObject({
    status: 413,
    type: 'eden://error/payload-too-large',
  });
});

it.each([
  ['above', 20],
  ['below', 5],
])('a cap for job artifacts %s that of all doors holds for them alone', async (_where, jobArtifactMaxBytes) => {
  const t = await startTestServer({ settings: { maxArtifactBytes: 10, jobArtifactMaxBytes } });
  onTestFinished(() => t.close());
  const experiment = await WireExperiment.make(t);
  expect((await experiment.deposit('x'.repeat(10))).size_bytes).toBe(10);
  expectProblem(await experiment.send([{ name: 'file', value: 'x'.repeat(11) }]), 413, 'payload-too-large');
  const job = await t.enqueue();
  for (const send of [t.put.bind(t), t.upload.bind(t)]) {
    const of = async (size: number): Promise<number> =>
      (await send(job.id, { name: 'a', file: Buffer.alloc(size) })).status;
    expect([await of(jobArtifactMaxBytes), await of(jobArtifactMaxBytes + 1)]).toEqual([201, 413]);
  }
});

it.each<[string, (data: string) => string]>([
  ['the folder that is shown', (data) => join(data, 'artifacts/agent_jobs')],
  ['in it', (data) => join(data, 'artifacts/agent_jobs/blobs')],
  ['around it', (data) => join(data, 'artifacts')],
])('a blob folder that is %s stops the start, and says so in one line', async (_where, blobs) => {
  const data = freshFolder();
  const server = run({ 'data-dir': data, 'blob-url': `file:${blobs(data)}` });
  expect(await server.exit).toBe(2);
  expect(server.out.stdout).toBe('');
  expect(server.out.stderr).toMatch(/^[^\n]*PROOFHOUSE_BLOB_URL .* AGENT_JOB_ARTIFACT_ROOT .* overlap[^\n]*\n$/);
});

it('a private blob folder of its own keeps deposits over a restart, without a warning', async () => {
  const flags = { 'data-dir': freshFolder(), 'blob-url': `file:${freshFolder()}` };
  const first = run(flags);
  const { uri } = await first.deposit('kept');
  expect(first.out.stderr).not.toMatch(/WARNING/);
  expect(await first.end()).toBe(0);
  const second = run(flags);
  expect(await (await second.fetched(uri)).text()).toBe('kept');
});

it('bytes in memory are warned of at the start, and a restart loses what the warning says: no less, no more', async () => {
  const flags = { 'data-dir': freshFolder(), 'blob-url': 'memory:' };
  const first = run(flags);
  const { uri } = await first.deposit('lost');
  expect(await (await first.fetched(uri)).text()).toBe('lost');
  expect(first.out.stderr).toMatch(
    /WARNING: BYTES ARE NOT DURABLE: a restart loses the bytes of every artifact\. Jobs and records stay, and their downloads fail\./,
  );
  expect(await first.end()).toBe(0);
  const second = run(flags);
  // The record exists, but the server lost the bytes after it had acknowledged them. So the answer is 500 and not 404.
  expect((await second.fetched(uri)).status).toBe(500);
  expect((await second.fetched(`${uri}x`)).status).toBe(404);
  expect((await second.deposit('new')).status).toBe(201);
});

it('records in memory are warned of at the start, and after a restart their URIs are unknown', async () => {
  const flags = { 'data-dir': freshFolder(), 'database-url': 'sqlite::memory:' };
  const first = run(flags);
  const { uri } = await first.deposit('lost');
  expect(first.out.stderr).toMatch(/WARNING: THE DATABASE IS NOT DURABLE: a restart loses every job, every record/);
  expect(await first.end()).toBe(0);
  const second = run(flags);
  expect((await second.fetched(uri)).status).toBe(404);
});
