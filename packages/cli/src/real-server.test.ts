import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ProofhouseClient } from '@proofhouse/client';
import { runWorker } from '@proofhouse/client/worker';
import type { Job, JobEvent } from '@proofhouse/core';
import { expect, onTestFinished, test, vi } from 'vitest';
import { RealServer } from './testing/real-server.ts';
import { runEntry } from './testing/run-entry.ts';

async function setUp() {
  const server = await RealServer.start();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const folder = await mkdtemp(path.join(tmpdir(), 'real-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const retry = { baseDelayMs: 20, maxDelayMs: 200 };
  const admin = new ProofhouseClient({ url: server.url, token: server.adminToken, retry });
  const { token } = await admin.workerTokens.create({ workerId: 'builder-1', capabilities: ['linux'] });
  const worker = new ProofhouseClient({ url: server.url, token, retry });
  const stop = new AbortController();
  const work = (script: string, concurrency = 1) =>
    runWorker({
      client: worker,
      command: ['sh', '-c', script],
      env: { PATH: process.env['PATH'] },
      cwd: folder,
      leaseSeconds: 2,
      graceMs: 300,
      software: 'proofhouse/0.0.0',
      concurrency,
      signal: stop.signal,
    });
  const run = (...args: string[]) =>
    runEntry(args, { env: { PROOFHOUSE_URL: server.url, PROOFHOUSE_TOKEN: server.adminToken } });
  return { server, admin, worker, stop, work, run };
}

async function followed(events: AsyncIterable<JobEvent>, onEvent: (event: JobEvent) => unknown = () => undefined) {
  const kinds: string[] = [];
  for await (const event of events) {
    expect(event.seq).toBe(kinds.length + 1);
    kinds.push(event.kind);
    await onEvent(event);
  }
  return kinds;
}

const statusOf = async (client: ProofhouseClient, job: Job) => (await client.jobs.get(job.id)).status;

test('a cancelled job is followed from its claim to the acknowledgement of its worker', async () => {
  const { admin, stop, work, run } = await setUp();
  const job = await admin.jobs.create({ type: 'exec' });
  const outcome = work('echo half > "$PROOFHOUSE_OUTPUT_DIR/half"; sleep 60');
  const kinds = await followed(admin.jobs.followEvents(job.id), async ({ message }) => {
    if (message !== 'The command was started.') return;
    expect((await admin.workers.list()).items).toMatchObject([
      { workerId: 'builder-1', version: 'proofhouse/0.0.0', holds: [job.id] },
    ]);
    await admin.jobs.cancel(job.id, { reason: 'not needed' });
  });
  expect(kinds).toEqual([
    'queued',
    'claimed',
    'note',
    'cancel_requested',
    'artifact_uploaded',
    'artifact_uploaded',
    'note',
    'note',
    'cancelled',
  ]);
  expect(await statusOf(admin, job)).toBe('cancelled');
  stop.abort();
  expect(await outcome).toMatchObject({ cancelled: 1, failed: 0 });
  expect((await run('job', 'logs', job.id)).stdout.trim().split('\n')).toHaveLength(kinds.length);
  expect((await run('job', 'retry', job.id)).code).toBe(5);
});

test('a follower outlives a restart of the server and misses nothing', async () => {
  const { server, admin, worker } = await setUp();
  const job = await admin.jobs.create({ type: 'exec' });
  const { leaseId } = (await worker.jobs.claim({ leaseSeconds: 600 }))!;
  let broken = 0;
  const events = admin.jobs.followEvents(job.id, { onBroken: () => (broken += 1) });
  const kinds = followed(events, async ({ message }) => {
    if (message !== 'before') return;
    await server.stop();
    await server.start();
    await worker.jobs.note(job.id, leaseId, [{ message: 'after' }, { message: 'and then' }]);
    await worker.jobs.complete(job.id, leaseId);
  });
  await worker.jobs.note(job.id, leaseId, { message: 'before' });
  expect(await kinds).toEqual(['queued', 'claimed', 'note', 'note', 'note', 'completed']);
  expect(broken).toBeGreaterThan(0);
});

test('jobs are claimed and completed many at once, and hints tell of them', async () => {
  const { admin, worker } = await setUp();
  const hinted = new Set<string>();
  const enough = new AbortController();
  const hints = (async () => {
    for await (const hint of admin.jobs.followHints({ signal: enough.signal })) {
      hinted.add(hint === 'look-again' ? hint : `${hint.jobId} ${hint.status}`);
    }
  })().catch(() => undefined);
  await vi.waitFor(() => expect(hinted).toContain('look-again'), 20_000);
  const made = await Promise.all([1, 2, 3].map(() => admin.jobs.create({ type: 'exec' })));
  const claimed = await worker.jobs.claimMany({ maxJobs: 5 });
  expect(new Set(claimed.map(({ id }) => id))).toEqual(new Set(made.map(({ id }) => id)));
  const items = claimed.map(({ id, leaseId }) => ({ jobId: id, lease: leaseId }));
  const results = await worker.jobs.completeMany([...items.slice(1), { ...items[0]!, lease: 'another' }]);
  expect(results).toMatchObject([{}, {}, { error: { code: 'lease_lost' } }]);
  await vi.waitFor(() => expect(hinted).toContain(`${claimed[1]!.id} succeeded`), 20_000);
  enough.abort();
  await hints;
});

test('a worker of several slots does several jobs', async () => {
  const { admin, stop, work } = await setUp();
  const jobs = await Promise.all([1, 2, 3, 4].map(() => admin.jobs.create({ type: 'exec' })));
  const outcome = work('true', 3);
  await Promise.all(jobs.map((job) => followed(admin.jobs.followEvents(job.id))));
  stop.abort();
  expect(await outcome).toMatchObject({ succeeded: 4 });
});

test('the command says why a job waits, puts it back, and refuses in the words of the table', async () => {
  const { admin, worker, run } = await setUp();
  const job = await admin.jobs.create({ type: 'exec', requiredCapabilities: ['gpu', 'linux'] });
  expect(await worker.jobs.claim()).toBeUndefined();
  expect((await run('job', 'why', job.id)).stdout).toMatch(/capability gpu[\s\S]*NEARLY[\s\S]*builder-1/);
  expect((await run('worker', 'list')).stdout).toContain('builder-1');
  expect((await run('job', 'cancel', job.id)).stdout).toContain('is cancelled');
  const failed = await admin.jobs.create({ type: 'exec' });
  const { leaseId } = (await worker.jobs.claim())!;
  await worker.jobs.fail(failed.id, leaseId, { errorMessage: 'no luck' });
  expect((await run('job', 'cancel', failed.id)).code).toBe(5);
  expect((await run('job', 'retry', failed.id)).stdout).toContain('attempt 2 of 3');
  expect((await run('job', 'logs', 'nope', '-f')).code).toBe(4);
  await expect(worker.jobs.why(job.id)).rejects.toMatchObject({ code: 'forbidden' });
  const stranger = new ProofhouseClient({ url: admin.url, token: 'nobody' });
  await expect(followed(stranger.jobs.followEvents(job.id))).rejects.toMatchObject({ code: 'unauthenticated' });
});

test('sign-in-link makes a link whose code signs in once, for the admin alone', async () => {
  const { server, admin, run } = await setUp();
  const made = await run('sign-in-link');
  expect(made.code).toBe(0);
  const [, url = '', code = ''] = /(http\S+)#code=(\S+)/.exec(made.stdout) ?? [];
  expect(url).toBe(`${server.url}/`);
  const signIn = () =>
    fetch(`${server.url}/api/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code }),
    });
  expect((await signIn()).status).toBe(200);
  expect((await signIn()).status).toBe(401);
  const { token } = await admin.workerTokens.create({ workerId: 'builder-2' });
  const refused = await runEntry(['sign-in-link'], { env: { PROOFHOUSE_URL: server.url, PROOFHOUSE_TOKEN: token } });
  expect(refused.code).toBe(3);
});
