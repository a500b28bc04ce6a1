// Tests claims: which worker gets which job, in which order, and how a waiting claim ends.
import { request } from 'node:http';
import { expect, it, vi } from 'vitest';
import { forEachStore } from './support/for-each-store.ts';
import { McpClient } from './support/mcp-client.ts';
import { startTestServer, type TestServer } from './support/test-server.ts';

const minute = 60_000;

/** Returns a worker, and a function that enqueues jobs for this worker. No other worker can claim these jobs. */
async function ownQueue(t: TestServer) {
  const capability = t.unique('only');
  const worker = await t.worker({ capabilities: [capability] });
  const enqueue = (fields: Parameters<TestServer['enqueue']>[0] = {}) =>
    t.enqueue({ ...fields, requiredCapabilities: [capability, ...(fields.requiredCapabilities ?? [])] });
  return { capability, worker, enqueue, claim: (fields: object = {}) => t.claim(worker, fields) };
}

/** Advances the clock in small steps until the promise settles. */
async function asTimePasses<T>(t: TestServer, promise: Promise<T>, stepMs = 1000): Promise<T> {
  const state = { settled: false };
  const watched = promise.finally(() => (state.settled = true));
  for (let steps = 0; !state.settled && steps < 10_000; steps++) {
    t.clock.advance(stepMs);
    // The server may use a real database. This pause gives the database time to answer.
    await new Promise((settle) => setTimeout(settle, 5));
  }
  return watched;
}

