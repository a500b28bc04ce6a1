// Tests worker tokens: their format, their rights, and how they become invalid.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { forEachStore } from './support/for-each-store.ts';
import { adminToken } from './support/test-server.ts';

const tokens = '/api/queue/workers/tokens';
const hour = 60 * 60 * 1000;

forEachStore('worker tokens', (harness, store) => {
  it('are shown once, with a prefix and more than 192 random bits, and kept as a hash only', async () => {
    const t = harness();
    const made = await t.post(tokens, { workerId: t.unique('worker'), description: 'the build machine' });
    expect(made.status).toBe(201);
    expect(made.json.token).toMatch(/^phw_[a-z2-7]{52}$/);
    expect(made.json.workerToken).toMatchObject({
      description: 'the build machine',
      allowedRepositories: null,
      allowedJobTypes: null,
      capabilities: null,
      createdBy: 'admin',
      expiresAt: null,
      revokedAt: null,
      lastUsedAt: null,
    });
    const listed = await t.get(tokens);
    expect(listed.text).not.toContain(made.json.token);
    const hash = createHash('sha256').update(made.json.token).digest('hex');
    expect(listed.text).not.toContain(hash);
    expect((await t.server.store.workers.findCredentialBySecret(hash))?.id).toBe(made.json.workerToken.id);
    if (store === 'sqlite') {
      const file = readFileSync(join(t.folder, 'proofhouse.db')).toString('latin1');
      const log = readFileSync(join(t.folder, 'proofhouse.db-wal')).toString('latin1');
      expect(file + log).not.toContain(made.json.token);
      expect(file + log).not.toContain(adminToken);
    }
  });

  it('work as bearer, as <workerId>:<secret>, and in both worker headers', async () => {
    const t = harness();
    const worker = await t.worker();
    const ways = [
      { authorization: `Bearer ${worker.token}` },
      { authorization: `bearer  ${worker.token}` },
      { authorization: `Bearer ${worker.id}:${worker.token}` },
      { 'x-worker-token': worker.token },
      { 'x-moonmind-worker-token': worker.token },
      { 'x-worker-token': worker.token, authorization: `Bearer ${worker.token}` },
    ];
    for (const headers of ways) {
      expect((await t.post('/api/queue/jobs/claim', {}, null, headers)).status).toBe(200);
    }
  });

  it('are refused with 401 in every other form', async () => {
    const t = harness();
    const worker = await t.worker();
    const other = await t.worker();
    const ways = [
      {},
      { authorization: '' },
      { authorization: 'Bearer' },
      { authorization: 'Bearer ' },
      { authorization: worker.token },
      { authorization: `Basic ${worker.token}` },
      { authorization: `Bearer ${worker.token}x` },
      { authorization: `Bearer ${worker.token.toUpperCase()}` },
      { authorization: `Bearer ${other.id}:${worker.token}` },
      { authorization: `Bearer admin:${worker.token}` },
      { authorization: `Bearer ${worker.id}:${adminToken}` },
      { authorization: `Bearer ${worker.token} ${worker.token}` },
      { 'x-worker-token': '' },
      { 'x-worker-token': ' ' },
      { 'x-worker-token': worker.token, authorization: `Bearer ${other.token}` },
      { 'x-worker-token': worker.token, 'x-moonmind-worker-token': other.token },
      { cookie: `token=${worker.token}` },
    ];
    for (const headers of ways) {
      const answer = await t.post('/api/queue/jobs/claim', {}, null, headers);
      expect({ headers, status: answer.status }).toEqual({ headers, status: 401 });
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
    }
    expect((await t.post(`/api/queue/jobs/claim?token=${worker.token}`, {}, null)).status).toBe(401);
  });

  it('end at their time, to the millisecond', async () => {
    const t = harness();
    const worker = await t.worker({ expiresAt: new Date(t.clock.now() + 1000).toISOString() });
    t.clock.advance(999);
    expect((await t.get('/api/queue/jobs', worker)).status).toBe(200);
    t.clock.advance(1);
    expect((await t.get('/api/queue/jobs', worker)).status).toBe(401);
  });

  it('end when they are revoked, at once, for good, and the lease with them', async () => {
    const t = harness();
    const { job, worker, lease } = await t.running();
    const revoked = await t.post(`${tokens}/${worker.tokenId}/revoke`);
    expect(revoked).toMatchObject({ status: 200, json: { revokedAt: new Date(t.clock.now()).toISOString() } });
    const headers = { 'proofhouse-lease': lease };
    expect((await t.post(`/api/queue/jobs/${job.id}/complete`, {}, worker, headers)).status).toBe(401);
    t.clock.advance(1000);
    expect((await t.post(`${tokens}/${worker.tokenId}/revoke`)).json.revokedAt).toBe(revoked.json.revokedAt);
  });

  it('of one worker are independent: revoking one leaves the other', async () => {
    const t = harness();
    const first = await t.worker();
    const second = await t.worker({ workerId: first.id });
    await t.post(`${tokens}/${first.tokenId}/revoke`);
    expect((await t.get('/api/queue/jobs', first)).status).toBe(401);
    expect((await t.get('/api/queue/jobs', second)).status).toBe(200);
  });

  it('remember when they were last used, at most once an hour', async () => {
    const t = harness();
    const worker = await t.worker();
    const lastUsed = async () =>
      (await t.get(`${tokens}?workerId=${worker.id}`)).json.items[0].lastUsedAt as string | null;
    const first = new Date(t.clock.now()).toISOString();
    await t.get('/api/queue/jobs', worker);
    expect(await lastUsed()).toBe(first);
    t.clock.advance(hour - 1);
    await t.get('/api/queue/jobs', worker);
    expect(await lastUsed()).toBe(first);
    t.clock.advance(1);
    await t.get('/api/queue/jobs', worker);
    expect(await lastUsed()).toBe(new Date(t.clock.now()).toISOString());
  });

  it('are listed newest first, by page and by worker', async () => {
    const t = harness();
    const worker = await t.worker();
    for (let count = 0; count < 3; count++) {
      t.clock.advance(1);
      await t.worker({ workerId: worker.id, description: String(count) });
    }
    const first = (await t.get(`${tokens}?workerId=${worker.id}&limit=2`)).json;
    const rest = (await t.get(`${tokens}?workerId=${worker.id}&limit=2&cursor=${first.nextCursor}`)).json;
    const descriptions = [...first.items, ...rest.items].map((item) => item.description);
    expect(descriptions).toEqual(['2', '1', '0', null]);
    expect(rest.nextCursor).toBeNull();
    expect((await t.get(`${tokens}?workerId=nobody`)).json).toEqual({ items: [], nextCursor: null });
    expect((await t.get(`${tokens}?workerId=%00`)).status).toBe(422);
  });

  it.each([
    [{}, 'workerId'],
    [{ workerId: '' }, 'workerId'],
    [{ workerId: 'a:b' }, 'workerId'],
    [{ workerId: 'admin' }, 'workerId'],
    [{ workerId: 'System' }, 'workerId'],
    [{ workerId: 'w', expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt'],
    [{ workerId: 'w', expiresAt: 'soon' }, 'expiresAt'],
    [{ workerId: 'w', expiresAt: '9999-12-31T23:59:59-12:00' }, 'expiresAt'],
    [{ workerId: 'w', allowedJobTypes: ['No Type'] }, 'allowedJobTypes.0'],
    [{ workerId: 'w', allowedJobTypes: ['exec', 'bogus'] }, 'allowedJobTypes.1'],
    [{ workerId: 'w', role: 'admin' }, 'role'],
  ])('refuse %j with 422 that names %s', async (json, path) => {
    expect(await harness().post(tokens, json)).toMatchObject({ status: 422, json: { errors: [{ path }] } });
  });

  it('that are unknown cannot be revoked: 404, also for what is no id', async () => {
    const t = harness();
    expect(await t.post(`${tokens}/00000000-0000-7000-8000-000000000000/revoke`)).toMatchObject({
      status: 404,
      json: { code: 'not_found' },
    });
    expect((await t.post(`${tokens}/nonsense/revoke`)).status).toBe(404);
  });
});
