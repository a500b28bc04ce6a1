// Tests every tool over streamable HTTP on a real socket, with the client of the MCP SDK. Each tool must give the right
// results and errors.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toolRows } from '@proofhouse/core';
import { McpClient } from './support/mcp-client.ts';
import { startTestServer, type TestServer } from './support/test-server.ts';

const unknown = '00000000-0000-7000-8000-000000000000';

describe('MCP tools', () => {
  let t: TestServer;
  let admin: McpClient;
  beforeAll(async () => {
    t = await startTestServer();
    admin = await McpClient.overHttp(t);
  });
  afterAll(async () => {
    await admin.close();
    await t.close();
  });

  /** Returns a worker with its own MCP client, and a job that this worker holds. */
  const scene = async () => {
    const capability = t.unique('only');
    const worker = await t.worker({ capabilities: [capability] });
    const mcp = await McpClient.overHttp(t, worker);
    const enqueued = await admin.call('queue_enqueue', {
      type: 'exec',
      requiredCapabilities: [capability],
      priority: 1_000_000,
      payload: { n: 1 },
    });
    const claimed = await mcp.call('queue_claim', { leaseSeconds: 60 });
    expect(claimed.json.job.id).toBe(enqueued.json.id);
    return { worker, mcp, jobId: enqueued.json.id as string, leaseId: claimed.json.job.leaseId as string };
  };

  it('lists the rows of the operations table that opted in', async () => {
    const { tools } = await admin.client.listTools();
    expect(tools.map((tool) => tool.name).sort()).toEqual(
      [
        ...['queue_enqueue', 'queue_claim', 'queue_heartbeat', 'queue_complete', 'queue_fail', 'queue_cancel'],
        ...['queue_retry', 'queue_note'],
        ...['queue_get', 'queue_list', 'queue_why', 'queue_upload_artifact', 'artifact_list', 'artifact_read'],
      ].sort(),
    );
    expect(tools).toHaveLength(toolRows.length);
    for (const tool of tools) {
      expect(tool.description).toMatch(/^[A-Z].*\.$/);
      expect(tool.inputSchema).toMatchObject({ type: 'object', additionalProperties: false });
      expect(tool.annotations?.readOnlyHint).toBe(/_(get|list|why|read)$/.test(tool.name));
    }
    const heartbeat = tools.find((tool) => tool.name === 'queue_heartbeat');
    expect(Object.keys(heartbeat?.inputSchema.properties ?? {})).toEqual(
      expect.arrayContaining(['jobId', 'leaseId', 'leaseSeconds']),
    );
    expect(heartbeat?.inputSchema.required).toEqual(['jobId']);
  });

  it('offers only what it takes, and says of the rest why not', async () => {
    const { tools } = await admin.client.listTools();
    const shown = JSON.stringify(tools.map((tool) => tool.inputSchema));
    const { components } = (await t.get('/api/openapi.json')).json;
    for (const field of ['taskId', 'bundleId']) {
      expect([shown.includes(field), field in components.schemas.CreateJob.properties]).toEqual([false, false]);
      const refused = await admin.call('queue_enqueue', { type: 'exec', [field]: 'task-1' });
      expect(refused.json.detail).toBe(`${field}: this server has no tasks and bundles yet.`);
    }
    const leases = tools.map(
      (tool) => tool.inputSchema.properties?.['leaseId'] as { description?: string } | undefined,
    );
    expect(new Set(leases.flatMap((lease) => lease?.description ?? [])).size).toBe(2);
  });

  it('says that a wrong argument is wrong in the words of HTTP', async () => {
    const wrong = await admin.call('queue_list', { limit: 500 });
    expect(wrong.json.detail).toBe('The request is not valid: limit: must be at most 200, not 500.');
  });

  it('says who it is and how the tools go together', () => {
    expect(admin.client.getServerCapabilities()).toEqual({ tools: { listChanged: false } });
    expect(admin.client.getServerVersion()).toMatchObject({ name: 'proofhouse' });
    expect(admin.client.getInstructions()).toMatch(/queue_claim/);
  });

  it("carries a worker's whole life, and the admin reads it back", async () => {
    const { mcp, jobId, leaseId } = await scene();
    const renewed = await mcp.call('queue_heartbeat', { jobId, leaseId, leaseSeconds: 300 });
    expect(renewed).toMatchObject({ isError: false, json: { id: jobId, status: 'running', cancelRequestedAt: null } });
    const uploaded = await mcp.call('queue_upload_artifact', {
      jobId,
      leaseId,
      name: 'reports/unit.txt',
      text: 'all ⚐ well\n',
      type: 'test-result',
    });
    expect(uploaded.json).toMatchObject({
      artifact: { jobId, name: 'reports/unit.txt', sizeBytes: 13, contentType: 'text/plain', type: 'test-result' },
      upload: null,
    });
    const done = await mcp.call('queue_complete', { jobId, leaseId, resultSummary: 'tests pass' });
    expect(done.json).toMatchObject({ status: 'succeeded', resultSummary: 'tests pass' });
    expect(JSON.parse(done.text)).toEqual(done.json);

    expect((await admin.call('queue_get', { jobId })).json).toMatchObject({ id: jobId, status: 'succeeded' });
    const listed = await admin.call('artifact_list', { jobId });
    expect(listed.json.items).toHaveLength(1);
    const read = await admin.call('artifact_read', { jobId, artifactId: listed.json.items[0].id });
    expect(read.json).toMatchObject({ kind: 'text', text: 'all ⚐ well\n', nextOffset: null, invalidUtf8: false });
    await mcp.close();
  });

  it('gives HTTP and tools the same answers', async () => {
    const { mcp, worker, jobId, leaseId } = await scene();
    expect((await admin.call('queue_get', { jobId })).json).toEqual(await t.job(jobId));
    const asked = { jobId, leaseId, errorMessage: ' ' };
    const refused = await mcp.call('queue_fail', asked);
    const overHttp = await t.post(`/api/queue/jobs/${jobId}/fail`, { errorMessage: ' ' }, worker);
    const { requestId: _mine, ...problem } = refused.json;
    const { requestId: _its, ...same } = overHttp.json;
    expect(refused.isError).toBe(true);
    expect(problem).toEqual(same);
    await mcp.close();
  });

  it('fails, retries, cancels and says why', async () => {
    const { mcp, jobId, leaseId } = await scene();
    const failed = await mcp.call('queue_fail', { jobId, leaseId, errorMessage: 'no disk', retryable: true });
    expect(failed.json).toMatchObject({ status: 'queued', attempt: 2, errorMessage: 'no disk' });
    const why = await admin.call('queue_why', { jobId });
    expect(why.json).toMatchObject({ jobId, status: 'queued', summary: 'It is delayed until its time comes.' });
    const cancelled = await admin.call('queue_cancel', { jobId, reason: 'not needed' });
    expect(cancelled.json).toMatchObject({ status: 'cancelled', cancelReason: 'not needed' });
    const listed = await admin.call('queue_list', { status: 'cancelled', limit: 1 });
    expect(listed.json.items[0]).toMatchObject({ id: jobId });
    await mcp.close();
  });

  it('claims several at once, and none when there is none', async () => {
    const capability = t.unique('only');
    const mcp = await McpClient.overHttp(t, await t.worker({ capabilities: [capability] }));
    for (let n = 0; n < 2; n += 1) await t.enqueue({ requiredCapabilities: [capability], type: 'codex_exec' });
    const both = await mcp.call('queue_claim', { maxJobs: 5, allowedTypes: ['codex_exec'] });
    expect(both.json.jobs).toHaveLength(2);
    expect((await mcp.call('queue_claim', { allowedTypes: ['codex_exec'] })).json).toEqual({ job: null });
    await mcp.close();
  });

  it('does a call under the same idempotency key once', async () => {
    const key = t.unique('key');
    const first = await admin.call('queue_enqueue', { type: 'exec', idempotencyKey: key });
    const second = await admin.call('queue_enqueue', { type: 'exec', idempotencyKey: key });
    expect(second.json.id).toBe(first.json.id);
    const other = await admin.call('queue_enqueue', { type: 'exec', priority: 1, idempotencyKey: key });
    expect(other).toMatchObject({ isError: true, json: { code: 'idempotency_conflict', status: 409 } });

    const { mcp, jobId, leaseId } = await scene();
    const upload = { jobId, leaseId, name: 'a.txt', idempotencyKey: key };
    const one = await mcp.call('queue_upload_artifact', { ...upload, text: 'x' });
    const two = await mcp.call('queue_upload_artifact', { ...upload, text: 'x' });
    expect(two.json.artifact.id).toBe(one.json.artifact.id);
    expect((await mcp.call('queue_upload_artifact', { ...upload, text: 'y' })).json.code).toBe('idempotency_conflict');
    await mcp.close();
  });

  describe('refusals', () => {
    it.each([
      ['queue_get', { jobId: unknown }, 'job_not_found'],
      ['queue_get', { jobId: '../jobs' }, 'job_not_found'],
      ['queue_get', {}, 'invalid_request'],
      ['queue_get', { jobId: 7 }, 'invalid_request'],
      ['queue_get', { jobId: unknown, colour: 'red' }, 'invalid_request'],
      ['queue_list', { limit: 0 }, 'invalid_request'],
      ['queue_list', { cursor: 'nonsense' }, 'invalid_cursor'],
      ['queue_why', { jobId: unknown }, 'job_not_found'],
      ['queue_cancel', { jobId: unknown }, 'job_not_found'],
      ['queue_enqueue', { type: 'no-such-type' }, 'invalid_request'],
      ['queue_enqueue', { type: 'exec', payload: { x: 'x'.repeat(256 * 1024) } }, 'invalid_request'],
      ['queue_claim', { workerId: 'w', waitSeconds: 31 }, 'invalid_request'],
      ['queue_heartbeat', { jobId: unknown }, 'invalid_request'],
      ['queue_complete', { jobId: unknown, workerId: 'w', leaseId: 'x' }, 'job_not_found'],
      ['queue_upload_artifact', { jobId: unknown, name: 'a', text: 'x' }, 'job_not_found'],
      ['artifact_list', {}, 'invalid_request'],
      ['artifact_list', { jobId: unknown }, 'job_not_found'],
      ['artifact_read', { jobId: unknown, artifactId: unknown }, 'job_not_found'],
    ])('%s %j is %s', async (tool, args, code) => {
      const answer = await admin.call(tool, args);
      expect(answer).toMatchObject({ isError: true, json: { code } });
      expect(answer.json.detail).toMatch(/\S/);
      expect(JSON.parse(answer.text)).toEqual(answer.json);
      if (code === 'invalid_request') expect(answer.json.errors).not.toEqual([]);
    });

    it('names the wrong fields as the caller knows them', async () => {
      expect((await admin.call('queue_list', { limit: 0 })).json.errors[0].path).toBe('limit');
      expect((await admin.call('queue_get', { jobId: unknown, colour: 1 })).json.errors[0].path).toBe('colour');
      const lease = await admin.call('queue_upload_artifact', { jobId: unknown, name: 'a', leaseId: 'a b' });
      expect(lease.json.errors[0].path).toBe('leaseId');
    });

    it('holds the fence: a lost, a wrong and a foreign lease', async () => {
      const { mcp, jobId, leaseId } = await scene();
      for (const tool of ['queue_heartbeat', 'queue_complete', 'queue_fail', 'queue_upload_artifact']) {
        const args = { jobId, leaseId: 'another', ...(tool === 'queue_fail' ? { errorMessage: 'x' } : {}) };
        const more = tool === 'queue_upload_artifact' ? { name: 'a.txt', text: 'x' } : {};
        expect(await mcp.call(tool, { ...args, ...more })).toMatchObject({
          isError: true,
          json: { code: 'lease_lost' },
        });
      }
      const other = await McpClient.overHttp(t, await t.worker());
      expect((await other.call('queue_heartbeat', { jobId })).json.code).toBe('job_ownership_mismatch');
      expect((await other.call('queue_upload_artifact', { jobId, name: 'a', text: '' })).json.code).toBe(
        'worker_not_authorized',
      );
      expect((await other.call('queue_get', { jobId })).json.code).toBe('forbidden');
      t.clock.advance(61_000);
      expect((await mcp.call('queue_heartbeat', { jobId, leaseId })).json.code).toBe('lease_lost');
      await other.close();
      await mcp.close();
    });

    it('a worker may not do what is not its own, whether the job is there or not', async () => {
      const mcp = await McpClient.overHttp(t, await t.worker());
      for (const [tool, args] of [
        ['queue_enqueue', { type: 'exec' }],
        ['queue_cancel', { jobId: unknown }],
        ['queue_why', { jobId: unknown }],
      ] as const) {
        expect(await mcp.call(tool, args)).toMatchObject({ isError: true, json: { code: 'forbidden', status: 403 } });
      }
      const named = await mcp.call('queue_claim', { workerId: 'somebody-else' });
      expect(named.json.code).toBe('worker_not_authorized');
      await mcp.close();
    });

    it('an unknown tool is a protocol error, also under names that every object has', async () => {
      for (const name of ['no_such_tool', 'constructor', '__proto__', 'x'.repeat(10_000)]) {
        await expect(admin.client.callTool({ name, arguments: {} })).rejects.toMatchObject({
          code: -32602,
          message: `MCP error -32602: There is no tool ${JSON.stringify(name.slice(0, 80))}.`,
        });
      }
    });

    it('fields that would reach into objects are unknown fields', async () => {
      const args = { jobId: unknown, toString: { call: 'admin' } };
      expect((await admin.call('queue_get', args)).json.errors[0].path).toBe('toString');
    });
  });

  describe('uploads', () => {
    it('takes base64, and what was said of it', async () => {
      const { jobId, mcp, leaseId } = await scene();
      const bytes = Buffer.from([0, 1, 2, 255]);
      const { json } = await mcp.call('queue_upload_artifact', {
        jobId,
        leaseId,
        name: 'pixel.bin',
        base64: bytes.toString('base64'),
        contentType: 'image/x-pixel',
        title: 'One pixel',
      });
      expect(json.artifact).toMatchObject({ contentType: 'image/x-pixel', sizeBytes: 4, title: 'One pixel' });
      expect((await t.download(json.artifact)).bytes).toEqual(bytes);
      await mcp.close();
    });

    it('takes exactly the limit and nothing, and explains the PUT for one byte more', async () => {
      const job = await t.enqueue();
      const limit = 256 * 1024;
      const upload = (more: object) => admin.call('queue_upload_artifact', { jobId: job.id, name: 'big.txt', ...more });
      expect((await upload({ text: 'x'.repeat(limit) })).json.artifact.sizeBytes).toBe(limit);
      expect((await upload({ base64: Buffer.alloc(limit).toString('base64') })).json.artifact.sizeBytes).toBe(limit);
      expect((await upload({ text: '' })).json.artifact.sizeBytes).toBe(0);
      expect((await upload({ base64: '' })).json.artifact.sizeBytes).toBe(0);
      for (const more of [
        { text: 'x'.repeat(limit + 1) },
        { text: 'é'.repeat(limit / 2 + 1) },
        { base64: Buffer.alloc(limit + 1).toString('base64') },
      ]) {
        const { isError, json } = await upload(more);
        expect(isError).toBe(false);
        expect(json).toMatchObject({ artifact: null, upload: { method: 'PUT' } });
        expect(json.note).toMatch(/larger than 262144 bytes.*Nothing was stored/);
      }
      expect(await t.artifacts(job.id)).toHaveLength(4);
    });

    it('explains a PUT that works as it stands, with the token put in', async () => {
      const { jobId, mcp, worker, leaseId } = await scene();
      const { json } = await mcp.call('queue_upload_artifact', {
        jobId,
        leaseId,
        name: './logs/50% of ü.log',
        contentType: 'text/x-log',
        type: 'log',
      });
      const { method, url, headers } = json.upload;
      expect(JSON.stringify(json)).not.toContain(worker.token);
      const answer = await fetch(url, {
        method,
        headers: { ...headers, Authorization: headers.Authorization.replace('<your token>', worker.token) },
        body: 'bytes that the model never saw',
      });
      expect(answer.status).toBe(201);
      expect(await answer.json()).toMatchObject({ name: 'logs/50% of ü.log', type: 'log', contentType: 'text/x-log' });
      await mcp.close();
    });

    it.each([
      [{ text: 'a', base64: 'YQ==' }, 'invalid_request'],
      [{ base64: 'YQ' }, 'invalid_request'],
      [{ base64: 'Y*==' }, 'invalid_request'],
      [{ base64: 'YQ==\n' }, 'invalid_request'],
      [{ text: 'half \ud800' }, 'invalid_request'],
      [{ text: 5 }, 'invalid_request'],
      [{ text: 'x', name: '../../etc/passwd' }, 'invalid_artifact_name'],
      [{ name: '/etc/passwd' }, 'invalid_artifact_name'],
    ])('refuses %j', async (more, code) => {
      const job = await t.enqueue();
      const answer = await admin.call('queue_upload_artifact', { jobId: job.id, name: 'a.txt', ...more });
      expect(answer).toMatchObject({ isError: true, json: { code } });
      expect(await t.artifacts(job.id)).toEqual([]);
    });

    it('explains nothing to those who may not upload', async () => {
      const job = await t.enqueue();
      const mcp = await McpClient.overHttp(t, await t.worker());
      const answer = await mcp.call('queue_upload_artifact', { jobId: job.id, name: 'a.txt' });
      expect(answer).toMatchObject({ isError: true, json: { code: 'job_state_conflict' } });
      await mcp.close();
    });
  });
});