forEachStore('claiming', (harness) => {
  it('makes the job running, held under a lease of 120 s unless told otherwise', async () => {
    const t = harness();
    const queue = await ownQueue(t);
    const made = await queue.enqueue();
    const job = await queue.claim();
    const now = t.clock.now();
    expect(job).toMatchObject({
      id: made.id,
      status: 'running',
      claimedBy: queue.worker.id,
      attempt: 1,
      startedAt: new Date(now).toISOString(),
      leaseExpiresAt: new Date(now + 120_000).toISOString(),
    });
    expect(job?.leaseId).toMatch(/^[a-z2-7]{32}$/);
    expect(await queue.claim()).toBeNull();
  });

  it('goes by priority, then age, and never skips an eligible job for one that is not', async () => {
    const t = harness();
    const queue = await ownQueue(t);
    const old = await queue.enqueue();
    t.clock.advance(1);
    const low = await queue.enqueue({ priority: -1 });
    const high = await queue.enqueue({ priority: 5 });
    await queue.enqueue({ priority: 9, requiredCapabilities: ['a-thing-nobody-has'] });
    await queue.enqueue({ priority: 9, notBefore: new Date(t.clock.now() + minute).toISOString() });
    t.clock.advance(1);
    const young = await queue.enqueue();
    const order = [await queue.claim(), await queue.claim(), await queue.claim(), await queue.claim()];
    expect(order.map((job) => job?.id)).toEqual([high.id, old.id, young.id, low.id]);
    expect(await queue.claim()).toBeNull();
  });

  it('gives a delayed job once its time has come, not a moment before', async () => {
    const t = harness();
    const queue = await ownQueue(t);
    const made = await queue.enqueue({ notBefore: new Date(t.clock.now() + minute).toISOString() });
    t.clock.advance(minute - 1);
    expect(await queue.claim()).toBeNull();
    t.clock.advance(1);
    expect((await queue.claim())?.id).toBe(made.id);
  });

  it('compares capabilities without case, and a token that lists its own replaces what the claim says', async () => {
    const t = harness();
    const tool = t.unique('Tool');
    const made = await t.enqueue({ requiredCapabilities: [tool.toUpperCase()] });
    const without = await t.worker({ capabilities: [] });
    const open = await t.worker({ allowedJobTypes: ['exec'] });
    expect(await t.claim(without, { workerCapabilities: [tool] })).toBeNull();
    expect((await t.claim(open, { workerCapabilities: [tool.toLowerCase()] }))?.id).toBe(made.id);
  });

  it('keeps to the types of request and token, and refuses two that share none with 403', async () => {
    const t = harness();
    const capability = t.unique('only');
    const worker = await t.worker({ allowedJobTypes: ['task', 'codex_exec'], capabilities: [capability] });
    await t.enqueue({ type: 'exec', requiredCapabilities: [capability] });
    const task = await t.enqueue({ type: 'task', requiredCapabilities: [capability] });
    expect(await t.claim(worker, { allowedTypes: ['codex_exec', 'exec'] })).toBeNull();
    expect(await t.post('/api/queue/jobs/claim', { allowedTypes: ['exec'] }, worker)).toMatchObject({
      status: 403,
      json: { code: 'worker_not_authorized' },
    });
    expect((await t.claim(worker, { allowedTypes: [] }))?.id).toBe(task.id);
  });

  it('keeps a token with repositories to jobs of these', async () => {
    const t = harness();
    const capability = t.unique('only');
    const worker = await t.worker({ allowedRepositories: ['acme/app'], capabilities: [capability] });
    await t.enqueue({ requiredCapabilities: [capability] });
    await t.enqueue({ requiredCapabilities: [capability], payload: { repository: 'acme/other' } });
    expect(await t.claim(worker)).toBeNull();
    const ours = await t.enqueue({ requiredCapabilities: [capability], payload: { repository: 'acme/app' } });
    expect((await t.claim(worker))?.id).toBe(ours.id);
  });

  it('gives a job to one of many that ask at once', async () => {
    const t = harness();
    const capability = t.unique('only');
    const workers = await Promise.all(Array.from({ length: 8 }, () => t.worker({ capabilities: [capability] })));
    const made = await Promise.all(Array.from({ length: 20 }, () => t.enqueue({ requiredCapabilities: [capability] })));
    const claims = await Promise.all(workers.flatMap((worker) => [1, 2, 3, 4].map(() => t.claim(worker))));
    const given = claims.flatMap((job) => (job === null ? [] : [job.id]));
    expect(given.toSorted()).toEqual(made.map((job) => job.id).toSorted());
    expect(new Set(claims.flatMap((job) => job?.leaseId ?? [])).size).toBe(20);
  });

  it.each([
    [{ leaseSeconds: 0 }, 'leaseSeconds'],
    [{ leaseSeconds: 1.5 }, 'leaseSeconds'],
    [{ leaseSeconds: 86_401 }, 'leaseSeconds'],
    [{ waitSeconds: 31 }, 'waitSeconds'],
    [{ waitSeconds: -1 }, 'waitSeconds'],
    [{ allowedTypes: ['unheard-of'] }, 'allowedTypes'],
    [{ nonsense: true }, 'nonsense'],
  ])('refuses %j with 422', async (json, path) => {
    const t = harness();
    const answer = await t.post('/api/queue/jobs/claim', json, await t.worker());
    expect(answer).toMatchObject({ status: 422, json: { errors: [{ path }] } });
  });

  it('for another worker than the credential is 403; the admin must name one', async () => {
    const t = harness();
    const worker = await t.worker();
    expect(await t.post('/api/queue/jobs/claim', { workerId: 'somebody-else' }, worker)).toMatchObject({
      status: 403,
      json: { code: 'worker_not_authorized' },
    });
    expect((await t.post('/api/queue/jobs/claim', { workerId: worker.id }, worker)).status).toBe(200);
    expect(await t.post('/api/queue/jobs/claim', {})).toMatchObject({
      status: 422,
      json: { errors: [{ path: 'workerId' }] },
    });
    const made = await t.enqueue({ requiredCapabilities: [t.unique('only')] });
    const asAdmin = await t.post('/api/queue/jobs/claim', {
      workerId: 'by-hand',
      workerCapabilities: made.requiredCapabilities,
    });
    expect(asAdmin.json.job).toMatchObject({ id: made.id, claimedBy: 'by-hand' });
  });

  it('with a repeated key gives the same job again, and no key is spent on nothing', async () => {
    const t = harness();
    const queue = await ownQueue(t);
    const key = { 'idempotency-key': t.unique('key') };
    const claim = (json: object = {}) => t.post('/api/queue/jobs/claim', json, queue.worker, key);
    expect((await claim()).json.job).toBeNull();
    const made = await queue.enqueue();
    t.clock.advance(1);
    await queue.enqueue();
    const first = await claim();
    expect(first.json.job.id).toBe(made.id);
    expect((await claim()).json).toEqual(first.json);
    expect(await claim({ leaseSeconds: 7 })).toMatchObject({ status: 409, json: { code: 'idempotency_conflict' } });
  });

  it('repeated after its lease was lost gives nothing, at once, also while another holds the job or it is over', async () => {
    const t = harness();
    const queue = await ownQueue(t);
    const successor = await t.worker({ capabilities: [queue.capability] });
    const key = { 'idempotency-key': t.unique('key') };
    const call = { leaseSeconds: 1, waitSeconds: 30 };
    const claim = () => t.post('/api/queue/jobs/claim', call, queue.worker, key);
    const made = await queue.enqueue();
    expect((await claim()).json.job.leaseId).toBeDefined();
    t.clock.advance(5000);
    await t.server.jobs.sweep();
    await expect.poll(async () => (await t.job(made.id)).status, { interval: 5 }).toBe('queued');
    expect(await claim()).toMatchObject({ status: 200, json: { job: null } });
    t.clock.advance(5000);
    const taken = await t.claim(successor);
    expect(taken).toMatchObject({ id: made.id, attempt: 2 });
    expect(await claim()).toMatchObject({ status: 200, json: { job: null } });
    const lease = { 'proofhouse-lease': taken?.leaseId };
    expect((await t.post(`/api/queue/jobs/${made.id}/complete`, {}, successor, lease)).status).toBe(200);
    expect(await claim()).toMatchObject({ status: 200, json: { job: null } });
  });

  it('ten times at once under one key takes one job', async () => {
    const t = harness();
    const queue = await ownQueue(t);
    await Promise.all([queue.enqueue(), queue.enqueue(), queue.enqueue()]);
    const key = { 'idempotency-key': t.unique('key') };
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => t.post('/api/queue/jobs/claim', {}, queue.worker, key)),
    );
    expect(new Set(answers.map((answer) => answer.json.job?.id)).size).toBe(1);
    expect(await queue.claim()).not.toBeNull();
  });
});

