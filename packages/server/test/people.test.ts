// Tests users with their tokens, the pages that they sign in to, and brokers that act for them. role-matrix.test.ts tests
// which operations each role may call.
import Database from 'better-sqlite3';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { operations, type Operation, type OperationId } from '@proofhouse/core';
import { ManualClock } from '@proofhouse/server';
import { forAnyStore, forEachStore } from './support/for-each-store.ts';
import { operationSamples } from './support/operation-samples.ts';
import { signedInPage } from './support/page-session.ts';
import { disable, makeUser } from './support/test-user.ts';
import { adminToken, startTestServer, type Answer, type TestServer } from './support/test-server.ts';
import { WireExperiment } from './support/wire-experiment.ts';

const unknown = '00000000-0000-7000-8000-000000000000';

/** Returns the content of every table of the server's database, as text. */
async function tablesOf(t: TestServer): Promise<Map<string, string>> {
  const { databaseUrl } = t.server.config;
  if (!databaseUrl.startsWith('sqlite:')) return tablesOfPostgres(databaseUrl);
  const database = new Database(databaseUrl.slice('sqlite:'.length), { readonly: true });
  const names = database.prepare<[], string>("select name from sqlite_schema where type = 'table'").pluck().all();
  const rowsOf = (name: string): string => JSON.stringify(database.prepare(`select * from "${name}"`).all());
  const found = new Map(names.map((name) => [name, rowsOf(name)]));
  database.close();
  return found;
}

async function tablesOfPostgres(connectionString: string): Promise<Map<string, string>> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  const { rows } = await client.query<{ name: string }>(
    "select table_name as name from information_schema.tables where table_schema = 'public' order by 1",
  );
  const found = new Map<string, string>();
  for (const { name } of rows) {
    const content = await client.query<{ row: string }>(`select t::text as row from "${name}" t order by 1`);
    found.set(name, content.rows.map(({ row }) => row).join('\n'));
  }
  await client.end();
  return found;
}

forEachStore('a read-only user', (harness) => {
  it('changes nothing by any operation, except its own tokens and sign-in links', async () => {
    const t = harness();
    const experiment = await WireExperiment.make(t);
    const samples = operationSamples(t, experiment);
    const { id: userId, token } = await makeUser(t, 'read-only');
    for (const [id, row] of Object.entries(operations) as [OperationId, Operation][]) {
      if (row.response === 'sse') continue;
      const { path = {}, query = '', json, payload, headers } = await samples[id]();
      const given: Readonly<Record<string, string>> = { experimentId: experiment.id, ...path };
      const url = row.path.replaceAll(/\{\+?(\w+)\}/g, (_, name: string) => given[name] ?? '') + query;
      const frame = row.door === 'v0' ? { 'x-eden-experiment-id': experiment.id } : {};
      const body = json === undefined ? (payload === undefined ? {} : { payload }) : { json };
      // Writes the buffered times at which the workers of the sample were seen.
      await t.get('/api/queue/workers');
      const before = await tablesOf(t);
      const as = row.door === 'v0' ? `${userId}:${token}` : token;
      const answer = await t.call(row.method, url, { as, ...body, headers: { ...frame, ...headers } });
      expect([200, 201, 403], `${id}: ${answer.text}`).toContain(answer.status);
      const after = await tablesOf(t);
      const changed = [...after.keys()].filter((name) => after.get(name) !== before.get(name));
      expect([id, changed.toSorted()]).toEqual([
        id,
        id === 'createSignInLink' ? ['audit_entries', 'sign_in_codes'] : [],
      ]);
    }
  });

  it('manages its own tokens and those of nobody else', async () => {
    const t = harness();
    const user = await makeUser(t, 'read-only');
    const tokens = `/api/users/${user.id}/tokens`;
    const made = await t.post(tokens, { description: 'laptop' }, user.token);
    expect(made).toMatchObject({ status: 201, json: { userToken: { userId: user.id, createdBy: user.id } } });
    expect(made.json.token).toMatch(/^phu_[a-z2-7]{52}$/);
    expect((await t.get('/api/queue/jobs', made.json.token as string)).status).toBe(200);
    const listed = (await t.get(tokens, user.token)).json;
    expect(listed.userTokens.map(({ id }: { id: string }) => id)).toEqual([made.json.userToken.id, user.tokenId]);
    expect(JSON.stringify(listed)).not.toContain('phu_');
    const revoked = await t.post(`${tokens}/${made.json.userToken.id}/revoke`, {}, user.token);
    expect(revoked.json.userToken.revokedAt).toBe(new Date(t.clock.now()).toISOString());
    expect((await t.get('/api/queue/jobs', made.json.token as string)).status).toBe(401);
    expect((await t.post(tokens, { mayActFor: true }, user.token)).status).toBe(403);
    expect((await t.post(tokens, { mayActFor: false }, user.token)).status).toBe(201);
    const other = await makeUser(t, 'read-only');
    for (const where of [other.id, unknown, 'x']) {
      expect((await t.get(`/api/users/${where}/tokens`, user.token)).status).toBe(403);
      expect((await t.post(`/api/users/${where}/tokens`, {}, user.token)).status).toBe(403);
    }
    expect((await t.post(`${tokens}/${other.tokenId}/revoke`, {}, user.token)).status).toBe(404);
    expect((await t.post(`/api/users/${unknown}/tokens`)).json.code).toBe('user_not_found');
  });
});

