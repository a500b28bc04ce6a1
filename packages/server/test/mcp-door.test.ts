// Tests the HTTP side of the MCP server: authentication, the format of requests, and callers that disconnect.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { McpClient } from './support/mcp-client.ts';
import { head, RawConnection, sendRaw } from './support/raw-socket.ts';
import { signedInPage } from './support/page-session.ts';
import { adminToken, startTestServer, type Answer, type Caller, type TestServer } from './support/test-server.ts';

const protocol = { accept: 'application/json, text/event-stream' };
const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
const callOf = (name: string, args: object, id: number | string = 1) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
});

describe('the MCP door', () => {
  let t: TestServer;
  beforeAll(async () => {
    t = await startTestServer();
  });
  afterAll(async () => {
    await t.close();
  });
  const send = (json: unknown, as: Caller = 'admin', headers: Record<string, string> = {}): Promise<Answer> =>
    t.call('POST', '/mcp', { as, json, headers: { ...protocol, ...headers } });

  describe('who comes in', () => {
    it('nobody without a credential, with an unknown or a revoked one', async () => {
      const revoked = await t.worker();
      await t.post(`/api/queue/workers/tokens/${revoked.tokenId}/revoke`);
      for (const as of [null, 'phw_wrong', 'admin:wrong', revoked]) {
        const answer = await send(list, as);
        expect(answer).toMatchObject({ status: 401, json: { code: 'unauthenticated' } });
        expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
        expect((await t.call('GET', '/mcp', { as, headers: protocol })).status).toBe(401);
      }
      await expect(McpClient.overHttp(t, 'phw_wrong')).rejects.toThrow();
    });

    it('a worker by its name and secret, and by the older headers', async () => {
      const worker = await t.worker();
      for (const headers of [
        { authorization: `Bearer ${worker.id}:${worker.token}` },
        { 'x-worker-token': worker.token },
        { 'x-moonmind-worker-token': worker.token },
      ]) {
        expect((await send(callOf('queue_claim', {}), null, headers)).json.result.structuredContent).toHaveProperty(
          'job',
        );
      }
    });

    it("no browser by the page's session", async () => {
      const headers = { ...(await signedInPage(t)) };
      expect((await t.get('/api/queue/jobs', null, headers)).status).toBe(200);
      expect((await send(list, null, headers)).status).toBe(401);
    });

    it('no page elsewhere and no rebound name', async () => {
      for (const headers of [
        { origin: 'https://evil.example' },
        { origin: 'null' },
        { host: 'evil.example' },
        { host: 'evil.example', origin: 'http://evil.example' },
      ]) {
        expect(await send(list, 'admin', headers)).toMatchObject({ status: 403, json: { code: 'forbidden' } });
      }
      const port = await t.listen();
      expect((await send(list, 'admin', { origin: `http://127.0.0.1:${port}` })).status).toBe(200);
    });

    it('is decided before the body is read', async () => {
      const port = await t.listen();
      const waiting = {
        host: `127.0.0.1:${port}`,
        'content-type': 'application/json',
        'content-length': 1000,
        ...protocol,
      };
      const answer = await sendRaw(port, head('POST /mcp HTTP/1.1', waiting));
      expect(answer).toMatchObject({ status: 401, json: { code: 'unauthenticated' } });
      const big = { ...waiting, authorization: `Bearer ${adminToken}`, 'content-length': 2 ** 30 };
      expect(await sendRaw(port, head('POST /mcp HTTP/1.1', big))).toMatchObject({ status: 413 });
    });
  });

  describe('what a request may be', () => {
    it('is one JSON message of at most 1 MiB', async () => {
      const big = callOf('queue_enqueue', { type: 'exec', payload: { x: 'x'.repeat(1024 * 1024) } });
      expect(await send(big)).toMatchObject({ status: 413, json: { code: 'body_too_large' } });
      const text = {
        as: 'admin',
        payload: JSON.stringify(list),
        headers: { ...protocol, 'content-type': 'text/plain' },
      };
      expect(await t.call('POST', '/mcp', text)).toMatchObject({ status: 415 });
      const broken = {
        as: 'admin',
        payload: '{"jsonrpc":',
        headers: { ...protocol, 'content-type': 'application/json' },
      };
      expect(await t.call('POST', '/mcp', broken)).toMatchObject({ status: 400, json: { code: 'bad_request' } });
      expect(await send([list, { ...list, id: 2 }])).toMatchObject({ status: 400, json: { error: { code: -32600 } } });
    });

    it.each([
      [null],
      [{}],
      [7],
      ['text'],
      [{ jsonrpc: '2.0' }],
      [{ jsonrpc: '1.0', id: 1, method: 'ping' }],
      [{ ...list, id: {} }],
    ])('%j is no message', async (json) => {
      expect(await send(json)).toMatchObject({ status: 400, json: { jsonrpc: '2.0' } });
    });

    it('an empty body is no message', async () => {
      const answer = await t.call('POST', '/mcp', { as: 'admin', headers: protocol });
      expect(answer.status).toBe(415);
    });

    it('keys that would change prototypes are refused', async () => {
      const payload =
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"queue_list","arguments":{"__proto__":{"a":1}}}}';
      const answer = await t.call('POST', '/mcp', {
        as: 'admin',
        payload,
        headers: { ...protocol, 'content-type': 'application/json' },
      });
      expect(answer).toMatchObject({ status: 400, json: { code: 'bad_request' } });
    });

    it('needs no session and no greeting, and forgets none', async () => {
      const answer = await send(list);
      expect(answer.status).toBe(200);
      expect(answer.json.result.tools.length).toBeGreaterThan(10);
      expect(answer.headers['mcp-session-id']).toBeUndefined();
      expect((await send(list, 'admin', { 'mcp-session-id': 'from-before-a-restart' })).status).toBe(200);
    });

    it('an unknown method is a JSON-RPC error, a notification gets 202, an unknown protocol version 400', async () => {
      expect((await send({ ...list, method: 'no/such' })).json.error.code).toBe(-32601);
      expect(await send({ jsonrpc: '2.0', method: 'notifications/initialized' })).toMatchObject({
        status: 202,
        text: '',
      });
      expect((await send(list, 'admin', { 'mcp-protocol-version': '1999-01-01' })).status).toBe(400);
    });

    it('other methods than POST are 405, which says so', async () => {
      for (const method of ['GET', 'DELETE']) {
        const answer = await t.call(method, '/mcp', { headers: protocol });
        expect(answer.status).toBe(405);
        expect(answer.headers['allow']).toBe('POST');
      }
    });

    it('answers carry no token, and the log no argument', async () => {
      const secret = 'the-argument-of-a-tool';
      const answer = await send(callOf('queue_enqueue', { type: secret }));
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(answer.text).not.toContain(adminToken);
      expect(t.logLines.join('')).not.toContain(secret);
      expect(t.logLines.some((line) => line.includes('"tool":"queue_enqueue"'))).toBe(true);
    });
  });

  describe('a caller that goes away', () => {
    const waitingClaim = async () => {
      const capability = t.unique('only');
      const worker = await t.worker({ capabilities: [capability] });
      const enqueue = () => t.enqueue({ requiredCapabilities: [capability], priority: 1_000_000 });
      return { worker, enqueue };
    };

    it('takes no job with it when its connection ends', async () => {
      const { worker, enqueue } = await waitingClaim();
      const port = await t.listen();
      const connection = await RawConnection.open(port);
      const body = JSON.stringify(callOf('queue_claim', { waitSeconds: 30 }));
      const headers = {
        host: `127.0.0.1:${port}`,
        authorization: `Bearer ${worker.token}`,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        ...protocol,
      };
      connection.write(head('POST /mcp HTTP/1.1', headers) + body);
      await until(async () => (await seen(worker.id)) !== undefined);
      connection.close();
      await pause(50);
      const job = await enqueue();
      await pause(50);
      expect(await t.job(job.id)).toMatchObject({ status: 'queued' });
    });

    it('takes no job with it when it cancels its call', async () => {
      const { worker, enqueue } = await waitingClaim();
      const mcp = await McpClient.overHttp(t, worker);
      const cancelled = new AbortController();
      const claiming = mcp.call('queue_claim', { waitSeconds: 30 }, cancelled.signal);
      await until(async () => (await seen(worker.id)) !== undefined);
      cancelled.abort('changed my mind');
      await expect(claiming).rejects.toThrow();
      await pause(100);
      const job = await enqueue();
      await pause(50);
      expect(await t.job(job.id)).toMatchObject({ status: 'queued' });
      // The client can make further calls, because only its first call was cancelled.
      expect((await mcp.call('queue_claim', {})).json.job.id).toBe(job.id);
      await mcp.close();
    });

    it("cannot cancel another client's call", async () => {
      const { worker, enqueue } = await waitingClaim();
      const session = { 'mcp-session-id': 'one' };
      const claiming = send(callOf('queue_claim', { waitSeconds: 30 }, 5), worker, session);
      await until(async () => (await seen(worker.id)) !== undefined);
      const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 5 } };
      await send(cancel, worker, { 'mcp-session-id': 'two' });
      await send(cancel, worker);
      await send(cancel, await t.worker(), session);
      await send({ ...cancel, params: { requestId: '5' } }, worker, session);
      const job = await enqueue();
      expect((await claiming).json.result.structuredContent.job.id).toBe(job.id);
    });

    it('gets an answer with the job that arrives while it waits', async () => {
      const { worker, enqueue } = await waitingClaim();
      const mcp = await McpClient.overHttp(t, worker);
      const claiming = mcp.call('queue_claim', { waitSeconds: 30 });
      await until(async () => (await seen(worker.id)) !== undefined);
      const job = await enqueue();
      expect((await claiming).json.job.id).toBe(job.id);
      await mcp.close();
    });
  });

  const seen = async (workerId: string) => {
    const { json } = await t.get('/api/queue/workers?limit=200');
    return json.items.find((item: { workerId: string }) => item.workerId === workerId);
  };
});

