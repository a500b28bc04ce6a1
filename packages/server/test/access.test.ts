// Tests the access matrix of /api (common.md): each kind of caller calls each operation. wire-access.test.ts tests the
// access matrix of /v0.
import { expect, it } from 'vitest';
import { operations, type OperationId, type Operations } from '@proofhouse/core';
import { forAnyStore } from './support/for-each-store.ts';
import { fieldsAndFile, formBody, formType } from './support/form.ts';
import { credential, type Answer, type Caller, type CallOptions, type TestServer } from './support/test-server.ts';

const unknown = '00000000-0000-7000-8000-000000000000';

type ApiOperationId = { [Id in OperationId]: Operations[Id]['door'] extends 'api' ? Id : never }[OperationId];

interface Scene {
  readonly jobId: string;
  readonly artifactId: string;
  readonly tokenId: string;
  readonly userId: string;
  readonly userTokenId: string;
}

/** Returns a correct call of each operation, as its method, URL and options. */
function callsOf(scene: Scene): Record<ApiOperationId, [string, string, CallOptions]> {
  const { jobId, artifactId, tokenId, userId, userTokenId } = scene;
  const job = `/api/queue/jobs/${jobId}`;
  const tokens = '/api/queue/workers/tokens';
  const user = `/api/users/${userId}`;
  return {
    createJob: ['POST', '/api/queue/jobs', { json: { type: 'exec', requiredCapabilities: ['nobody-has-this'] } }],
    createJobs: [
      'POST',
      '/api/queue/jobs/batch',
      { json: { items: [{ type: 'exec', requiredCapabilities: ['nobody-has-this'] }] } },
    ],
    identify: ['GET', '/api/whoami', {}],
    listJobs: ['GET', '/api/queue/jobs', {}],
    getJob: ['GET', job, {}],
    claimJob: ['POST', '/api/queue/jobs/claim', { json: { allowedTypes: ['codex_skill'] } }],
    heartbeatJob: ['POST', `${job}/heartbeat`, { json: {} }],
    completeJob: ['POST', `${job}/complete`, { json: {} }],
    failJob: ['POST', `${job}/fail`, { json: { errorMessage: 'x' } }],
    completeJobs: ['POST', '/api/queue/jobs/complete-batch', { json: { items: [{ jobId, leaseId: 'no-lease' }] } }],
    cancelJob: ['POST', `${job}/cancel`, { json: {} }],
    ackCancel: ['POST', `${job}/cancel/ack`, { json: {} }],
    retryJob: ['POST', `${job}/retry`, { json: {} }],
    cancelJobs: ['POST', '/api/queue/jobs/cancel-batch', { json: { items: [{ jobId: 'none' }] } }],
    retryJobs: ['POST', '/api/queue/jobs/retry-batch', { json: { items: [{ jobId: 'none' }] } }],
    readDepth: ['GET', '/api/queue/depth', {}],
    explainJob: ['GET', `${job}/why`, {}],
    listWorkers: ['GET', '/api/queue/workers', {}],
    appendEvents: ['POST', `${job}/events`, { json: { message: 'half way' } }],
    listEvents: ['GET', `${job}/events`, {}],
    streamEvents: ['GET', `${job}/events/stream`, {}],
    streamHints: ['GET', '/api/queue/events/stream', {}],
    uploadArtifact: [
      'POST',
      `${job}/artifacts/upload`,
      { payload: formBody(fieldsAndFile({ name: 'form.txt' })), headers: { 'content-type': formType } },
    ],
    putArtifact: ['PUT', `${job}/artifacts/raw.txt`, { payload: 'bytes' }],
    listJobArtifacts: ['GET', `${job}/artifacts`, {}],
    downloadArtifact: ['GET', `${job}/artifacts/${artifactId}/download`, {}],
    excerptArtifact: ['GET', `${job}/artifacts/${artifactId}/excerpt`, {}],
    listAudit: ['GET', '/api/audit', {}],
    createWorkerToken: ['POST', tokens, { json: { workerId: 'made-by-the-matrix' } }],
    listWorkerTokens: ['GET', tokens, {}],
    revokeWorkerToken: ['POST', `${tokens}/${tokenId}/revoke`, { json: {} }],
    registerArtifact: [
      'POST',
      '/api/artifacts',
      { json: { type: 'external-link', title: 't', storageUri: 'https://h.example/a', jobId } },
    ],
    uploadStandaloneArtifact: [
      'POST',
      '/api/artifacts/upload',
      { payload: formBody(fieldsAndFile({})), headers: { 'content-type': formType } },
    ],
    updateArtifact: ['PUT', `/api/artifacts/${artifactId}`, { json: { title: 'another' } }],
    approveArtifact: ['POST', `/api/artifacts/${artifactId}/approve`, { json: {} }],
    rejectArtifact: ['POST', `/api/artifacts/${artifactId}/reject`, { json: {} }],
    reviewArtifacts: [
      'POST',
      '/api/artifacts/review',
      { json: { decision: 'reject', items: [{ artifactId, digest: null, expectedVersion: 1 }] } },
    ],
    archiveArtifact: ['POST', `/api/artifacts/${artifactId}/archive`, { json: {} }],
    putArtifactArchive: ['PUT', `/api/artifacts/${artifactId}/archive`, { json: {} }],
    supersedeArtifact: ['POST', `/api/artifacts/${artifactId}/supersede`, { json: { by: artifactId } }],
    listArtifactHistory: ['GET', `/api/artifacts/${artifactId}/history`, {}],
    listArtifacts: ['GET', `/api/artifacts?jobId=${jobId}`, {}],
    getArtifact: ['GET', `/api/artifacts/${artifactId}`, {}],
    readArtifactContent: ['GET', `/api/artifacts/${artifactId}/content`, {}],
    previewArtifact: ['GET', `/api/artifacts/${artifactId}/preview`, {}],
    pinArtifact: ['PUT', `/api/artifacts/${artifactId}/pin`, {}],
    unpinArtifact: ['DELETE', `/api/artifacts/${artifactId}/pin`, {}],
    createSignInLink: ['POST', '/api/session/links', { json: {} }],
    createTicket: ['POST', '/api/tickets', { json: { path: `${job}/artifacts/${artifactId}/download` } }],
    createExperiment: ['POST', '/api/experiments', { json: {} }],
    storageUsage: ['GET', '/api/storage/usage', {}],
    collectStorage: ['POST', '/api/storage/gc', { json: { dryRun: true } }],
    verifyStorage: ['POST', '/api/storage/verify', { json: {} }],
    listExperiments: ['GET', '/api/experiments', {}],
    createUser: ['POST', '/api/users', { json: { name: 'Ada', role: 'read-only' } }],
    listUsers: ['GET', '/api/users', {}],
    getUser: ['GET', user, {}],
    updateUser: ['PUT', user, { json: { name: 'Grace' } }],
    createUserToken: ['POST', `${user}/tokens`, { json: {} }],
    listUserTokens: ['GET', `${user}/tokens`, {}],
    revokeUserToken: ['POST', `${user}/tokens/${userTokenId}/revoke`, { json: {} }],
  };
}