forEachStore('a user who is disabled', (harness, store) => {
  it('is out at once at every server, with tokens, sessions and links, and stays out when enabled again', async () => {
    const t = harness();
    const { databaseUrl, blobUrl } = t.server.config;
    const second = store === 'sqlite' ? t : await startTestServer({ settings: { databaseUrl, blobUrl } });
    const servers = [t, second];
    for (let round = 0; round < 5; round++) {
      const user = await makeUser(t, 'operator');
      const person = { kind: 'operator', userId: user.id } as const;
      const sessions = [await signedInPage(t, {}, person), await signedInPage(second, {}, person)];
      const { code } = await t.server.signIn.newCode(person);
      let disabledAt = Infinity;
      let calls = 0;
      const wrong: string[] = [];
      const callers = servers.flatMap((server) =>
        [{ as: user.token }, ...sessions.map((headers) => ({ as: null, headers: { ...headers } }))].map(async (how) => {
          for (let left = 5; left > 0;) {
            const isLate = disabledAt !== Infinity;
            const { status } = await server.call('GET', '/api/queue/jobs?limit=1', how);
            calls += 1;
            if (isLate) left -= 1;
            if (status !== (isLate ? 401 : 200) && !(status === 401 && !isLate)) wrong.push(`${status} ${calls}`);
          }
        }),
      );
      while (calls < 20) await new Promise(setImmediate);
      await disable([t, second][round % 2]!, user.id);
      disabledAt = calls;
      await Promise.all(callers);
      expect(wrong).toEqual([]);
      await disable(t, user.id, false);
      for (const server of servers) {
        expect((await server.get('/api/whoami', user.token)).status).toBe(401);
        for (const session of sessions) {
          expect((await server.call('GET', '/api/whoami', { as: null, headers: { ...session } })).status).toBe(401);
        }
        expect((await server.call('POST', '/api/session', { as: null, json: { code } })).status).toBe(401);
      }
      const fresh = await t.post(`/api/users/${user.id}/tokens`);
      expect((await second.get('/api/whoami', fresh.json.token as string)).status).toBe(200);
      const { userTokens } = (await t.get(`/api/users/${user.id}/tokens`)).json;
      expect(userTokens.map(({ ended }: { ended: boolean }) => ended)).toEqual([false, true]);
    }
    if (second !== t) await second.close();
  });
});

describe('a session', () => {
  it('of a user or of the admin token survives a restart, and ends with the admin token that opened it', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'proofhouse-restart-'));
    const clock = new ManualClock();
    const start = (token = adminToken) =>
      startTestServer({ clock, settings: { dataDir, databaseUrl: `sqlite:${dataDir}/p.db`, adminToken: token } });
    const whoIs = async (t: TestServer, session: object): Promise<Answer> =>
      t.call('GET', '/api/whoami', { as: null, headers: { ...session } });
    const first = await start();
    const user = await makeUser(first, 'operator');
    const [ofAdmin, ofUser] = [
      await signedInPage(first),
      await signedInPage(first, {}, { kind: 'operator', userId: user.id }),
    ];
    const { code } = await first.server.signIn.newCode({ kind: 'admin' });
    await first.close();
    const second = await start();
    expect((await whoIs(second, ofAdmin)).json).toMatchObject({ kind: 'admin', id: 'admin', role: 'admin' });
    expect((await whoIs(second, ofUser)).json).toMatchObject({ kind: 'user', id: user.id, role: 'operator' });
    expect((await second.call('POST', '/api/session', { as: null, json: { code } })).status).toBe(200);
    await second.close();
    const third = await start('another-admin-token-of-the-tests');
    expect([(await whoIs(third, ofAdmin)).status, (await whoIs(third, ofUser)).status]).toEqual([401, 200]);
    await third.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
});

