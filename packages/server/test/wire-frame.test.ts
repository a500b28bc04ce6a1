// Tests the rules that all calls of /v0 share: credentials, the experiment header, and problem documents (contract
// "wire-level deposit and fetch", section "Frame").
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { operations, type Operation } from '@proofhouse/core';
import { forAnyStore } from './support/for-each-store.ts';
import { head, sendRaw } from './support/raw-socket.ts';
import { signedInPage } from './support/page-session.ts';
import { adminToken, startTestServer, type Answer, type CallOptions, type TestServer } from './support/test-server.ts';
import { expectProblem, wireAdmin, WireExperiment, type V0Worker } from './support/wire-experiment.ts';

const nowhere = 'exp_00000000000000000000000000';
const v0Rows = Object.entries(operations as Record<string, Operation>).filter(([, row]) => row.door === 'v0');

forAnyStore('the frame of /v0', (harness) => {
  let t: TestServer;
  let experiment: WireExperiment;
  let other: WireExperiment;
  let worker: V0Worker;
  beforeAll(async () => {
    t = harness();
    experiment = await WireExperiment.make(t);
    other = await WireExperiment.make(t);
    worker = await experiment.register({ name: 'one' });
  });
  const whoami = (headers: CallOptions['headers'], as: string | null = null): Promise<Answer> =>
    t.call('GET', experiment.path('/whoami'), { as, headers: { 'x-eden-experiment-id': experiment.id, ...headers } });

  describe('a credential', () => {
    it.each(['Bearer', 'bearer', 'BEARER'])('is taken behind %s', async (scheme) => {
      expect((await whoami({ authorization: `${scheme} ${worker.credential}` })).json.worker_id).toBe(worker.id);
    });

    it('is the admin token behind admin', async () => {
      expect((await experiment.get('/workers')).status).toBe(200);
    });

    it('that is missing, malformed or wrong is 401 with WWW-Authenticate', async () => {
      const queue = await t.worker();
      const stranger = await other.register();
      const second = await experiment.register();
      const wrong: CallOptions['headers'][] = [
        {},
        { authorization: '' },
        { authorization: 'Bearer' },
        { authorization: 'Bearer ' },
        { authorization: worker.credential },
        { authorization: `Basic ${Buffer.from(worker.credential).toString('base64')}` },
        { authorization: `Bearer ${worker.token}` },
        { authorization: `Bearer ${adminToken}` },
        { authorization: 'Bearer :' },
        { authorization: `Bearer :${worker.token}` },
        { authorization: `Bearer ${worker.id}:` },
        { authorization: `Bearer ${worker.id}:${worker.token}x` },
        { authorization: `Bearer ${worker.id}:x:${worker.token}` },
        { authorization: `Bearer ${worker.id}:${second.token}` },
        { authorization: `Bearer ${worker.id}:${adminToken}` },
        { authorization: `Bearer wkr_00000000000000000000000000:${worker.token}` },
        { authorization: `Bearer nobody:${worker.token}` },
        { authorization: `Bearer admin:${worker.token}` },
        { authorization: `Bearer Admin:${adminToken}` },
        { authorization: `Bearer ${queue.id}:${queue.token}` },
        { authorization: `Bearer ${queue.token}` },
        { authorization: `Bearer ${stranger.credential}` },
        { authorization: `Bearer ${worker.credential} ${worker.credential}` },
        { 'x-worker-token': worker.token },
        { 'x-worker-token': worker.credential },
        { cookie: 'proofhouse_session=anything' },
      ];
      for (const headers of wrong) {
        const answer = await whoami(headers);
        expectProblem(answer, 401, 'unauthorized');
        expect(answer.headers['www-authenticate']).toBe('Bearer realm="proofhouse"');
      }
    });

    it('may not be sent twice', async () => {
      const lines = [`Authorization: Bearer ${worker.credential}`, `Authorization: Bearer ${wireAdmin}`];
      const answer = await sendRaw(
        await t.listen(),
        `GET ${experiment.path('/whoami')} HTTP/1.1\r\nHost: localhost\r\n${lines.join('\r\n')}\r\n\r\n`,
      );
      expectProblem(answer, 401, 'unauthorized');
    });

    it('of a session does not open /v0, which takes no cookie', async () => {
      const headers = { ...(await signedInPage(t)) };
      expect((await t.call('GET', '/api/experiments', { as: null, headers })).status).toBe(200);
      expectProblem(await whoami(headers), 401, 'unauthorized');
    });

    it('of a registration is a valid bearer on the queue, with and without its worker', async () => {
      for (const as of [worker.token, worker.credential]) {
        expect((await t.post('/api/queue/jobs/claim', { allowedTypes: ['codex_skill'] }, as)).status).toBe(200);
      }
    });

    it('of an unknown worker is looked up exactly as a wrong token is, and refused in the same words', async () => {
      const lookUps: string[] = [];
      const spies = (['workers', 'experiments', 'artifacts'] as const).flatMap((name) => {
        const part = t.server.store[name] as unknown as Record<string, (...of: unknown[]) => unknown>;
        return Object.getOwnPropertyNames(Object.getPrototypeOf(part))
          .filter((method) => method !== 'constructor' && typeof part[method] === 'function')
          .map((method) => {
            const real = part[method]!.bind(part);
            return vi.spyOn(part, method).mockImplementation((...of) => {
              lookUps.push(`${name}.${method}`);
              return real(...of);
            });
          });
      });
      onTestFinished(() => {
        for (const spy of spies) spy.mockRestore();
      });
      const refusal = async (credential: string): Promise<unknown> => {
        lookUps.length = 0;
        const { status, json, headers } = await whoami({ authorization: `Bearer ${credential}` });
        expect(status).toBe(401);
        return { lookUps: [...lookUps], json, challenge: headers['www-authenticate'] };
      };
      const otherToken = worker.token.slice(0, -1) + (worker.token.endsWith('x') ? 'y' : 'x');
      const wrongToken = await refusal(`${worker.id}:${otherToken}`);
      expect(wrongToken).toMatchObject({ lookUps: [expect.stringContaining('workers.')] });
      expect(await refusal(`wkr_00000000000000000000000000:${otherToken}`)).toEqual(wrongToken);
      expect(await refusal(`wkr_00000000000000000000000000:${worker.token}`)).toEqual(wrongToken);
      expect(await refusal('nobody:x')).toEqual(wrongToken);
    });

    it('is never written into a log', async () => {
      await whoami({ authorization: `Bearer ${worker.id}:${worker.token}` });
      await whoami({ authorization: `Bearer ${worker.id}:secret-that-is-wrong` });
      const log = t.logLines.join('');
      for (const secret of [worker.token, adminToken, 'secret-that-is-wrong']) expect(log).not.toContain(secret);
    });
  });

  describe('is decided in its order:', () => {
    it('401 comes before routing, also for unknown paths and methods', async () => {
      for (const [method, url] of [
        ['GET', '/v0'],
        ['GET', '/v0/'],
        ['GET', '/v0/nothing'],
        ['PATCH', '/v0/nothing'],
        ['OPTIONS', experiment.path('/artifacts')],
        ['TRACE', experiment.path('/artifacts')],
        ['PUT', experiment.path('/workers')],
        ['GET', experiment.path('/nothing')],
        ['GET', `/v0/experiments/${nowhere}/workers`],
        ['GET', '/v0/experiments/%zz/workers'],
        ['GET', '/v0/experiments/%E0%A4%A/workers'],
        ['GET', `/v0/experiments/${'e'.repeat(5000)}/workers`],
      ] as const) {
        for (const as of [null, 'admin:wrong']) expectProblem(await t.call(method, url, { as }), 401, 'unauthorized');
      }
    });

    const unknownBelow = [
      ['PUT', '/workers'],
      ['PATCH', '/artifacts'],
      ['OPTIONS', '/artifacts'],
      ['GET', '/nothing'],
      ['DELETE', ''],
      ['GET', '/workers/x/y/z'],
      ['GET', `/workers/${'w'.repeat(5000)}`],
    ] as const;

    it('404 is what unknown paths and methods are to those who have a credential and name the experiment', async () => {
      for (const as of [wireAdmin, worker.credential]) {
        for (const [method, url] of [
          ['GET', '/v0'],
          ['GET', '/v0/nothing?x=1'],
          ['PROPFIND', '/v0/nothing'],
          ['GET', '/v0/experiments'],
        ] as const) {
          expectProblem(await t.call(method, url, { as }), 404, 'not-found');
        }
        for (const [method, below] of unknownBelow) {
          expectProblem(await experiment.call(method, below, { as }), 404, 'not-found');
        }
      }
      expectProblem(await experiment.get('/workers/'), 404, 'not-found');
      const withBody = { as: wireAdmin, payload: 'text', headers: { 'content-type': 'text/plain' } };
      expectProblem(await t.call('POST', '/v0/nothing', withBody), 404, 'not-found');
    });

    it('an unknown path below an experiment is 400 when the header is missing, wrong, or of an unknown experiment', async () => {
      for (const [method, below] of unknownBelow) {
        for (const as of [wireAdmin, worker.credential]) {
          for (const named of [undefined, '', other.id, 'x'])
            expectProblem(
              await experiment.call(method, below, { as, headers: { 'x-eden-experiment-id': named } }),
              400,
              'experiment-id-mismatch',
            );
        }
        const headers = { 'x-eden-experiment-id': nowhere };
        const unknown = await t.call(method, `/v0/experiments/${nowhere}${below}`, { as: wireAdmin, headers });
        expectProblem(unknown, 400, 'experiment-id-mismatch');
      }
      const long = `/v0/experiments/${'e'.repeat(5000)}/workers`;
      expectProblem(await t.call('GET', long, { as: wireAdmin }), 400, 'experiment-id-mismatch');
    });

    it('a bad escape in the path is 400, in the query too', async () => {
      expectProblem(await t.call('GET', '/v0/experiments/%zz/workers', { as: wireAdmin }), 400, 'bad-request');
      expectProblem(await t.call('POST', '/v0/%E0%A4%A', { as: wireAdmin, payload: 'x' }), 400, 'bad-request');
      expectProblem(await experiment.get('/artifacts?uri=%zz'), 400, 'bad-request');
      expectProblem(await experiment.get('/artifacts?uri=%E0%A4'), 400, 'bad-request');
    });

    it.each(v0Rows)('%s: 401, then the experiment, then the class, then the object', async (_id, row) => {
      const url = (id: string): string =>
        row.path
          .replace('{experimentId}', id)
          .replace('{workerId}', 'wkr_00000000000000000000000000')
          .replace('{groupId}', 'grp_00000000000000000000000000')
          .replace('{memberId}', 'nobody');
      const ask = (id: string, as: string | null, named?: string): Promise<Answer> =>
        t.call(row.method, url(id), { as, headers: { 'x-eden-experiment-id': named } });
      expectProblem(await ask(nowhere, null), 401, 'unauthorized');
      expectProblem(await ask(other.id, worker.credential, other.id), 401, 'unauthorized');
      expectProblem(await ask(nowhere, worker.credential, nowhere), 401, 'unauthorized');
      expectProblem(await ask(nowhere, wireAdmin, nowhere), 400, 'experiment-id-mismatch');
      for (const named of [undefined, '', other.id, nowhere, ` ${other.id}`, experiment.id.toUpperCase()]) {
        expectProblem(await ask(experiment.id, wireAdmin, named), 400, 'experiment-id-mismatch');
        expectProblem(await ask(experiment.id, worker.credential, named), 400, 'experiment-id-mismatch');
      }
      if (row.action === 'experiment.administer' || row.action === 'credential.manage') {
        expectProblem(await ask(experiment.id, worker.credential, experiment.id), 403, 'forbidden');
      }
    });

    it('the experiment of the header must be there once', async () => {
      const twice = Array(2).fill(`X-Eden-Experiment-Id: ${experiment.id}`).join('\r\n');
      const answer = await sendRaw(
        await t.listen(),
        `GET ${experiment.path('/workers')} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${wireAdmin}\r\n${twice}\r\n\r\n`,
      );
      expectProblem(answer, 400, 'experiment-id-mismatch');
    });

    it('an experiment may have any 26 characters of the alphabet as its id', async () => {
      for (const first of ['8', 'z', 'a']) {
        const experimentId = `exp_${first}${t
          .unique('')
          .replace(/[^0-9a-hjkmnp-tv-z]/g, '')
          .padEnd(25, 'z')
          .slice(0, 25)}`;
        expect((await t.post('/api/experiments', { experimentId })).status).toBe(201);
        const headers = { 'x-eden-experiment-id': experimentId };
        const listed = await t.call('GET', `/v0/experiments/${experimentId}/workers`, { as: wireAdmin, headers });
        expect(listed).toMatchObject({ status: 200, json: { workers: [] } });
      }
      for (const wrong of ['exp_i', 'exp_l', 'exp_o', 'exp_u', 'exp_A', 'exp_']) {
        const experimentId = wrong.padEnd(30, '0');
        if (wrong !== 'exp_') expect((await t.post('/api/experiments', { experimentId })).status).toBe(422);
        expect((await t.post('/api/experiments', { experimentId: `${wrong}${'0'.repeat(24)}` })).status).toBe(422);
      }
    });

    it('an experiment that no id can be is only unknown', async () => {
      for (const id of ['x', '%00', "'", '%F0%9F%98%80', 'exp_', `${nowhere}0`]) {
        const named = decodeURIComponent(id).replace(/[^\x21-\x7e]/g, '');
        const answer = await t.call('GET', `/v0/experiments/${id}/workers`, {
          as: wireAdmin,
          headers: { 'x-eden-experiment-id': named },
        });
        expectProblem(answer, 400, 'experiment-id-mismatch');
      }
    });
  });

  describe('a refusal', () => {
    it('names the absolute URL of its request, whatever the client calls this server', async () => {
      const port = await t.listen();
      const target = `${experiment.path('/artifacts')}?uri=urn%3Ax%20y&b=1`;
      const answer = await t.call('GET', target, {
        as: wireAdmin,
        headers: { 'x-eden-experiment-id': experiment.id, host: 'LOCALHOST:1' },
      });
      expect(answer.json.instance).toBe(`http://127.0.0.1:${String(port)}${target}`);
    });

    it('has a URL that is one, and is not endless, whatever was asked for', async () => {
      for (const target of [
        '/v0/"<>\\^`{|}',
        `/v0/${'long'.repeat(2000)}`,
        '/v0/[x]?a=%25&b=é',
        '/v0/%zz',
        '/v0/a#b',
      ]) {
        const answer = await sendRaw(
          await t.listen(),
          Buffer.from(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`, 'latin1'),
        );
        const { instance } = answer.json as { instance: string };
        expect(instance).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v0\/(?:[\w.~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*$/);
        expect(instance.length).toBeLessThanOrEqual(2048);
      }
    });

    it('of a foreign Host or Origin is a problem of /v0 too', async () => {
      expectProblem(
        await whoami({ host: 'evil.example', authorization: `Bearer ${worker.credential}` }),
        403,
        'forbidden',
      );
      expectProblem(
        await whoami({ origin: 'https://evil.example', authorization: `Bearer ${worker.credential}` }),
        403,
        'forbidden',
      );
    });

    it('of a body says 400, or 413 when it is too large', async () => {
      const post = (payload: string, type = 'application/json'): Promise<Answer> =>
        experiment.call('POST', '/workers', { payload, headers: { 'content-type': type } });
      expectProblem(await post('{'), 400, 'bad-request');
      expectProblem(await post('{"__proto__": {"x": 1}}'), 400, 'bad-request');
      expectProblem(await post('{"name": "x", "token": "mine"}'), 400, 'bad-request');
      expectProblem(await post('{"worker_id": "wkr_mine"}'), 400, 'bad-request');
      expectProblem(await post('{"name": 1}'), 400, 'bad-request');
      expectProblem(await post('[]'), 400, 'bad-request');
      expectProblem(await post('name=x', 'application/x-www-form-urlencoded'), 400, 'bad-request');
      expectProblem(await post('{}', 'text/plain'), 400, 'bad-request');
      expectProblem(await post(`{"labels": ${'['.repeat(5000)}${']'.repeat(5000)}}`), 400, 'bad-request');
      expectProblem(await post(JSON.stringify({ name: 'x'.repeat(1024 * 1024) })), 413, 'payload-too-large');
    });

    it('of what is hardly HTTP is one of /v0 as far as its path is known', async () => {
      const port = await t.listen();
      const broken = await sendRaw(
        port,
        `GET ${experiment.path('/x')} HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n`,
      );
      expectProblem(broken, 400, 'bad-request');
      const huge = `GET ${experiment.path('/x')} HTTP/1.1\r\nHost: localhost\r\nX-Big: ${'x'.repeat(20_000)}\r\n\r\n`;
      expectProblem(await sendRaw(port, huge), 400, 'bad-request');
      const noHost = `GET ${experiment.path('/x')} HTTP/1.1\r\nAuthorization: Bearer ${wireAdmin}\r\n\r\n`;
      expectProblem(await sendRaw(port, noHost), 400, 'bad-request');
      const elsewhere = await sendRaw(port, 'GET /api/x HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n');
      expect(elsewhere).toMatchObject({ status: 400, json: { code: 'bad_request' } });
    });

    it('of /api stays one of /api', async () => {
      for (const url of ['/api/nothing', '/v00', '/v0x/experiments', '/api/v0/experiments', '/V0/experiments']) {
        expect((await t.get(url)).json).toMatchObject({ code: 'not_found', type: 'urn:proofhouse:error:not_found' });
      }
    });
  });

  describe('a request', () => {
    it('without a body may carry a content type', async () => {
      for (const type of ['application/json', 'application/json; charset=utf-8', 'text/plain']) {
        const headers = { 'content-type': type };
        expect((await experiment.call('GET', '/workers', { headers })).status).toBe(200);
        expect((await experiment.call('POST', '/workers', { headers })).status).toBe(200);
        expect((await experiment.call('POST', '/groups', { headers, payload: '' })).status).toBe(200);
        const groupId = await experiment.group();
        expect((await experiment.call('DELETE', `/groups/${groupId}`, { headers })).status).toBe(204);
      }
    });

    it('that succeeds is answered with JSON in UTF-8', async () => {
      for (const below of ['/workers', '/groups']) {
        expect((await experiment.get(below)).headers['content-type']).toBe('application/json; charset=utf-8');
      }
      expect((await whoami({}, worker.credential)).headers['content-type']).toBe('application/json; charset=utf-8');
    });

    it('may write its whole URL, and expect what nobody knows', async () => {
      const lines = head(`GET http://localhost${experiment.path('/whoami')} HTTP/1.1`, {
        Host: 'localhost',
        Authorization: `Bearer ${worker.credential}`,
        'X-Eden-Experiment-Id': experiment.id,
        Expect: 'wonders',
      });
      expect((await sendRaw(await t.listen(), lines)).json).toEqual({ worker_id: worker.id, name: 'one' });
    });

    it('with unknown parameters is refused', async () => {
      expectProblem(await experiment.get('/workers?names=x'), 400, 'bad-request');
      expectProblem(await experiment.get('/artifacts?uri=x&url=y'), 400, 'bad-request');
    });
  });
});

describe('below a base path and a public URL', () => {
  it('refusals name the public URL', async () => {
    const t = await startTestServer({ settings: { basePath: '/proof', publicUrl: 'https://example.org/proof' } });
    try {
      const answer = await t.get('/proof/v0/experiments/x/whoami?a=1', null);
      expectProblem(answer, 401, 'unauthorized');
      expect(answer.json.instance).toBe('https://example.org/proof/v0/experiments/x/whoami?a=1');
      expect((await t.get('/v0/experiments/x/whoami', null)).json.code).toBe('not_found');
    } finally {
      await t.close();
    }
  });
});

describe('with authentication disabled', () => {
  it('the caller is the admin, or the worker it names', async () => {
    const t = await startTestServer({ settings: { auth: 'disabled' } });
    try {
      const experiment = await WireExperiment.make(t);
      const other = await WireExperiment.make(t);
      const worker = await experiment.register({ name: 'one' });
      expect((await experiment.get('/workers', null)).status).toBe(200);
      expect((await experiment.get('/whoami', `${worker.id}:anything`)).json.worker_id).toBe(worker.id);
      expectProblem(await experiment.post('/workers', {}, `${worker.id}:anything`), 403, 'forbidden');
      expectProblem(await experiment.get('/whoami', null), 403, 'forbidden');
      expectProblem(await other.get('/whoami', `${worker.id}:anything`), 401, 'unauthorized');
      expectProblem(await experiment.get('/whoami', 'wkr_nobody:anything'), 401, 'unauthorized');
      expectProblem(await experiment.get('/whoami', 'anything'), 401, 'unauthorized');
    } finally {
      await t.close();
    }
  });
});