async function call(
  t: TestServer,
  id: ApiOperationId,
  scene: Scene,
  as: Caller,
): Promise<Pick<Answer, 'status' | 'json'>> {
  const [method, url, options] = callsOf(scene)[id];
  return operations[id].response === 'sse' ? open(t, url, as) : t.call(method, url, { ...options, as });
}

/**
 * Calls an operation that answers with an event stream. Only the beginning of the answer is read, because the stream
 * does not end by itself.
 */
async function open(t: TestServer, url: string, as: Caller): Promise<Pick<Answer, 'status' | 'json'>> {
  const answer = await fetch(`http://127.0.0.1:${await t.listen()}${url}`, { headers: credential(as) });
  if (answer.status !== 200) return { status: answer.status, json: await answer.json() };
  await answer.body?.cancel();
  return { status: 200, json: undefined };
}

// The expected statuses of each operation for four callers: the admin, the worker that holds the job, another worker,
// and another worker that names unknown ids. If an operation is for workers, the admin must name a worker in
// `workerId`. These calls omit it, so the answer is 422.
const matrix: Record<ApiOperationId, [admin: number, holder: number, other: number, otherUnknown: number]> = {
  createJob: [201, 403, 403, 403],
  createJobs: [201, 403, 403, 403],
  identify: [200, 200, 200, 200],
  listJobs: [200, 200, 200, 200],
  getJob: [200, 200, 403, 404],
  claimJob: [422, 200, 200, 200],
  heartbeatJob: [422, 200, 409, 404],
  completeJob: [422, 200, 409, 404],
  failJob: [422, 200, 409, 404],
  completeJobs: [422, 200, 200, 200],
  cancelJob: [200, 403, 403, 403],
  ackCancel: [422, 409, 409, 404],
  retryJob: [409, 403, 403, 403],
  cancelJobs: [200, 403, 403, 403],
  retryJobs: [200, 403, 403, 403],
  readDepth: [200, 403, 403, 403],
  explainJob: [200, 403, 403, 403],
  listWorkers: [200, 403, 403, 403],
  appendEvents: [422, 201, 409, 404],
  listEvents: [200, 200, 403, 404],
  streamEvents: [200, 200, 403, 404],
  streamHints: [200, 403, 403, 403],
  uploadArtifact: [201, 201, 403, 404],
  putArtifact: [201, 201, 403, 404],
  listJobArtifacts: [200, 200, 200, 404],
  downloadArtifact: [200, 200, 403, 404],
  excerptArtifact: [200, 200, 403, 404],
  listAudit: [200, 403, 403, 403],
  createWorkerToken: [201, 403, 403, 403],
  listWorkerTokens: [200, 403, 403, 403],
  revokeWorkerToken: [200, 403, 403, 403],
  registerArtifact: [201, 201, 403, 404],
  uploadStandaloneArtifact: [201, 201, 201, 201],
  updateArtifact: [200, 403, 403, 404],
  approveArtifact: [200, 403, 403, 403],
  rejectArtifact: [200, 403, 403, 403],
  reviewArtifacts: [200, 403, 403, 403],
  archiveArtifact: [200, 403, 403, 404],
  putArtifactArchive: [200, 403, 403, 404],
  supersedeArtifact: [422, 403, 403, 403],
  listArtifactHistory: [200, 200, 403, 404],
  listArtifacts: [200, 200, 403, 403],
  getArtifact: [200, 200, 403, 404],
  readArtifactContent: [200, 200, 403, 404],
  previewArtifact: [200, 200, 403, 404],
  pinArtifact: [200, 403, 403, 403],
  unpinArtifact: [200, 403, 403, 403],
  createSignInLink: [201, 403, 403, 403],
  createTicket: [201, 201, 403, 404],
  createExperiment: [201, 403, 403, 403],
  storageUsage: [200, 403, 403, 403],
  collectStorage: [200, 403, 403, 403],
  verifyStorage: [200, 403, 403, 403],
  listExperiments: [200, 403, 403, 403],
  createUser: [201, 403, 403, 403],
  listUsers: [200, 403, 403, 403],
  getUser: [200, 403, 403, 403],
  updateUser: [200, 403, 403, 403],
  createUserToken: [201, 403, 403, 403],
  listUserTokens: [200, 403, 403, 403],
  revokeUserToken: [200, 403, 403, 403],
};

