// Tests the audit log over HTTP, MCP and /v0, on both stores: which calls leave an entry, and what the entry contains.
import { beforeAll, expect, it } from 'vitest';
import { operationIds, operations, type Operation, type OperationId } from '@proofhouse/core';
import { isAudited } from '../src/http/audited-handlers.ts';
import { forEachStore } from './support/for-each-store.ts';
import { operationSamples } from './support/operation-samples.ts';
import { makeUser } from './support/test-user.ts';
import { adminToken, type TestServer } from './support/test-server.ts';
import { WireExperiment } from './support/wire-experiment.ts';

/** Operations that are not GET and have no entry (common.md, "Settled"). */
const unaudited: readonly OperationId[] = [
  'ackCancel',
  'appendEvents',
  'claimJob',
  'completeJob',
  'completeJobs',
  'createJob',
  'createJobs',
  'createTicket',
  'depositArtifact',
  'failJob',
  'heartbeatJob',
  'putArtifact',
  'uploadArtifact',
  'uploadStandaloneArtifact',
];

interface Entry {
  readonly id: string;
  readonly operation: string;
  readonly target: string | null;
  readonly outcome: string;
}

it('every operation that changes something is audited, except the listed ones', () => {
  const rows = operationIds.filter((id) => operations[id].method !== 'GET');
  expect(rows.filter((id) => !isAudited(id)).toSorted()).toEqual(unaudited);
  expect(operationIds.filter((id) => isAudited(id) && operations[id].method === 'GET')).toEqual([]);
});