describe('the MCP door elsewhere', () => {
  it('lies below the base path, and tells addresses by the public URL', async () => {
    const t = await startTestServer({ settings: { basePath: '/work', publicUrl: 'https://queue.example/work' } });
    try {
      const made = await t.call('POST', '/work/api/queue/jobs', { json: { type: 'exec' } });
      const mcp = await McpClient.overHttp(t, 'admin', '/work');
      const { json } = await mcp.call('queue_upload_artifact', { jobId: made.json.id, name: 'a.bin' });
      expect(json.upload.url).toBe(`https://queue.example/work/api/queue/jobs/${made.json.id}/artifacts/a.bin`);
      expect((await t.call('POST', '/mcp', { json: list, headers: protocol })).status).toBe(404);
      await mcp.close();
    } finally {
      await t.close();
    }
  });

  it('ends waiting claims when the server stops', async () => {
    const t = await startTestServer();
    const mcp = await McpClient.overHttp(t, await t.worker());
    const looks = vi.spyOn(t.server.store.jobs, 'claim');
    const claiming = mcp.call('queue_claim', { waitSeconds: 30, allowedTypes: ['codex_skill'] });
    await vi.waitUntil(() => looks.mock.settledResults[0]?.type === 'fulfilled', { timeout: 20_000 });
    await t.close();
    expect((await claiming).json).toEqual({ job: null });
    await mcp.close();
  });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await condition()); tries += 1) {
    if (tries > 200) throw new Error('it never came true');
    await pause(10);
  }
}