forAnyStore('access', (harness) => {
  const sceneOf = async () => {
    const t = harness();
    const running = await t.running();
    const { json } = await t.put(running.job.id, { name: 'made-by-the-admin.txt' });
    const { tokenId } = await t.worker();
    const userId = (await t.post('/api/users', { name: 'Ada', role: 'operator' })).json.user.id as string;
    const userTokenId = (await t.post(`/api/users/${userId}/tokens`)).json.userToken.id as string;
    const scene = { jobId: running.job.id, artifactId: json.id as string, tokenId, userId, userTokenId };
    return { ...running, scene };
  };
  const nowhere: Scene = {
    ...{ jobId: unknown, artifactId: unknown, tokenId: unknown },
    ...{ userId: unknown, userTokenId: unknown },
  };

  it.each(Object.keys(matrix) as ApiOperationId[])('%s', async (id) => {
    const t = harness();
    const { worker, scene } = await sceneOf();
    const other = await t.worker();
    const revoked = await t.worker();
    await t.post(`/api/queue/workers/tokens/${revoked.tokenId}/revoke`);
    const [admin, holder, notHolder, onUnknown] = matrix[id];

    for (const as of [null, 'phw_wrong', `admin:wrong`, revoked]) {
      for (const where of [scene, nowhere]) {
        expect(await call(t, id, where, as)).toMatchObject({ status: 401, json: { code: 'unauthenticated' } });
      }
    }
    expect((await call(t, id, scene, other)).status).toBe(notHolder);
    expect((await call(t, id, nowhere, other)).status).toBe(onUnknown);
    expect((await call(t, id, scene, worker)).status).toBe(holder);
    const fresh = await sceneOf();
    expect((await call(t, id, fresh.scene, 'admin')).status).toBe(admin);
  });

  it('a worker reads the artifacts of the job it holds and what it made itself, also after the job has ended', async () => {
    const t = harness();
    const { job, worker, lease, scene } = await sceneOf();
    const mine = await t.put(job.id, { name: 'mine.txt', as: worker });
    expect((await t.download({ jobId: job.id, id: scene.artifactId }, {}, worker)).status).toBe(200);
    await t.post(`/api/queue/jobs/${job.id}/complete`, {}, worker, { 'proofhouse-lease': lease });
    expect(await t.download({ jobId: job.id, id: scene.artifactId }, {}, worker)).toMatchObject({ status: 403 });
    expect((await t.download(mine.json, {}, worker)).status).toBe(200);
    const listed = await t.get(`/api/queue/jobs/${job.id}/artifacts`, worker);
    expect(listed.json.items.map((item: { id: string }) => item.id)).toEqual([mine.json.id]);
  });

  it('nobody gains a role by a field or a header', async () => {
    const t = harness();
    const worker = await t.worker();
    for (const headers of [{ 'x-role': 'admin' }, { 'x-forwarded-user': 'admin' }, { 'x-user': 'admin' }]) {
      expect((await t.get('/api/queue/workers/tokens', worker, headers)).status).toBe(403);
    }
    const asAdmin = await t.post('/api/queue/jobs/claim', { workerId: 'admin' }, worker);
    expect(asAdmin.json.code).toBe('worker_not_authorized');
  });
});