forAnyStore('users', (harness) => {
  let t: TestServer;
  beforeAll(() => {
    t = harness();
  });

  it('are made, listed, shown and changed by an admin, and say their name to whoami', async () => {
    const made = await t.post('/api/users', { name: ' Ada ', email: 'ada@example.com', role: 'read-only' });
    const { user } = made.json;
    expect(made).toMatchObject({ status: 201, json: { user: { name: 'Ada', version: 1, disabledAt: null } } });
    expect((await t.get(`/api/users/${user.id}`)).json).toEqual({ user });
    t.clock.advance(5);
    const changed = await t.call('PUT', `/api/users/${user.id}`, { json: { role: 'operator', email: null } });
    expect(changed.json.user).toEqual({
      ...user,
      ...{ role: 'operator', email: null, version: 2, updatedAt: new Date(t.clock.now()).toISOString() },
    });
    expect((await t.call('PUT', `/api/users/${user.id}`, { json: { role: 'operator' } })).json.user.version).toBe(2);
    const { users, nextCursor } = (await t.get('/api/users?limit=1')).json;
    expect([users, typeof nextCursor === 'string' || nextCursor === null]).toEqual([[changed.json.user], true]);
    const { token } = (await t.post(`/api/users/${user.id}/tokens`)).json;
    expect((await t.get('/api/whoami', token as string)).json).toMatchObject({
      ...{ kind: 'user', id: user.id, name: 'Ada', role: 'operator' },
    });
    for (const json of [
      { name: '', role: 'admin' },
      { name: 'x', role: 'worker' },
      { name: 'x', role: 'admin', email: 'no' },
      { name: 'x', role: 'operator', disabledAt: null },
      { name: 'x' },
    ]) {
      expect((await t.post('/api/users', json)).status).toBe(422);
    }
    expect((await t.call('PUT', `/api/users/${unknown}`, { json: {} })).json.code).toBe('user_not_found');
  });

  it('the last enabled admin can neither be disabled nor get another role', async () => {
    const own = await startTestServer();
    const [one, two] = [await makeUser(own, 'admin'), await makeUser(own, 'admin')];
    const put = (id: string, json: object) => own.call('PUT', `/api/users/${id}`, { json, as: two.token });
    expect((await put(one.id, { disabled: true })).status).toBe(200);
    for (const json of [{ disabled: true }, { role: 'operator' }, { role: 'read-only', disabled: true }]) {
      expect(await put(two.id, json)).toMatchObject({ status: 409, json: { code: 'last_admin' } });
    }
    expect((await put(two.id, { name: 'Still here' })).status).toBe(200);
    expect((await own.get('/api/users', two.token)).status).toBe(200);
    expect((await own.get('/api/users')).status).toBe(200);
    await own.close();
  });

  it('show as their id in what they make, and are told apart from a worker whose id has the same text', async () => {
    const user = await makeUser(t, 'operator');
    const job = (await t.post('/api/queue/jobs', { type: 'exec' }, user.token)).json;
    expect(job.createdBy).toBe(user.id);
    const cancelled = await t.post(`/api/queue/jobs/${job.id}/cancel`, {}, user.token);
    expect(cancelled.json.cancelRequestedBy).toBe(user.id);
    const other = await t.enqueue();
    const ofUser = (await t.put(other.id, { name: 'a.txt', as: user.token })).json;
    expect(ofUser.createdBy).toBe(user.id);

    const running = await t.running();
    const namesake = await t.worker({ workerId: user.id, canEnqueue: true });
    expect((await t.get(`/api/queue/jobs/${job.id}`, namesake)).status).toBe(403);
    expect((await t.get(`/api/artifacts/${ofUser.id}`, namesake)).status).toBe(403);
    const listed = async (as: Parameters<TestServer['get']>[1]) => {
      const { artifacts } = (await t.get(`/api/artifacts?createdBy=${user.id}`, as)).json;
      return artifacts.map(({ artifactId }: { artifactId: string }) => artifactId);
    };
    expect(await listed('admin')).toEqual([ofUser.id]);
    expect(await listed(user.token)).toEqual([ofUser.id]);
    expect(await listed(namesake)).toEqual([]);
    expect((await t.get('/api/queue/jobs', namesake)).json.items).toEqual([]);
    const { artifacts } = (await t.get(`/api/artifacts?createdBy=${running.worker.id}`)).json;
    expect(artifacts).toEqual([]);
    const made = await t.put(running.job.id, { name: 'b.txt', as: running.worker });
    expect((await t.get(`/api/artifacts?createdBy=${running.worker.id}`)).json.artifacts).toMatchObject([
      { artifactId: made.json.id, createdBy: running.worker.id },
    ]);
  });

  it('gain no role by a field of a body or by a header', async () => {
    const [admin, operator, reader] = [
      await makeUser(t, 'admin'),
      await makeUser(t, 'operator'),
      await makeUser(t, 'read-only'),
    ];
    const worker = await t.worker();
    const session = await signedInPage(t, {}, { kind: 'read-only', userId: reader.id });
    const broker = await makeUser(t, 'read-only', { mayActFor: true });
    const actor = { 'proofhouse-actor': admin.id };
    for (const as of ['admin', operator.token, reader.token, worker, `${operator.id}:${operator.token}`]) {
      const answer = await t.get('/api/whoami', as, actor);
      expect(answer, answer.text).toMatchObject({ status: 403, json: { code: 'forbidden' } });
    }
    expect((await t.call('GET', '/api/whoami', { as: null, headers: { ...session, ...actor } })).status).toBe(403);
    expect((await t.call('GET', '/api/whoami', { as: null, headers: actor })).status).toBe(401);
    const off = await makeUser(t, 'admin');
    await disable(t, off.id);
    for (const named of [off.id, unknown, 'admin', worker.id, '', `${admin.id}, ${admin.id}`]) {
      const headers = { 'proofhouse-actor': named };
      expect([named, (await t.get('/api/whoami', broker.token, headers)).status]).toEqual([named, 403]);
    }
    expect((await t.get('/api/whoami', broker.token, actor)).json).toMatchObject({ id: admin.id, role: 'read-only' });
    expect(
      (await t.call('POST', '/api/session', { as: null, json: { token: broker.token }, headers: actor })).status,
    ).toBe(403);
    for (const headers of [
      { 'x-role': 'admin' },
      { 'x-user': admin.id },
      { 'x-forwarded-user': admin.id },
      { 'proofhouse-role': 'admin' },
    ]) {
      expect((await t.get('/api/users', operator.token, headers)).status).toBe(403);
      expect((await t.post('/api/queue/jobs', { type: 'exec' }, reader.token, headers)).status).toBe(403);
    }
    for (const json of [{ role: 'admin' }, { userId: admin.id }, { kind: 'admin' }, { createdBy: 'admin' }]) {
      expect((await t.post('/api/queue/jobs', { type: 'exec', ...json }, operator.token)).status).toBe(422);
      expect((await t.post(`/api/users/${operator.id}/tokens`, json, operator.token)).status).toBe(422);
    }
    expect(
      (await t.call('PUT', `/api/users/${operator.id}`, { json: { role: 'admin' }, as: operator.token })).status,
    ).toBe(403);
  });

  it('sign in to the page with a token, until the token ends, and by a link that signs in as its maker', async () => {
    const user = await makeUser(t, 'read-only');
    const signIn = (json: object) => t.call('POST', '/api/session', { as: null, json });
    const headersOf = (answer: Answer) => ({
      cookie: String(answer.headers['set-cookie']).split(';', 1)[0]!,
      'proofhouse-page-secret': answer.json.pageSecret as string,
    });
    const session = headersOf(await signIn({ token: user.token }));
    const whoIs = (headers: Record<string, string>) => t.call('GET', '/api/whoami', { as: null, headers });
    expect((await whoIs(session)).json).toMatchObject({ kind: 'user', id: user.id, role: 'read-only' });
    const link = await t.post('/api/session/links', {}, user.token);
    const code = new URLSearchParams(new URL(link.json.url as string).hash.slice(1)).get('code')!;
    const byLink = headersOf(await signIn({ code }));
    expect((await whoIs(byLink)).json).toMatchObject({ id: user.id });
    await t.post(`/api/users/${user.id}/tokens/${user.tokenId}/revoke`);
    expect([(await whoIs(session)).status, (await whoIs(byLink)).status]).toEqual([401, 200]);
    const ofAdmin = await signedInPage(t);
    expect((await t.call('DELETE', '/api/session?all=true', { as: null, headers: byLink })).status).toBe(204);
    expect((await whoIs(byLink)).status).toBe(401);
    expect((await whoIs({ ...ofAdmin })).status).toBe(200);
  });
});
