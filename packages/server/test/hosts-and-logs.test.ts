// Tests the addresses of the server (Host, Origin, proxies), and that no log line contains a secret.
import { describe, expect, it } from 'vitest';
import { formBody, formType, fieldsAndFile } from './support/form.ts';
import { head, RawConnection, sendRaw } from './support/raw-socket.ts';
import { adminToken, startTestServer, type TestServer } from './support/test-server.ts';

async function withServer(settings: object, use: (t: TestServer, port: number) => Promise<void>): Promise<void> {
  const t = await startTestServer({ settings });
  try {
    await use(t, await t.listen());
  } finally {
    await t.close();
  }
}

const statusOf = async (port: number, headers: Record<string, string>, path = '/'): Promise<number> =>
  (await sendRaw(port, head(`GET ${path} HTTP/1.1`, headers))).status;

describe('a server on loopback', () => {
  it('answers to its own names and to no name rebound to it, pages too', async () => {
    await withServer({}, async (_t, port) => {
      for (const path of ['/', '/api/docs', '/api/openapi.json']) {
        expect(await statusOf(port, { Host: `localhost:${port}` }, path)).toBe(200);
        expect(await statusOf(port, { Host: `[::1]:${port}` }, path)).toBe(200);
        expect(await statusOf(port, { Host: 'rebound.example' }, path)).toBe(403);
        expect(await statusOf(port, { Host: 'localhost', Origin: 'https://evil.example' }, path)).toBe(403);
        expect(await statusOf(port, { Host: 'localhost', 'X-Forwarded-Host': 'rebound.example' }, path)).toBe(200);
      }
    });
  });

  it('answers HEAD for a page as GET, without the body', async () => {
    await withServer({}, async (t) => {
      for (const path of ['/', '/api/docs', '/api/openapi.json', '/metrics']) {
        const [get, headOnly] = await Promise.all([t.call('GET', path), t.call('HEAD', path)]);
        expect([headOnly.status, headOnly.text], path).toEqual([200, '']);
        expect(headOnly.headers['content-type']).toBe(get.headers['content-type']);
        expect(get.text).not.toBe('');
      }
    });
  });

  it('without authentication is still not driven by a page elsewhere', async () => {
    await withServer({ auth: 'disabled' }, async (t, port) => {
      expect((await t.get('/api/queue/jobs', null)).status).toBe(200);
      const foreign = { Host: `localhost:${port}`, Origin: 'https://evil.example', 'Content-Length': '0' };
      const answer = await sendRaw(port, head('POST /api/queue/workers/tokens HTTP/1.1', foreign));
      expect(answer).toMatchObject({ status: 403, json: { code: 'forbidden' } });
      const claimed = await t.post('/api/queue/jobs/claim', { workerId: 'by-hand' }, null);
      expect(claimed.status).toBe(200);
    });
  });

  it('takes its public URL as a name and an origin', async () => {
    await withServer({ publicUrl: 'https://work.example.com' }, async (_t, port) => {
      expect(await statusOf(port, { Host: 'work.example.com', Origin: 'https://work.example.com' })).toBe(200);
      expect(await statusOf(port, { Host: 'localhost', Origin: 'https://work.example.com' })).toBe(200);
      expect(await statusOf(port, { Host: 'other.example.com' })).toBe(403);
    });
  });

  it('believes X-Forwarded-Host from a proxy it trusts, and then it is held to the same rule', async () => {
    const settings = { publicUrl: 'https://work.example.com', trustProxy: ['127.0.0.1'] };
    await withServer(settings, async (_t, port) => {
      expect(await statusOf(port, { Host: 'inner', 'X-Forwarded-Host': 'work.example.com' })).toBe(200);
      expect(await statusOf(port, { Host: 'localhost', 'X-Forwarded-Host': 'evil.example' })).toBe(403);
    });
  });

  it('below a base path answers there and nowhere else', async () => {
    await withServer({ basePath: '/proof' }, async (_t, port) => {
      expect(await statusOf(port, { Host: 'localhost' }, '/proof/healthz')).toBe(200);
      expect(await statusOf(port, { Host: 'localhost' }, '/healthz')).toBe(404);
    });
  });

  it('answers health probes under any Host, and those of HTTP/1.0 without one', async () => {
    await withServer({ basePath: '/proof' }, async (_t, port) => {
      for (const path of ['/proof/healthz', '/proof/readyz']) {
        for (const Host of ['10.1.2.3:8750', 'probe.internal', '', 'not a host']) {
          expect(await statusOf(port, { Host }, path)).toBe(200);
        }
        expect((await sendRaw(port, `GET ${path} HTTP/1.0\r\n\r\n`)).status).toBe(200);
        expect((await sendRaw(port, `HEAD ${path} HTTP/1.0\r\n\r\n`)).status).toBe(200);
        const foreign = { Host: '10.1.2.3', Origin: 'https://evil.example' };
        expect(await statusOf(port, foreign, path)).toBe(403);
      }
      expect((await sendRaw(port, 'GET /proof/ HTTP/1.0\r\n\r\n')).status).toBe(403);
    });
  });

  it('takes the names of PROOFHOUSE_ALLOWED_HOSTS at every door, and names the setting to others', async () => {
    const allowedHosts = [{ name: 'work.example.org', port: undefined, withSubdomains: true }];
    await withServer({ allowedHosts }, async (_t, port) => {
      const authorization = { Authorization: `Bearer ${adminToken}` };
      for (const path of ['/', '/api/queue/jobs', '/metrics', '/v0/experiments/exp_x/workers', '/mcp']) {
        for (const Host of ['work.example.org', `a.work.example.org:${port}`]) {
          expect(await statusOf(port, { ...authorization, Host }, path)).not.toBe(403);
        }
        const refused = await sendRaw(port, head(`GET ${path} HTTP/1.1`, { ...authorization, Host: 'other.example' }));
        expect(refused).toMatchObject({ status: 403, json: { detail: expect.stringMatching(/ALLOWED_HOSTS/) } });
      }
      expect(await statusOf(port, { Host: 'other.example' }, '/api/%zz')).toBe(403);
      expect(await statusOf(port, { Host: 'work.example.org' }, '/api/%zz')).toBe(400);
    });
  });

  it('keeps a connection as long as it was told to', async () => {
    await withServer({ keepAliveSeconds: 7 }, async (_t, port) => {
      const connection = await RawConnection.open(port);
      connection.write(head('GET /healthz HTTP/1.1', { Host: 'localhost' }));
      expect((await connection.answer())?.headers['keep-alive']).toBe('timeout=7');
      connection.socket.destroy();
    });
  });
});

