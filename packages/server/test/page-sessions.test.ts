// Tests the sign-in of the web page, which needs both a cookie and a page secret. Also tests tickets, which are secrets
// in links that a browser opens.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { signedInPage } from './support/page-session.ts';
import { adminToken, startTestServer, type Answer, type TestServer } from './support/test-server.ts';

let t: TestServer;
beforeEach(async () => {
  t = await startTestServer();
});
afterEach(() => t.close());

const minuteMs = 60_000;

const call = (method: string, url: string, headers: object = {}, json?: unknown): Promise<Answer> =>
  t.call(method, url, { as: null, headers: { ...headers }, ...(json === undefined ? {} : { json }) });

const post = (json: unknown, headers: object = {}): Promise<Answer> => call('POST', '/api/session', headers, json);

async function artifactOf(file = '0123456789') {
  const job = await t.enqueue();
  const { json } = await t.put(job.id, { name: 'a.txt', file });
  return { jobId: job.id, id: json.id as string, path: `/api/queue/jobs/${job.id}/artifacts/${json.id}/download` };
}

async function ticketFor(path: string, headers: object, kind?: string): Promise<string> {
  const answer = await call('POST', '/api/tickets', headers, { path, ...(kind === undefined ? {} : { kind }) });
  expect(answer.status).toBe(201);
  expect(answer.json.url).toBe(`http://127.0.0.1:${await t.listen()}/${answer.json.path}`);
  return `/${answer.json.path as string}`;
}