forEachStore('the audit log', (harness) => {
  let t: TestServer;
  let experiment: WireExperiment;
  let samples: ReturnType<typeof operationSamples>;

  beforeAll(async () => {
    t = harness();
    experiment = await WireExperiment.make(t);
    samples = operationSamples(t, experiment);
  });

  const entries = async (query = ''): Promise<Entry[]> =>
    (await t.get(`/api/audit?limit=200${query}`)).json.items as Entry[];
  const newest = async (): Promise<Entry[]> => (await entries()).toReversed();
  /** Returns the entries that `work` adds. */
  const addedBy = async (work: () => Promise<unknown>): Promise<Entry[]> => {
    const before = new Set((await newest()).map(({ id }) => id));
    await work();
    return (await newest()).filter(({ id }) => !before.has(id));
  };

  /** Returns a function that calls an operation with a new sample. */
  const callOf = async (id: OperationId) => {
    const row: Operation = operations[id];
    const { path = {}, query = '', json, payload, headers, as } = await samples[id]();
    const given: Readonly<Record<string, string>> = { experimentId: experiment.id, ...path };
    const url = row.path.replaceAll(/\{\+?(\w+)\}/g, (_, name: string) => given[name] ?? '') + query;
    const frame = row.door === 'v0' ? { 'x-eden-experiment-id': experiment.id } : {};
    const body = json === undefined ? (payload === undefined ? {} : { payload }) : { json };
    const who = as ?? (row.door === 'v0' ? `admin:${adminToken}` : adminToken);
    return () => t.call(row.method, url, { as: who, ...body, headers: { ...frame, ...headers } });
  };

  const changing = operationIds.filter((id) => operations[id].method !== 'GET');

  it.each(changing)('has exactly one entry for a successful call of an audited operation: %s', async (id) => {
    const call = await callOf(id);
    const added = await addedBy(async () => {
      expect([200, 201, 204]).toContain((await call()).status);
    });
    expect(added.map(({ operation }) => operation)).toEqual(isAudited(id) ? [id] : []);
  });

  it('has no entry for a refused call', async () => {
    const added = await addedBy(async () => {
      for (const { method, path } of changing.filter(isAudited).map((id) => operations[id])) {
        const url = path.replaceAll(/\{\+?(\w+)\}/g, (_, name: string) =>
          name === 'experimentId' ? experiment.id : 'x',
        );
        expect((await t.call(method, url, { as: 'phw_unknown', json: {} })).status).toBe(401);
      }
      expect((await t.post('/api/users', { name: 'Ada', role: 'owner' })).status).toBe(422);
      expect((await t.call('PUT', `/api/users/${experiment.id}`, { json: { name: 'Ada' } })).status).toBe(404);
    });
    expect(added).toEqual([]);
  });

  it('names the caller, the target, the address and the listed fields, and never a token', async () => {
    const { id: userId, token } = await makeUser(t, 'admin');
    const added = await addedBy(async () => {
      const made = await t.post('/api/users', { name: 'Grace', role: 'read-only' }, token);
      const id = made.json.user.id as string;
      await t.call('PUT', `/api/users/${id}`, { as: token, json: { role: 'operator', disabled: true } });
      await t.call('PUT', `/api/users/${id}`, { as: token, json: { disabled: false } });
      await t.post(`/api/users/${id}/tokens`, { description: 'laptop' }, token);
    });
    const target = added[0]!.target!;
    expect(target).toMatch(/^user:/);
    expect(added).toMatchObject([
      { operation: 'createUser', actor: userId, detail: { given: { role: 'read-only' }, created: [target] } },
      { operation: 'updateUser', target, detail: { given: { role: 'operator', disabled: true } } },
      { operation: 'updateUser', target, detail: { given: { disabled: false } } },
      { operation: 'createUserToken', target, detail: { created: [expect.stringMatching(/^user-token:/)] } },
    ]);
    for (const entry of added) expect(entry).toMatchObject({ outcome: 'done', remote: '127.0.0.1' });
    expect(JSON.stringify(await entries())).not.toContain('phu_');
    expect((await entries(`&target=${target}`)).map(({ operation }) => operation)).toEqual(
      added.map(({ operation }) => operation).toReversed(),
    );
  });

  it('names the broker as the actor, and the user on whose behalf it called', async () => {
    const { id } = await makeUser(t, 'operator');
    const broker = await makeUser(t, 'admin');
    const tokens = `/api/users/${broker.id}/tokens`;
    const { token } = (await t.post(tokens, { mayActFor: true })).json as { token: string };
    const job = await t.enqueue();
    const added = await addedBy(() =>
      t.call('POST', `/api/queue/jobs/${job.id}/cancel`, { as: token, headers: { 'proofhouse-actor': id }, json: {} }),
    );
    expect(added).toMatchObject([
      { operation: 'cancelJob', actor: broker.id, onBehalfOf: id, target: `job:${job.id}` },
    ]);
  });

  it('says `unchanged` for a call that had nothing to change, and has none for one that conflicts', async () => {
    const job = await t.enqueue();
    const cancel = () => t.post(`/api/queue/jobs/${job.id}/cancel`);
    const added = await addedBy(async () => {
      await cancel();
      await cancel();
      expect((await t.post(`/api/queue/jobs/${(await t.enqueue()).id}/retry`)).status).toBe(409);
    });
    expect(added.map(({ operation, outcome }) => [operation, outcome])).toEqual([
      ['cancelJob', 'done'],
      ['cancelJob', 'unchanged'],
    ]);
  });

  it('has one entry for a group that needs several commits', async () => {
    const members = Array.from({ length: 250 }, (_, at) => `wkr_${String(at).padStart(26, '0')}`);
    const added = await addedBy(async () => {
      const url = `/v0/experiments/${experiment.id}/groups`;
      const headers = { 'x-eden-experiment-id': experiment.id };
      expect((await t.call('POST', url, { as: `admin:${adminToken}`, json: { members }, headers })).status).toBe(200);
    });
    expect(added).toMatchObject([{ operation: 'createGroup', outcome: 'done' }]);
  });

  it('is paged, newest first, and readable by operators and admins only', async () => {
    const all: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { json } = await t.get(`/api/audit?limit=7${cursor === '' ? '' : `&cursor=${cursor}`}`);
      all.push(...(json.items as Entry[]).map(({ id }) => id));
      cursor = json.nextCursor as string | null;
    }
    expect(new Set(all).size).toBe(all.length);
    expect(all.slice(0, 200)).toEqual((await entries()).map(({ id }) => id));
    expect((await t.get('/api/audit?cursor=zzz')).json.code).toBe('invalid_cursor');
    for (const [role, status] of [
      ['operator', 200],
      ['read-only', 403],
    ] as const) {
      expect((await t.get('/api/audit', (await makeUser(t, role)).token)).status).toBe(status);
    }
  });
});
