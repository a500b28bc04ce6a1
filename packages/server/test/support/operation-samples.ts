import type { OperationId } from '@proofhouse/core';
import { fieldsAndFile, formBody, formType } from './form.ts';
import type { CallOptions, TestServer } from './test-server.ts';
import type { WireExperiment } from './wire-experiment.ts';

/** The values of a call that succeeds. */
export interface Sample {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly json?: unknown;
  readonly payload?: Buffer;
  readonly as?: CallOptions['as'];
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Returns a function for each operation. The function creates the values of a call that succeeds. The code does not
 * compile if an operation is missing.
 */
export function operationSamples(
  t: TestServer,
  experiment: WireExperiment,
): Readonly<Record<OperationId, () => Sample | Promise<Sample>>> {
  const running = async (json?: unknown): Promise<Sample> => {
    const { job, worker, lease } = await t.running();
    return { path: { jobId: job.id }, as: worker, headers: { 'proofhouse-lease': lease }, json };
  };
  const queued = async (): Promise<Sample> => ({ path: { jobId: (await t.enqueue()).id } });
  const failed = async () => {
    const { job, worker, lease } = await t.running();
    await t.post(`/api/queue/jobs/${job.id}/fail`, { errorMessage: 'no disk' }, worker, { 'proofhouse-lease': lease });
    return job;
  };
  const uploaded = async () => (await t.put((await t.enqueue()).id, { name: 'a.txt', file: 'bytes' })).json;
  const ofArtifact = async (): Promise<Sample> => {
    const { id, jobId } = await uploaded();
    return { path: { jobId, artifactId: id } };
  };
  const upload = (): Buffer => formBody(fieldsAndFile({ name: 'a/b.txt' }, 'bytes'));
  const nothing = (): Sample => ({});
  const ofWorker = async (): Promise<Sample> => ({ path: { workerId: (await experiment.register()).id } });
  const ofGroup = async (json?: unknown): Promise<Sample> => ({ path: { groupId: await experiment.group() }, json });

  const ofUser = async (): Promise<Sample> => {
    const { json } = await t.post('/api/users', { name: 'Ada', role: 'operator' });
    return { path: { userId: json.user.id } };
  };
  return {
    createJob: () => ({ json: { type: 'exec' } }),
    createJobs: () => ({ json: { items: [{ type: 'exec' }] } }),
    identify: nothing,
    listJobs: nothing,
    getJob: queued,
    claimJob: async () => ({ as: await t.worker(), json: {} }),
    heartbeatJob: () => running(),
    completeJob: () => running(),
    failJob: () => running({ errorMessage: 'no disk' }),
    completeJobs: async () => ({ as: await t.worker(), json: { items: [{ jobId: 'none', leaseId: 'none' }] } }),
    cancelJob: queued,
    ackCancel: async () => {
      const sample = await running();
      await t.post(`/api/queue/jobs/${sample.path?.['jobId'] ?? ''}/cancel`);
      return sample;
    },
    retryJob: async () => ({ path: { jobId: (await failed()).id } }),
    cancelJobs: async () => ({ json: { items: [{ jobId: (await t.enqueue()).id }] } }),
    retryJobs: async () => ({ json: { items: [{ jobId: (await failed()).id }] } }),
    readDepth: nothing,
    explainJob: queued,
    listWorkers: nothing,
    appendEvents: () => running({ message: 'half way' }),
    listEvents: queued,
    streamEvents: queued,
    streamHints: nothing,
    uploadArtifact: async () => ({ ...(await queued()), payload: upload(), headers: { 'content-type': formType } }),
    putArtifact: async () => ({ path: { ...(await queued()).path, name: 'a/b.txt' }, payload: Buffer.from('bytes') }),
    listJobArtifacts: queued,
    downloadArtifact: ofArtifact,
    excerptArtifact: ofArtifact,
    createWorkerToken: () => ({ json: { workerId: t.unique('worker') } }),
    listWorkerTokens: nothing,
    revokeWorkerToken: async () => ({ path: { tokenId: (await t.worker()).tokenId } }),
    registerArtifact: () => ({ json: { type: 'external-link', title: 't', storageUri: 'https://h.example/a' } }),
    uploadStandaloneArtifact: () => ({
      payload: formBody([{ name: 'file', value: 'bytes' }]),
      headers: { 'content-type': formType },
    }),
    updateArtifact: async () => ({ ...(await ofArtifact()), json: { title: 'another' } }),
    approveArtifact: ofArtifact,
    rejectArtifact: ofArtifact,
    reviewArtifacts: async () => {
      const { id: artifactId, digest } = await uploaded();
      return { json: { decision: 'approve', items: [{ artifactId, digest, expectedVersion: 1 }] } };
    },
    archiveArtifact: ofArtifact,
    putArtifactArchive: ofArtifact,
    supersedeArtifact: async () => {
      const sample = await ofArtifact();
      await t.post(`/api/artifacts/${sample.path?.['artifactId'] ?? ''}/approve`);
      return { ...sample, json: { by: (await uploaded()).id as string } };
    },
    listArtifactHistory: ofArtifact,
    listArtifacts: nothing,
    getArtifact: ofArtifact,
    readArtifactContent: ofArtifact,
    previewArtifact: ofArtifact,
    pinArtifact: ofArtifact,
    unpinArtifact: ofArtifact,
    createSignInLink: nothing,
    createTicket: async () => {
      const { id, jobId } = await uploaded();
      return { json: { path: `/api/queue/jobs/${jobId}/artifacts/${id}/download` } };
    },
    createExperiment: nothing,
    listExperiments: nothing,
    listAudit: nothing,
    storageUsage: nothing,
    collectStorage: nothing,
    verifyStorage: nothing,
    createUser: () => ({ json: { name: 'Ada', role: 'operator' } }),
    listUsers: nothing,
    getUser: ofUser,
    updateUser: async () => ({ ...(await ofUser()), json: { name: 'Grace', email: 'grace@example.com' } }),
    createUserToken: ofUser,
    listUserTokens: ofUser,
    revokeUserToken: async () => {
      const { path } = await ofUser();
      const { json } = await t.post(`/api/users/${path?.['userId'] ?? ''}/tokens`);
      return { path: { ...path, tokenId: json.userToken.id } };
    },
    registerWorker: nothing,
    listRegisteredWorkers: nothing,
    getRegisteredWorker: ofWorker,
    reissueCredential: ofWorker,
    whoami: async () => ({ as: (await experiment.register()).credential }),
    createGroup: nothing,
    listGroups: nothing,
    getGroup: () => ofGroup(),
    addGroupMember: () => ofGroup({ member_id: 'wkr_00000000000000000000000000' }),
    removeGroupMember: async () => {
      const sample = await ofGroup();
      return { path: { ...sample.path, memberId: 'wkr_somebody' } };
    },
    deleteGroup: () => ofGroup(),
    depositArtifact: () => ({
      payload: formBody([{ name: 'file', value: 'bytes' }]),
      headers: { 'content-type': formType },
    }),
    fetchArtifact: async () => ({ query: `?uri=${encodeURIComponent((await experiment.deposit()).artifacts_uri)}` }),
    grantRead: async () => ({ json: { uri: (await experiment.deposit()).artifacts_uri, reader: 'admins' } }),
  };
}
