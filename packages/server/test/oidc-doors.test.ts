// Tests tokens of an OpenID Connect provider at every door, on both stores and at two servers of one database. The claims of
// the tokens are tested in oidc-jwts.test.ts.
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { ManualClock } from '@proofhouse/server';
import { audience, OidcIssuer } from './support/oidc-issuer.ts';
import { startTestServer, type TestServer } from './support/test-server.ts';
import { WireExperiment } from './support/wire-experiment.ts';

describe.each(['sqlite', 'postgres'] as const)('a token of the provider, on %s', (store) => {
  const isMissing = store === 'postgres' && inject('postgresUrl') === undefined;
  let issuer: OidcIssuer;
  let one: TestServer;
  let two: TestServer;
  let count = 0;
  let subject: string;

  beforeAll(async () => {
    if (isMissing) return;
    vi.spyOn(console, 'warn').mockReturnValue();
    vi.spyOn(console, 'info').mockReturnValue();
    issuer = await OidcIssuer.start();
    const clock = new ManualClock(Date.now());
    const roles = ['admin', 'operator', 'read-only'] as const;
    const settings = {
      oidcIssuer: issuer.url,
      oidcAudience: audience,
      oidcRoleMap: new Map(roles.map((role) => [role, role])),
    };
    one = await startTestServer({ store, clock, settings });
    const { databaseUrl, blobUrl } = one.server.config;
    // A SQLite file has one server.
    two = store === 'sqlite' ? one : await startTestServer({ clock, settings: { ...settings, databaseUrl, blobUrl } });
    for (const server of [one, two]) await server.listen();
  });

  beforeEach(() => {
    count += 1;
    subject = `subject-${String(count)}`;
  });

  afterAll(async () => {
    if (isMissing) return;
    if (two !== one) await two.close();
    await one.close();
    await issuer.close();
  });

  const signed = (role: string, claims = {}) =>
    issuer.sign({ sub: subject, name: subject, roles: role, ...claims }, { now: one.clock.now() });
  const usersNamed = async (name: string) =>
    ((await one.get('/api/users?limit=200')).json.users as { id: string; name: string }[]).filter(
      (user) => user.name === name,
    );

  it.skipIf(isMissing)(
    'makes one user and one audit entry when two servers see its subject first at the same time',
    async () => {
      const token = await signed('operator');
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? one : two).get('/api/whoami', token)),
      );
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
      const [user, ...others] = await usersNamed(subject);
      expect(others).toEqual([]);
      expect(new Set(answers.map(({ json }) => json.id as string))).toEqual(new Set([user?.id]));
      const { items } = (await one.get(`/api/audit?target=user:${String(user?.id)}`)).json;
      expect(items).toMatchObject([{ actor: 'system', operation: 'createUser', outcome: 'done' }]);
    },
  );

  it.skipIf(isMissing)('is refused at every server as soon as its user is disabled', async () => {
    const token = await signed('operator');
    for (const server of [one, two]) expect((await server.get('/api/whoami', token)).status).toBe(200);
    const [user] = await usersNamed(subject);
    await one.call('PUT', `/api/users/${String(user?.id)}`, { json: { disabled: true } });
    for (const server of [two, one]) expect((await server.get('/api/whoami', token)).status).toBe(401);
  });

  it.skipIf(isMissing)('is accepted at /v0 behind the id of its user, and behind no other name', async () => {
    const experiment = await WireExperiment.make(one);
    const token = await signed('operator');
    const { id } = (await one.get('/api/whoami', token)).json as { id: string };
    const path = `/v0/experiments/${experiment.id}/workers`;
    const call = (as: string) => one.get(path, as, { 'x-eden-experiment-id': experiment.id });
    expect((await call(`${id}:${token}`)).status).toBe(200);
    for (const name of ['admin', 'somebody', (await usersNamed(subject))[0]?.name ?? '']) {
      expect((await call(`${name}:${token}`)).status).toBe(401);
    }
    expect((await one.get('/api/whoami', `${id}:${token}`)).status).toBe(200);
    expect((await one.get('/api/whoami', `somebody:${token}`)).status).toBe(401);
  });

  it.skipIf(isMissing)('is accepted at /mcp with the role of its claims', async () => {
    const json = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
    const headers = { accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2025-11-25' };
    const call = (as: string) => one.call('POST', '/mcp', { as, json, headers });
    expect((await call(await signed('read-only'))).status).toBe(200);
    expect((await call(`${await signed('read-only')}x`)).status).toBe(401);
  });

  it.skipIf(isMissing)('lends its rights to a download link no longer than it is valid itself', async () => {
    const job = await one.enqueue();
    const { json } = await one.put(job.id, { name: 'a.txt' });
    const path = `/api/artifacts/${json.id as string}/content`;
    const token = await signed('operator', { exp: Math.floor(one.clock.now() / 1000) + 60 });
    const made = await one.post('/api/tickets', { path, kind: 'preview' }, token);
    const read = () => one.get(`/${made.json.path as string}`, null);
    expect((await read()).status).toBe(200);
    one.clock.advance(120_000);
    expect((await read()).status).toBe(401);
  });

  it.skipIf(isMissing)('makes user tokens and sign-in links with the stored role only', async () => {
    const token = await signed('admin');
    const { id } = (await one.get('/api/whoami', token)).json as { id: string };
    const own = await one.post(`/api/users/${id}/tokens`, {}, token);
    expect((await one.get('/api/whoami', own.json.token as string)).json).toMatchObject({ id, role: 'read-only' });
    const link = await one.post('/api/session/links', {}, token);
    const code = new URLSearchParams(new URL(link.json.url as string).hash.slice(1)).get('code');
    const session = await one.call('POST', '/api/session', { as: null, json: { code } });
    const headers = {
      cookie: String(session.headers['set-cookie']).split(';', 1)[0],
      'proofhouse-page-secret': session.json.pageSecret as string,
    };
    expect((await one.get('/api/whoami', null, headers)).json).toMatchObject({ id, role: 'read-only' });
  });
});
