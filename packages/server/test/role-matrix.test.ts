// Tests every operation with every kind of caller: over HTTP, as MCP tools, and with sessions of the web page. The expected
// results are data. An operation without a row does not compile.
import { beforeAll, expect, it } from 'vitest';
import {
  accessTable,
  may,
  operations,
  toolRows,
  type Operation,
  type OperationId,
  type Principal,
} from '@proofhouse/core';
import { forAnyStore } from './support/for-each-store.ts';
import { operationSamples, type Sample } from './support/operation-samples.ts';
import { signedInPage } from './support/page-session.ts';
import { disable, makeUser } from './support/test-user.ts';
import { adminToken, credential, type TestServer } from './support/test-server.ts';
import { WireExperiment } from './support/wire-experiment.ts';

/** The columns of the matrix. A queue worker has a worker token, a registered worker a registration token. */
const callers = ['admin token', 'admin', 'operator', 'read-only', 'queue worker', 'registered worker'] as const;
type CallerName = (typeof callers)[number];

/**
 * One character for each caller. `+`: allowed; the call may still fail for a reason that does not depend on the caller's
 * rights, such as a lease that it does not hold. `-`: denied for all records (403). `r`: denied for the record of the sample
 * (403), which belongs to another worker or user. `u`: not accepted as a credential (401).
 */
const matrix: Readonly<Record<OperationId, string>> = {
  createJob: '+++---',
  createJobs: '+++---',
  identify: '++++++',
  listJobs: '++++++',
  getJob: '++++rr',
  claimJob: '++--++',
  heartbeatJob: '++--++',
  completeJob: '++--++',
  failJob: '++--++',
  completeJobs: '++--++',
  cancelJob: '+++---',
  ackCancel: '++--++',
  retryJob: '+++---',
  cancelJobs: '+++---',
  retryJobs: '+++---',
  readDepth: '++++--',
  explainJob: '++++--',
  listWorkers: '++++--',
  appendEvents: '++--++',
  listEvents: '++++rr',
  streamEvents: '++++rr',
  streamHints: '++++--',
  uploadArtifact: '+++-++',
  putArtifact: '+++-++',
  listJobArtifacts: '++++++',
  downloadArtifact: '++++rr',
  excerptArtifact: '++++rr',
  createWorkerToken: '++----',
  listWorkerTokens: '++----',
  revokeWorkerToken: '++----',
  registerArtifact: '+++-++',
  uploadStandaloneArtifact: '+++-++',
  updateArtifact: '+++-rr',
  approveArtifact: '+++---',
  rejectArtifact: '+++---',
  reviewArtifacts: '+++---',
  archiveArtifact: '+++-rr',
  putArtifactArchive: '+++-rr',
  supersedeArtifact: '+++---',
  listArtifactHistory: '++++rr',
  listArtifacts: '++++rr',
  getArtifact: '++++rr',
  readArtifactContent: '++++rr',
  previewArtifact: '++++rr',
  pinArtifact: '+++---',
  unpinArtifact: '+++---',
  createSignInLink: '++++--',
  createTicket: '++++rr',
  createExperiment: '+++---',
  listExperiments: '++++--',
  listAudit: '+++---',
  storageUsage: '++++--',
  collectStorage: '++----',
  verifyStorage: '+++---',
  createUser: '++----',
  listUsers: '++----',
  getUser: '++----',
  updateUser: '++----',
  createUserToken: '++rr--',
  listUserTokens: '++rr--',
  revokeUserToken: '++rr--',
  registerWorker: '++--u-',
  listRegisteredWorkers: '++++u+',
  getRegisteredWorker: '++++u+',
  reissueCredential: '++--u-',
  whoami: 'rr--u+',
  createGroup: '+++-u-',
  listGroups: '++++u+',
  getGroup: '++++u+',
  addGroupMember: '+++-u-',
  removeGroupMember: '+++-u-',
  deleteGroup: '+++-u-',
  depositArtifact: '+++-u+',
  fetchArtifact: '++++ur',
  grantRead: '+++-ur',
};

const ids = Object.keys(matrix) as OperationId[];
const cellOf = (id: OperationId, caller: CallerName): string => matrix[id][callers.indexOf(caller)] ?? '';

/** The users of the pairs: a broker with the first role calls for a user with the second. The effective role is the third. */
const pairs = [
  ['admin', 'operator', 'operator'],
  ['operator', 'admin', 'operator'],
  ['operator', 'read-only', 'read-only'],
  ['read-only', 'operator', 'read-only'],
  ['admin', 'admin', 'admin'],
] as const;