forEachStore('a claim that waits', (harness) => {
  it('is given a job the moment it arrives, though no time passes', async () => {
    const t = harness();
    const queue = await ownQueue(t);
    const waiting = queue.claim({ waitSeconds: 30 });
    await new Promise((settle) => setTimeout(settle, 20));
    const made = await queue.enqueue();
    expect((await waiting)?.id).toBe(made.id);
  });

  it('ends with null when its time is up', async () => {
    const t = harness();
    const queue = await ownQueue(t);
    const before = t.clock.now();
    expect(await asTimePasses(t, queue.claim({ waitSeconds: 5 }))).toBeNull();
    expect(t.clock.now() - before).toBeGreaterThanOrEqual(5000);
  });

  it('finds a job whose delay or whose lease passes meanwhile', async () => {
    const t = harness();
    const queue = await ownQueue(t);
    const delayed = await queue.enqueue({ notBefore: new Date(t.clock.now() + 3000).toISOString() });
    expect((await asTimePasses(t, queue.claim({ waitSeconds: 30, leaseSeconds: 5 }), 500))?.id).toBe(delayed.id);
    const again = await asTimePasses(t, queue.claim({ waitSeconds: 30 }), 500);
    expect(again).toMatchObject({ id: delayed.id, attempt: 2 });
  });

  it('takes nothing when its caller has gone', async () => {
    const t = harness();
    const queue = await ownQueue(t);
    const call = request({
      host: '127.0.0.1',
      port: await t.listen(),
      method: 'POST',
      path: '/api/queue/jobs/claim',
      headers: { authorization: `Bearer ${queue.worker.token}`, 'content-type': 'application/json' },
    });
    call.on('error', () => undefined);
    call.end(JSON.stringify({ waitSeconds: 30 }));
    await new Promise((settle) => setTimeout(settle, 30));
    call.destroy();
    await new Promise((settle) => setTimeout(settle, 30));
    const made = await queue.enqueue();
    t.clock.advance(2000);
    await new Promise((settle) => setTimeout(settle, 10));
    expect((await t.job(made.id)).status).toBe('queued');
    expect((await queue.claim())?.id).toBe(made.id);
  });

  it('is given nothing once its token is revoked, or has expired: 401, and the job waits for another', async () => {
    const t = harness();
    for (const how of ['revoked', 'expired', 'revoked, over MCP']) {
      const capability = t.unique('only');
      const expiresAt = new Date(t.clock.now() + 500).toISOString();
      const worker = await t.worker({ capabilities: [capability], ...(how === 'expired' ? { expiresAt } : {}) });
      const looks = vi.spyOn(t.server.store.jobs, 'claim');
      const mcp = how.endsWith('MCP') ? await McpClient.overHttp(t, worker) : undefined;
      const waiting =
        mcp?.call('queue_claim', { waitSeconds: 30 }) ?? t.post('/api/queue/jobs/claim', { waitSeconds: 30 }, worker);
      await expect.poll(() => looks.mock.settledResults[0]?.type, { interval: 2 }).toBe('fulfilled');
      looks.mockRestore();
      if (how === 'expired') t.clock.advance(500);
      else await t.post(`/api/queue/workers/tokens/${worker.tokenId}/revoke`);
      const made = await t.enqueue({ requiredCapabilities: [capability] });
      const answer = await waiting;
      expect(answer.json).toMatchObject({ code: 'unauthenticated' });
      if ('status' in answer) expect(answer.status).toBe(401);
      expect((await t.job(made.id)).status).toBe('queued');
      await mcp?.close();
    }
  });

  it('asks whether its token still holds no more than about once a second', async () => {
    const t = harness();
    const queue = await ownQueue(t);
    const asked = vi.spyOn(t.server.store.workers, 'findCredentialBySecret');
    expect(await asTimePasses(t, queue.claim({ waitSeconds: 10 }), 250)).toBeNull();
    expect(asked.mock.calls.length).toBeGreaterThan(5);
    expect(asked.mock.calls.length).toBeLessThanOrEqual(12);
    asked.mockRestore();
  });

  it('does not keep the server from stopping, and is answered', async () => {
    const t = await startTestServer();
    const worker = await t.worker();
    const waiting = t.claim(worker, { waitSeconds: 30 });
    await new Promise((settle) => setTimeout(settle, 20));
    await t.server.close();
    expect(await waiting).toBeNull();
    await t.close();
  });
});
