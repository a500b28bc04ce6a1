import type { Principal } from './principal.ts';

/** Everything that can be asked of the server, by what it touches. */
export type Action =
  | 'job.create'
  | 'job.list'
  | 'job.read'
  | 'job.claim'
  | 'job.work'
  | 'job.decide'
  | 'job.follow'
  | 'job.explain'
  | 'worker.list'
  | 'metrics.read'
  | 'artifact.add'
  | 'artifact.list'
  | 'artifact.read'
  | 'credential.manage';

/** The part of a job that decides who may see it. */
export interface JobAccess {
  readonly kind: 'job';
  readonly status: string;
  readonly claimedBy: string | null;
}

/** The part of an artifact that decides who may see it; `job` is the job it belongs to, if any. */
export interface ArtifactAccess {
  readonly kind: 'artifact';
  readonly createdBy: string;
  readonly dataClass: string;
  readonly job: JobAccess | undefined;
}

export type AccessRecord = JobAccess | ArtifactAccess;

/**
 * The one rule of who may what, used by every door.
 *
 * Without a record it decides by class alone, before anything is looked up; with one it decides the
 * row. An answer for a class never says more than that a row might be allowed.
 */
export function may(principal: Principal, action: Action, record?: AccessRecord): boolean {
  switch (principal.kind) {
    case 'admin':
      return true;
    case 'operator':
      return action !== 'credential.manage' && action !== 'job.claim' && action !== 'job.work';
    case 'read-only':
      return readOnlyMay(action, record);
    case 'worker':
      return workerMay(principal.workerId, action, record);
  }
}

const readOnlyActions: readonly Action[] = [
  'job.list',
  'job.read',
  'job.follow',
  'worker.list',
  'artifact.list',
  'metrics.read',
];

function readOnlyMay(action: Action, record: AccessRecord | undefined): boolean {
  if (readOnlyActions.includes(action)) return true;
  if (action !== 'artifact.read') return false;
  return record?.kind !== 'artifact' || record.dataClass !== 'sensitive';
}

function workerMay(workerId: string, action: Action, record: AccessRecord | undefined): boolean {
  switch (action) {
    case 'job.create':
    case 'job.decide':
    case 'job.follow':
    case 'job.explain':
    case 'worker.list':
    case 'metrics.read':
    case 'credential.manage':
      return false;
    case 'job.claim':
    case 'job.list':
    case 'artifact.list':
    case 'job.work':
      return true;
    case 'artifact.add':
    case 'job.read':
      return record?.kind !== 'job' || holds(workerId, record);
    case 'artifact.read':
      return record?.kind !== 'artifact' || workerReads(workerId, record);
  }
}

// A worker sees what it made, and what every attempt of a job it holds left behind. A sensitive
// record stays with its maker: holding the job is no grant.
function workerReads(workerId: string, record: ArtifactAccess): boolean {
  if (record.createdBy === workerId) return true;
  if (record.dataClass === 'sensitive') return false;
  return record.job !== undefined && holds(workerId, record.job);
}

function holds(workerId: string, job: JobAccess): boolean {
  return job.status === 'running' && job.claimedBy === workerId;
}