describe('a session', () => {
  it('counts with its page secret and not without it, at every door', async () => {
    const session = await signedInPage(t);
    const { jobId, id, path } = await artifactOf();
    const { tokenId } = await t.worker();
    const doors = [
      ['GET', '/api/queue/jobs'],
      ['POST', '/api/queue/jobs'],
      ['GET', `/api/queue/jobs/${jobId}`],
      ['GET', `/api/queue/jobs/${jobId}/events/stream`],
      ['GET', '/api/queue/events/stream'],
      ['GET', path],
      ['HEAD', path],
      ['GET', `/api/artifacts/${id}/content`],
      ['GET', '/api/queue/workers/tokens'],
      ['POST', `/api/queue/workers/tokens/${tokenId}/revoke`],
      ['GET', '/metrics'],
      ['POST', '/api/tickets'],
      ['POST', '/api/session/links'],
      ['DELETE', '/api/session'],
      ['POST', '/mcp'],
      ['GET', '/v0/experiments/exp_00000000000000000000000000/workers'],
    ] as const;
    const other = await signedInPage(t);
    const halves = [
      { cookie: session.cookie },
      { 'proofhouse-page-secret': session['proofhouse-page-secret'] },
      { cookie: session.cookie, 'proofhouse-page-secret': '' },
      { cookie: session.cookie, 'proofhouse-page-secret': session.cookie.split('=')[1] },
      { cookie: session.cookie, 'proofhouse-page-secret': other['proofhouse-page-secret'] },
    ];
    for (const [method, url] of doors) {
      for (const headers of halves) {
        const answer = await call(method, url, headers, method === 'POST' ? {} : undefined);
        expect([method, url, answer.status]).toEqual([method, url, 401]);
      }
    }
    expect((await call('GET', '/api/queue/jobs', session)).status).toBe(200);
    expect((await call('GET', path, session)).text).toBe('0123456789');
  });

  it('of a second tab leaves the first one signed in, and ends with both', async () => {
    const first = await signedInPage(t);
    const second = await signedInPage(t, { cookie: first.cookie });
    expect(second.cookie).toBe(first.cookie);
    expect(second['proofhouse-page-secret']).not.toBe(first['proofhouse-page-secret']);
    for (const tab of [first, second]) expect((await call('GET', '/api/queue/jobs', tab)).status).toBe(200);
    const left = await call('DELETE', '/api/session', second);
    expect(left.status).toBe(204);
    expect(left.headers['set-cookie']?.toString()).toMatch(/^proofhouse_session=; Path=\/; Max-Age=0/);
    for (const tab of [first, second]) expect((await call('GET', '/api/queue/jobs', tab)).status).toBe(401);
  });

  it('is found beside a cookie of the same name that another port has set', async () => {
    const { cookie, ...secret } = await signedInPage(t);
    const planted = { ...secret, cookie: `proofhouse_session=planted; ${cookie}` };
    expect((await call('GET', '/api/queue/jobs', planted)).status).toBe(200);
    expect((await call('DELETE', '/api/session', planted)).status).toBe(204);
    expect((await call('GET', '/api/queue/jobs', { ...secret, cookie })).status).toBe(401);
  });

  it('ends with all others by ?all=true, of the page and of the admin token', async () => {
    const sessions = [await signedInPage(t), await signedInPage(t), await signedInPage(t)];
    const [one, two, three] = sessions;
    expect((await call('DELETE', '/api/session?all=maybe', one)).status).toBe(422);
    expect((await call('DELETE', '/api/session', one)).status).toBe(204);
    expect((await call('GET', '/api/queue/jobs', two)).status).toBe(200);
    expect((await call('DELETE', '/api/session?all=true', two)).status).toBe(204);
    expect((await call('GET', '/api/queue/jobs', three)).status).toBe(401);
    const fourth = await signedInPage(t);
    expect((await t.call('DELETE', '/api/session?all=true')).status).toBe(204);
    expect((await call('GET', '/api/queue/jobs', fourth)).status).toBe(401);
    expect((await call('DELETE', '/api/session')).status).toBe(401);
  });

  it('ends by itself after twelve hours', async () => {
    const session = await signedInPage(t);
    t.clock.advance(12 * 60 * minuteMs);
    expect((await call('GET', '/api/queue/jobs', session)).status).toBe(401);
  });

  it('is a cookie that no script reads and no page elsewhere sends, secure behind https', async () => {
    const { code } = await t.server.signIn.newCode({ kind: 'admin' });
    const cookie = String((await post({ code })).headers['set-cookie']);
    expect(cookie).toMatch(/; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
    const other = await startTestServer({ settings: { publicUrl: 'https://work.example.com', basePath: '/w' } });
    const secure = await other.call('POST', '/w/api/session', {
      as: null,
      json: { code: (await other.server.signIn.newCode({ kind: 'admin' })).code },
    });
    expect(String(secure.headers['set-cookie'])).toMatch(
      /; Path=\/w; Max-Age=43200; HttpOnly; SameSite=Strict; Secure$/,
    );
    await other.close();
  });
});

describe('signing in', () => {
  it('takes the admin token, and says why it takes no other', async () => {
    const signedIn = await post({ token: ` ${adminToken} ` });
    expect(signedIn).toMatchObject({ status: 200, json: { pageSecret: expect.stringMatching(/^phx_/) } });
    expect(signedIn.headers['cache-control']).toBe('no-store');
    const worker = await t.worker();
    expect(await post({ token: worker.token })).toMatchObject({
      status: 403,
      json: {
        detail: `This is the token of the worker ${worker.id}; the page takes the admin token or the token of a user.`,
      },
    });
    expect((await post({ token: `${adminToken}x` })).status).toBe(401);
    for (const body of [{}, { code: '' }, { token: '  ' }, { code: 'a', token: 'b' }, { token: 1 }, [], 'x']) {
      expect((await post(body)).status).toBe(422);
    }
  });

  it('by a link works once, within ten minutes, and the refusal names the command for another', async () => {
    const link = await t.post('/api/session/links');
    expect(link.json.expiresAt).toBe(new Date(t.clock.now() + 10 * minuteMs).toISOString());
    const code = new URLSearchParams(new URL(link.json.url as string).hash.slice(1)).get('code');
    expect((await post({ code })).status).toBe(200);
    expect(await post({ code })).toMatchObject({ status: 401, json: { detail: /`proofhouse sign-in-link`/ } });
    const { code: late } = await t.server.signIn.newCode({ kind: 'admin' });
    t.clock.advance(10 * minuteMs);
    expect((await post({ code: late })).status).toBe(401);
  });
});

describe('a ticket', () => {
  it('for a download starts once within a minute, and may resume', async () => {
    const session = await signedInPage(t);
    const { path } = await artifactOf();
    const ticket = await ticketFor(path, session);
    const looked = await call('HEAD', ticket);
    expect(looked).toMatchObject({
      status: 200,
      headers: { 'content-length': '10', 'referrer-policy': 'no-referrer' },
    });
    expect(await call('GET', ticket)).toMatchObject({
      status: 200,
      text: '0123456789',
      headers: { 'content-disposition': 'attachment; filename=a.txt', 'referrer-policy': 'no-referrer' },
    });
    expect((await call('GET', ticket)).status).toBe(401);
    t.clock.advance(30 * minuteMs);
    expect(await call('GET', ticket, { range: 'bytes=7-' })).toMatchObject({ status: 206, text: '789' });
    expect((await call('GET', ticket, { range: 'bytes=0-1,3-4' })).status).toBe(401);
    const late = await ticketFor(path, session);
    t.clock.advance(minuteMs);
    for (const headers of [{}, { range: 'bytes=7-' }]) expect((await call('GET', late, headers)).status).toBe(401);
  });

  it('of many that start at once lets one start', async () => {
    const { path } = await artifactOf();
    const ticket = await ticketFor(path, await signedInPage(t));
    const answers = await Promise.all(Array.from({ length: 10 }, () => call('GET', ticket)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it('for a preview may be read again and again for ten minutes', async () => {
    const { id } = await artifactOf();
    const ticket = await ticketFor(`/api/artifacts/${id}/content`, await signedInPage(t), 'preview');
    for (let count = 0; count < 3; count += 1) expect((await call('GET', ticket)).status).toBe(200);
    t.clock.advance(10 * minuteMs);
    expect((await call('GET', ticket)).status).toBe(401);
  });

  it('ends with the session that made it', async () => {
    const { path } = await artifactOf();
    for (const leave of ['/api/session', '/api/session?all=true']) {
      const session = await signedInPage(t);
      const ticket = await ticketFor(path, session);
      await call('DELETE', leave, session);
      expect((await call('GET', ticket)).status).toBe(401);
    }
  });

  it("has a worker's rights at the moment of its use, and ends with its token", async () => {
    const { job, worker, lease } = await t.running();
    const made = await t.put(job.id, { name: 'theirs.txt', file: 'theirs' });
    const path = `/api/queue/jobs/${job.id}/artifacts/${made.json.id}/download`;
    const bearer = { authorization: `Bearer ${worker.token}` };
    const early = await ticketFor(path, bearer);
    expect((await call('GET', early)).text).toBe('theirs');
    const late = await ticketFor(path, bearer);
    await t.post(`/api/queue/jobs/${job.id}/complete`, {}, worker, { 'proofhouse-lease': lease });
    expect((await call('GET', late)).status).toBe(403);
    const own = await t.running();
    const mine = await t.put(own.job.id, { name: 'mine.txt', as: own.worker });
    const ticket = await ticketFor(`/api/artifacts/${mine.json.id}/content`, {
      authorization: `Bearer ${own.worker.token}`,
    });
    await t.post(`/api/queue/workers/tokens/${own.worker.tokenId}/revoke`);
    expect((await call('GET', ticket)).status).toBe(401);
  });

  it('opens the bytes of artifacts alone, and nothing to those who may not read them', async () => {
    const session = await signedInPage(t);
    const { jobId, id, path } = await artifactOf();
    const wrong = [
      '/api/queue/jobs',
      `/api/queue/jobs/${jobId}`,
      `${path}?x=1`,
      `${path}/`,
      `//evil.example${path}`,
      `https://evil.example${path}`,
      `/api/artifacts/${id}`,
      `/api/artifacts/${id}/../${id}/content`,
      '',
    ];
    for (const other of wrong) {
      const answer = await call('POST', '/api/tickets', session, { path: other });
      expect([other, answer.status]).toEqual([other, 422]);
    }
    const nowhere = `/api/queue/jobs/${jobId}/artifacts/${jobId}/download`;
    expect((await call('POST', '/api/tickets', session, { path: nowhere })).status).toBe(404);
    const stranger = await t.worker();
    expect((await t.post('/api/tickets', { path }, stranger)).status).toBe(403);
  });

  it('is for GET and HEAD alone, is unguessable, and opens nothing else', async () => {
    const session = await signedInPage(t);
    const { path } = await artifactOf();
    const ticket = await ticketFor(path, session);
    expect(ticket).toMatch(/^\/api\/tickets\/[\w-]{32,}$/);
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) expect((await call(method, ticket)).status).toBe(404);
    for (const other of [ticket.slice(0, -1), `${ticket}x`, '/api/tickets/x']) {
      expect((await call('GET', other)).status).toBe(401);
    }
    const secret = ticket.split('/').at(-1) ?? '';
    expect((await call('GET', '/api/queue/jobs', { authorization: `Bearer ${secret}` })).status).toBe(401);
  });

  it('never comes into the log, however its path is written', async () => {
    const { path } = await artifactOf();
    const ticket = await ticketFor(path, await signedInPage(t));
    const secret = ticket.split('/').at(-1) ?? '';
    const ways = [
      ticket,
      `${ticket}/x`,
      `${ticket}?x=1`,
      `/api/%74ickets/${secret}`,
      `/api/tickets%2F${secret}`,
      `/x${ticket}`,
    ];
    for (const way of ways) await call('GET', way);
    for (const way of ways) await call('DELETE', way);
    expect(t.logLines.join('')).toContain('/api/tickets/');
    expect(t.logLines.join('')).not.toContain(secret);
  });

  it('makes room for the next of its holder, a hundred of them', async () => {
    const session = await signedInPage(t);
    const { path } = await artifactOf('x');
    const tickets: string[] = [];
    for (let count = 0; count < 101; count += 1) tickets.push(await ticketFor(path, session));
    expect((await call('GET', tickets[0] ?? '')).status).toBe(401);
    expect((await call('GET', tickets[1] ?? '')).status).toBe(200);
  });
});