/** True for operations that make or end credentials of the user. A broker must not call them for a user. */
const needsPerson = (id: OperationId): boolean => {
  const cells: readonly unknown[] = Object.values(accessTable[operations[id].action]).flat();
  return cells.includes('self') || cells.includes('in-person');
};

interface Call {
  readonly status: number;
  readonly code: string | undefined;
}

const expected = { '+': 'allowed', '-': 403, r: 403, u: 401 } as Readonly<Record<string, string | number>>;
const shown = ({ status }: Call): string | number => (status === 401 || status === 403 ? status : 'allowed');

forAnyStore('the matrix of roles and operations', (harness) => {
  let t: TestServer;
  let experiment: WireExperiment;
  let samples: ReturnType<typeof operationSamples>;
  /** The credentials of each caller: the token for /api, and the credential for /v0. */
  const tokens = {} as Record<CallerName, { readonly api: string; readonly v0: string }>;

  beforeAll(async () => {
    t = harness();
    experiment = await WireExperiment.make(t);
    samples = operationSamples(t, experiment);
    tokens['admin token'] = { api: adminToken, v0: `admin:${adminToken}` };
    for (const role of ['admin', 'operator', 'read-only'] as const) {
      const { id, token } = await makeUser(t, role);
      tokens[role] = { api: token, v0: `${id}:${token}` };
    }
    const worker = await t.worker();
    tokens['queue worker'] = { api: worker.token, v0: `${worker.id}:${worker.token}` };
    const registered = await experiment.register();
    tokens['registered worker'] = { api: registered.token, v0: registered.credential };
  });

  const urlOf = (row: Operation, { path = {}, query = '' }: Sample): string => {
    const given: Readonly<Record<string, string>> = { experimentId: experiment.id, ...path };
    return row.path.replaceAll(/\{\+?(\w+)\}/g, (_, name: string) => given[name] ?? '') + query;
  };

  /** Calls an operation with a new sample. Of an event stream only the beginning is read, because it does not end. */
  const call = async (id: OperationId, as: string | null, headers: object = {}): Promise<Call> => {
    const row: Operation = operations[id];
    const sample = await samples[id]();
    const frame = row.door === 'v0' ? { 'x-eden-experiment-id': experiment.id } : {};
    const all = { ...frame, ...sample.headers, ...headers } as Record<string, string>;
    if (row.response === 'sse') {
      const url = `http://127.0.0.1:${await t.listen()}${urlOf(row, sample)}`;
      const answer = await fetch(url, { headers: { ...credential(as), ...all } });
      await answer.body?.cancel();
      return { status: answer.status, code: undefined };
    }
    const { json, payload } = sample;
    const body = json === undefined ? (payload === undefined ? {} : { payload }) : { json };
    const answer = await t.call(row.method, urlOf(row, sample), { as, ...body, headers: all });
    return { status: answer.status, code: answer.json?.code as string | undefined };
  };

  const tokenFor = (id: OperationId, { api, v0 }: { readonly api: string; readonly v0: string }): string =>
    operations[id].door === 'v0' ? v0 : api;

  it.each(ids)('over HTTP: %s', async (id) => {
    for (const caller of callers) {
      const answer = await call(id, tokenFor(id, tokens[caller]));
      expect([caller, shown(answer)]).toEqual([caller, expected[cellOf(id, caller)]]);
    }
  });

  it('denies for all records exactly what the access table denies', () => {
    const principals: Readonly<Record<CallerName, Principal>> = {
      'admin token': { kind: 'admin' },
      admin: { kind: 'admin', userId: 'u' },
      operator: { kind: 'operator', userId: 'u' },
      'read-only': { kind: 'read-only', userId: 'u' },
      'queue worker': { kind: 'worker', workerId: 'w', policy: {} },
      'registered worker': {
        ...{ kind: 'worker', workerId: 'w', policy: {} },
        membership: { experimentId: 'e', groupIds: [], isAdmin: false },
      },
    };
    for (const id of ids) {
      expect(matrix[id], id).toMatch(/^[-+r]{4}[-+ru]{2}$/);
      const denied = callers.filter((caller) => cellOf(id, caller) === '-');
      const wanted = callers.filter(
        (caller) => cellOf(id, caller) !== 'u' && !may(principals[caller], operations[id].action),
      );
      expect([id, denied]).toEqual([id, wanted]);
    }
  });

  it.each(ids)('through the session of a page: %s', async (id) => {
    for (const caller of ['admin token', 'admin', 'operator', 'read-only'] as const) {
      const session = await pageOf(tokens[caller].api);
      const answer = await call(id, null, session);
      const wanted = operations[id].door === 'v0' ? 401 : expected[cellOf(id, caller)];
      expect([caller, shown(answer)]).toEqual([caller, wanted]);
    }
  });

  /** Signs a page in with a token, as a person does. */
  const pageOf = async (token: string): Promise<object> => {
    const answer = await t.call('POST', '/api/session', { as: null, json: { token } });
    expect(answer.status).toBe(200);
    return {
      cookie: String(answer.headers['set-cookie']).split(';', 1)[0],
      'proofhouse-page-secret': answer.json.pageSecret as string,
    };
  };

  /** Calls a tool with the arguments of a new sample. */
  const callTool = async ({ id, tool }: (typeof toolRows)[number], as: string, more: object = {}): Promise<Call> => {
    const sample = await samples[id]();
    const { 'proofhouse-lease': leaseId } = sample.headers ?? {};
    const args = {
      ...sample.path,
      ...(sample.json as object | undefined),
      ...(leaseId === undefined ? {} : { leaseId }),
    };
    const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool.tool, arguments: args } };
    const headers = { accept: 'application/json, text/event-stream', ...more };
    const { status, json } = await t.call('POST', '/mcp', { as, json: message, headers });
    if (status !== 200) return { status, code: undefined };
    const { isError, structuredContent } = json.result as { isError?: boolean; structuredContent: { status?: number } };
    return { status: isError === true ? (structuredContent.status ?? 0) : 200, code: undefined };
  };

  it('as an MCP tool: every tool', async () => {
    for (const each of toolRows) {
      for (const caller of callers) {
        const wanted = expected[cellOf(each.id, caller)];
        expect([each.id, caller, shown(await callTool(each, tokens[caller].api))]).toEqual([each.id, caller, wanted]);
      }
    }
  });

  it('as an MCP tool, by a broker and by credentials that have ended', async () => {
    const off = await makeUser(t, 'admin');
    await disable(t, off.id);
    for (const [broker, user, role] of pairs) {
      const acting = await makeUser(t, broker, { mayActFor: true });
      const headers = { 'proofhouse-actor': (await makeUser(t, user)).id };
      for (const each of toolRows) {
        const answer = await callTool(each, acting.token, headers);
        expect([each.id, shown(answer)]).toEqual([each.id, expected[cellOf(each.id, role)]]);
      }
      const [anyTool] = toolRows;
      expect((await callTool(anyTool!, acting.token, { 'proofhouse-actor': off.id })).status).toBe(403);
      expect((await callTool(anyTool!, tokens.operator.api, headers)).status).toBe(403);
    }
    for (const each of toolRows) expect([each.id, (await callTool(each, off.token)).status]).toEqual([each.id, 401]);
  });

  it('of credentials that have ended: every operation answers 401', async () => {
    const [off, revoked] = [await makeUser(t, 'admin'), await makeUser(t, 'admin')];
    const session = await signedInPage(t, {}, { kind: 'admin', userId: off.id });
    await disable(t, off.id);
    await t.post(`/api/users/${revoked.id}/tokens/${revoked.tokenId}/revoke`);
    const soon = new Date(t.clock.now() + 1000).toISOString();
    const expired = await makeUser(t, 'admin', { expiresAt: soon });
    t.clock.advance(1000);
    for (const id of ids) {
      for (const { id: userId, token } of [off, revoked, expired]) {
        expect([id, (await call(id, tokenFor(id, { api: token, v0: `${userId}:${token}` }))).status]).toEqual([
          id,
          401,
        ]);
      }
      expect([id, (await call(id, null, session)).status]).toEqual([id, 401]);
      expect([id, (await call(id, tokenFor(id, { api: 'phu_x', v0: `${off.id}:phu_x` }))).status]).toEqual([id, 401]);
    }
  });

  it.each(pairs)('a broker with the role %s that acts for the role %s has the role %s', async (broker, user, role) => {
    const acting = await makeUser(t, broker, { mayActFor: true });
    const actor = await makeUser(t, user);
    const headers = { 'proofhouse-actor': actor.id };
    for (const id of ids) {
      const as = tokenFor(id, { api: acting.token, v0: `${acting.id}:${acting.token}` });
      const cell = role !== 'admin' && needsPerson(id) ? '-' : cellOf(id, role);
      const isLink = id === 'createSignInLink' && role === 'admin';
      expect([id, shown(await call(id, as, headers))]).toEqual([id, isLink ? 403 : expected[cell]]);
    }
    const asked = await t.get('/api/whoami', acting.token, headers);
    expect(asked.json).toMatchObject({ kind: 'user', id: actor.id, role });
    const { json } = await t.post('/api/queue/jobs', { type: 'exec' }, acting.token, headers);
    if (role !== 'read-only') expect(json.createdBy).toBe(actor.id);
  });
});
