// Tests the operations of the queue as MCP tools, with one test for each tool. mcp-door.test.ts tests the HTTP side.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forAnyStore } from './support/for-each-store.ts';
import { McpClient } from './support/mcp-client.ts';
import type { TestServer } from './support/test-server.ts';

/** The tests, by the name of the tool. Each also tests one refused call. */
const tools: Readonly<Record<string, (t: TestServer, admin: McpClient) => Promise<void>>> = {
  queue_enqueue: async (t, admin) => {
    const args = { type: 'exec', priority: 3, payload: { n: 1 }, requiredCapabilities: ['Nobody-Has-This'] };
    const made = await admin.call('queue_enqueue', args);
    expect(made.json).toMatchObject({ status: 'queued', priority: 3, requiredCapabilities: ['nobody-has-this'] });
    expect(await t.job(made.json.id)).toEqual(made.json);
    expect((await admin.call('queue_enqueue', { type: 'unheard-of' })).json).toMatchObject({ code: 'invalid_request' });
  },
  queue_claim: async (t) => {
    const { mcp, worker, job } = await waitingJob(t);
    const claimed = await mcp.call('queue_claim', { leaseSeconds: 60 });
    expect(claimed.json.job).toMatchObject({ id: job.id, status: 'running', claimedBy: worker.id });
    expect((await mcp.call('queue_claim')).json).toEqual({ job: null });
    expect((await mcp.call('queue_claim', { workerId: 'another' })).json.code).toBe('worker_not_authorized');
    await mcp.close();
  },
  queue_heartbeat: async (t) => {
    const { mcp, jobId, leaseId } = await heldJob(t);
    const beat = await mcp.call('queue_heartbeat', { jobId, leaseId, leaseSeconds: 500 });
    expect(beat.json.leaseExpiresAt).toBe(new Date(t.clock.now() + 500_000).toISOString());
    await t.post(`/api/queue/jobs/${jobId}/cancel`);
    expect((await mcp.call('queue_heartbeat', { jobId, leaseId })).json.cancelRequestedAt).not.toBeNull();
    expect((await mcp.call('queue_heartbeat', { jobId, leaseId: 'other' })).json.code).toBe('lease_lost');
    await mcp.close();
  },
  queue_complete: async (t) => {
    const { mcp, jobId, leaseId } = await heldJob(t);
    expect((await mcp.call('queue_complete', { jobId, leaseId: 'other' })).json.code).toBe('lease_lost');
    const done = await mcp.call('queue_complete', { jobId, leaseId, resultSummary: 'done' });
    expect(done.json).toMatchObject({ status: 'succeeded', resultSummary: 'done' });
    expect((await mcp.call('queue_complete', { jobId, leaseId })).json).toEqual(done.json);
    await mcp.close();
  },
  queue_fail: async (t) => {
    const { mcp, jobId, leaseId } = await heldJob(t);
    const failed = await mcp.call('queue_fail', { jobId, leaseId, errorMessage: 'broke', retryable: true });
    expect(failed.json).toMatchObject({ status: 'queued', attempt: 2, errorMessage: 'broke' });
    expect((await mcp.call('queue_fail', { jobId, leaseId: 'other', errorMessage: 'x' })).json.code).toBe('lease_lost');
    await mcp.close();
  },
  queue_cancel: async (t, admin) => {
    const { mcp, job } = await waitingJob(t);
    expect((await mcp.call('queue_cancel', { jobId: job.id })).json.code).toBe('forbidden');
    const cancelled = await admin.call('queue_cancel', { jobId: job.id, reason: 'why not' });
    expect(cancelled.json).toMatchObject({ status: 'cancelled', cancelReason: 'why not' });
    await mcp.close();
  },
  queue_get: async (t, admin) => {
    const { job } = await t.running();
    expect((await admin.call('queue_get', { jobId: job.id })).json).toEqual(await t.job(job.id));
    expect((await admin.call('queue_get', { jobId: 'none' })).json.code).toBe('job_not_found');
  },
  queue_list: async (t, admin) => {
    const jobs = [await t.running({ type: 'codex_exec' }), await t.running({ type: 'codex_exec' })];
    const page = await admin.call('queue_list', { type: 'codex_exec', limit: 1 });
    const next = await admin.call('queue_list', { type: 'codex_exec', limit: 1, cursor: page.json.nextCursor });
    const ids = [page, next].map(({ json }) => json.items[0].id as string);
    expect(ids.toSorted()).toEqual(jobs.map(({ job }) => job.id).toSorted());
    expect((await admin.call('queue_list', { cursor: 'x' })).json.code).toBe('invalid_cursor');
  },
  queue_why: async (t, admin) => {
    const { job, worker } = await t.running();
    expect((await admin.call('queue_why', { jobId: job.id })).json).toMatchObject({ heldBy: worker.id, unmet: [] });
    const waits = await t.enqueue({ requiredCapabilities: ['nobody-has-this'] });
    const why = await admin.call('queue_why', { jobId: waits.id });
    expect(why.json).toMatchObject({ heldBy: null, unmet: ['capability:nobody-has-this'] });
  },
  queue_upload_artifact: async (t) => {
    const { mcp, jobId, leaseId } = await heldJob(t);
    const upload = { jobId, leaseId, name: 'a/b.txt', text: 'hello' };
    const kept = await mcp.call('queue_upload_artifact', upload);
    expect(kept.json).toMatchObject({ artifact: { jobId, name: 'a/b.txt', sizeBytes: 5 }, upload: null });
    expect((await mcp.call('queue_upload_artifact', { ...upload, leaseId: 'other' })).json.code).toBe('lease_lost');
    // The call has no `text`, so the answer describes a PUT request for the bytes. Large bytes must not pass through
    // the model.
    const told = await mcp.call('queue_upload_artifact', { jobId, leaseId, name: 'large.bin' });
    expect(told.json.upload).toMatchObject({
      method: 'PUT',
      url: expect.stringContaining(`/${jobId}/artifacts/large.bin`),
    });
    await mcp.close();
  },
  artifact_list: async (t, admin) => {
    const { job } = await t.running();
    for (const name of ['a.txt', 'b.txt', 'a.txt']) await t.put(job.id, { name });
    const listed = await admin.call('artifact_list', { jobId: job.id, name: 'a.txt' });
    expect(listed.json.items.map((item: { name: string }) => item.name)).toEqual(['a.txt', 'a.txt']);
    expect((await admin.call('artifact_list', { jobId: 'none' })).json.code).toBe('job_not_found');
  },
  artifact_read: async (t, admin) => {
    const { job } = await t.running();
    const { json } = await t.put(job.id, { name: 'a.txt', file: 'line one\nline two\n' });
    const read = await admin.call('artifact_read', { jobId: job.id, artifactId: json.id, length: 8 });
    expect(read.json).toMatchObject({ kind: 'text', text: 'line one', nextOffset: 8 });
    const other = await t.running();
    const wrong = await admin.call('artifact_read', { jobId: other.job.id, artifactId: json.id });
    expect(wrong.json.code).toBe('artifact_job_mismatch');
  },
};

forAnyStore('MCP', (harness) => {
  describe('the tool', () => {
    let admin: McpClient;
    beforeAll(async () => {
      admin = await McpClient.overHttp(harness());
    });
    afterAll(() => admin.close());

    it.each(Object.keys(tools))('%s does what its row says and refuses as HTTP does', async (name) => {
      await tools[name]?.(harness(), admin);
    });
  });
});

async function waitingJob(t: TestServer) {
  const capability = t.unique('only');
  const worker = await t.worker({ capabilities: [capability] });
  const job = await t.enqueue({ requiredCapabilities: [capability], priority: 1_000_000 });
  return { worker, job, mcp: await McpClient.overHttp(t, worker) };
}

async function heldJob(t: TestServer) {
  const { mcp, job } = await waitingJob(t);
  const claimed = await mcp.call('queue_claim', { leaseSeconds: 60 });
  return { mcp, jobId: job.id, leaseId: claimed.json.job.leaseId as string };
}
