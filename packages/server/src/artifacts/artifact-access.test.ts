import type { ArtifactRecord, JobRecord, Principal } from '@proofhouse/core';
import { expect, it } from 'vitest';
import { artifactAcl } from './artifact-access.ts';

const worker: Principal = { kind: 'worker', workerId: 'w', policy: {} };
const artifact = {
  id: 'a',
  createdBy: 'maker',
  dataClass: 'internal',
  jobId: 'job',
  experimentId: null,
} as Partial<ArtifactRecord> as ArtifactRecord;
const sensitive: ArtifactRecord = { ...artifact, dataClass: 'sensitive' };

/**
 * Returns the access rule of artifacts with fake stores, and a list of the reads of these stores. A read of a job adds
 * `job` to the list, and a read of grants adds `grants`.
 */
function watched(job: Partial<JobRecord>, readers: string[] = []) {
  const looked: string[] = [];
  const acl = artifactAcl({
    jobs: { require: async () => (looked.push('job'), { status: 'running', ...job } as JobRecord) },
    store: { readersOf: async () => (looked.push('grants'), readers) },
  });
  return { acl, looked };
}

it.each<[string, Principal, ArtifactRecord, boolean]>([
  ['the admin reads', { kind: 'admin' }, sensitive, true],
  ['an operator reads', { kind: 'operator', userId: 'o' }, sensitive, true],
  ['who only reads, reads', { kind: 'read-only', userId: 'r' }, artifact, true],
  ['who only reads, reads nothing sensitive', { kind: 'read-only', userId: 'r' }, sensitive, false],
  ['its maker reads', { ...worker, workerId: 'maker' }, sensitive, true],
])('%s, without any look-up', async (_what, principal, record, expected) => {
  const { acl, looked } = watched({ lastClaimedBy: 'w' }, ['w', 'r']);
  expect(await acl(principal, 'artifact.read', record)).toBe(expected);
  expect(looked).toEqual([]);
});

it('the holder of the job reads, without a look at grants', async () => {
  const { acl, looked } = watched({ lastClaimedBy: 'w' });
  expect(await acl(worker, 'artifact.read', artifact)).toBe(true);
  expect(looked).toEqual(['job']);
});

it('a job that is known already is not looked up again', async () => {
  const { acl, looked } = watched({ lastClaimedBy: 'w' });
  expect(await acl(worker, 'artifact.read', artifact, { kind: 'job', heldBy: 'x', createdBy: 'admin' })).toBe(false);
  expect(looked).toEqual(['grants']);
});

it('a grant lets its worker read what is sensitive, but lets nobody grant', async () => {
  const { acl } = watched({ lastClaimedBy: 'w' }, ['w']);
  expect(await acl(worker, 'artifact.read', sensitive)).toBe(true);
  expect(await acl(worker, 'artifact.grant', sensitive)).toBe(false);
  expect(await acl({ ...worker, workerId: 'maker' }, 'artifact.grant', sensitive)).toBe(true);
});