it('no log line has what stands before the path of a target in absolute form', async () => {
  await withServer({}, async (t, port) => {
    await sendRaw(port, head('GET http://admin:secret@localhost/v0/nowhere HTTP/1.1', { Host: 'localhost' }));
    await expect.poll(() => t.logLines.join(''), { interval: 5 }).toContain('"path":"/v0/nowhere"');
    expect(t.logLines.join('')).not.toContain('secret');
  });
});

it('no log line has a credential, a lease, a key or bytes of a body', async () => {
  const t = await startTestServer();
  const { job, worker, lease } = await t.running({ payload: { note: 'secret-in-the-payload' } });
  const secrets = [adminToken, worker.token, lease, 'wrong-secret', 'secret-key', 'secret-in-', 'secret-cookie'];
  const headers = { 'proofhouse-lease': lease, 'idempotency-key': 'secret-key', cookie: 'session=secret-cookie' };
  await t.upload(job.id, { name: 'a.txt', file: 'secret-in-a-file', as: worker, headers });
  await t.call('POST', `/api/queue/jobs/${job.id}/artifacts/upload?token=secret-in-a-query`, {
    as: worker,
    payload: formBody(fieldsAndFile({ name: 'a.txt', nonsense: 'secret-in-a-field' })),
    headers: { 'content-type': formType },
  });
  await t.get('/api/queue/jobs?cursor=secret-in-a-cursor', 'wrong-secret');
  await t.get('/nowhere?secret-in-a-query', `${worker.id}:wrong-secret`);
  await t.call('POST', '/api/queue/jobs', {
    payload: '{"secret-in-broken-json',
    headers: { 'content-type': 'application/json' },
  });
  await t.post(`/api/queue/jobs/${job.id}/fail`, { errorMessage: 'secret-in-an-error' }, worker, headers);
  t.server.store.jobs.find = () => Promise.reject(new Error('the store broke'));
  expect(await t.get(`/api/queue/jobs/${job.id}`)).toMatchObject({
    status: 500,
    json: { code: 'internal', detail: 'The server failed; its log has the details.' },
  });
  const log = t.logLines.join('');
  expect(log).toContain('the store broke');
  expect(log).toContain(worker.id);
  for (const secret of secrets) expect(log).not.toContain(secret);
  await t.close();
});
