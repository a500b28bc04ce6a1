// Tests the storage quota. When it is used up, /api, /v0 and MCP refuse new bytes before they read them. All other
// calls still work.
import { describe, expect, it } from 'vitest';
import { forAnyStore } from './support/for-each-store.ts';
import { head, sendRaw } from './support/raw-socket.ts';
import { adminToken, type TestServer } from './support/test-server.ts';

const minute = 60_000;

/** Waits until the server has counted the usage again. */
async function counted(t: TestServer): Promise<void> {
  const before = (await t.get('/api/storage/usage')).json.sampledAt as string;
  t.clock.advance(minute);
  await expect.poll(async () => (await t.get('/api/storage/usage')).json.sampledAt as string).not.toBe(before);
}

forAnyStore(
  'a quota of 100 bytes',
  (harness) => {
    it('lets bytes in until a count finds it used up, and then none, while all else works', async () => {
      const t = harness();
      const { job, worker, lease } = await t.running({}, 3600);
      const held = { as: worker, headers: { 'proofhouse-lease': lease } };
      expect((await t.get('/api/storage/usage')).json).toMatchObject({ bytes: 0, quotaBytes: 100, warnAtBytes: 80 });
      const first = await t.put(job.id, { name: 'first', file: 'x'.repeat(90), ...held });
      await counted(t);
      expect((await t.get('/api/storage/usage')).json).toMatchObject({
        artifacts: 1,
        bytes: 90,
        byType: [{ type: 'other', artifacts: 1, bytes: 90 }],
      });
      expect(t.logLines.filter((line) => line.includes('the storage quota is used to 90 %'))).toHaveLength(1);
      // The server compares the quota with its last count of the usage. So this upload succeeds although it exceeds the
      // quota. Only the next count includes its bytes.
      expect((await t.put(job.id, { name: 'second', file: 'y'.repeat(90), ...held })).status).toBe(201);
      await counted(t);

      const refused = { status: 507, json: { code: 'storage_full', quotaBytes: 100, usedBytes: 180 } };
      for (const answer of [
        await t.put(job.id, { name: 'third', ...held }),
        await t.upload(job.id, { name: 'third', ...held }),
        await t.put(job.id, { name: 'third' }),
      ]) {
        expect(answer.status).toBe(refused.status);
        expect(answer.json).toMatchObject({ code: 'storage_full', detail: expect.stringMatching(/180 of 100 bytes/) });
      }
      expect(t.logLines.filter((line) => line.includes('the storage quota is used to'))).toHaveLength(1);

      expect((await t.download({ jobId: job.id, id: first.json.id as string })).status).toBe(200);
      const beat = { leaseSeconds: 3600 };
      const lives = await t.post(`/api/queue/jobs/${job.id}/heartbeat`, beat, worker, { 'proofhouse-lease': lease });
      expect(lives.status).toBe(200);
      expect((await t.post('/api/storage/gc', {})).status).toBe(200);
      const done = await t.post(`/api/queue/jobs/${job.id}/complete`, {}, worker, { 'proofhouse-lease': lease });
      expect(done.status).toBe(200);
      const metrics = (await t.get('/metrics')).text;
      expect(metrics).toMatch(/^proofhouse_storage_bytes\{type="other"\} 180$/m);
      expect(metrics).toMatch(/^proofhouse_storage_quota_bytes 100$/m);
    });

    describe('when it is used up', () => {
      it('refuses an upload before its body is sent', async () => {
        const t = harness();
        const job = await t.enqueue();
        const start = head(`PUT /api/queue/jobs/${job.id}/artifacts/big HTTP/1.1`, {
          Host: 'localhost',
          Authorization: `Bearer ${adminToken}`,
          'Content-Length': 1_000_000,
          Expect: '100-continue',
        });
        const answer = await sendRaw(await t.listen(), Buffer.from(start));
        expect(answer.status).toBe(507);
        expect((await t.get('/api/artifacts?limit=1')).status).toBe(200);
      });

      it('refuses a deposit on /v0, and an upload through the model', async () => {
        const t = harness();
        const made = await t.post('/api/experiments', {});
        const experimentId = made.json.experimentId as string;
        const answer = await t.call('POST', `/v0/experiments/${experimentId}/artifacts`, {
          as: `admin:${adminToken}`,
          payload: '--x\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\nbytes\r\n--x--\r\n',
          headers: { 'content-type': 'multipart/form-data; boundary=x', 'x-eden-experiment-id': experimentId },
        });
        expect(answer.status).toBe(507);
        const job = await t.enqueue();
        const tool = await t.post(
          '/mcp',
          {
            jsonrpc: '2.0',
            id: 1,
            method: 'tools/call',
            params: { name: 'queue_upload_artifact', arguments: { jobId: job.id, name: 'a.txt', text: 'bytes' } },
          },
          'admin',
          { accept: 'application/json, text/event-stream' },
        );
        expect(tool.text).toContain('storage_full');
      });
    });
  },
  { settings: { storageQuotaBytes: 100 } },
);
