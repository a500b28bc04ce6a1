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
  | 'identity.read'
  | 'artifact.add'
  | 'artifact.list'
  | 'artifact.read'
  | 'artifact.deposit'
  | 'artifact.grant'
  | 'artifact.pin'
  | 'experiment.manage'
  | 'experiment.administer'
  | 'experiment.read'
  | 'experiment.self'
  | 'storage.manage'
  | 'credential.manage';

/** The part of a job that decides who may see it. */
export interface JobAccess {
  readonly kind: 'job';
  /** The worker that holds it now. */
  readonly heldBy: string | null;
  readonly createdBy: string;
}

/** The part of an artifact that decides who may see it; `job` is the job it belongs to, if any. */
export interface ArtifactAccess {
  readonly kind: 'artifact';
  readonly createdBy: string;
  readonly dataClass: string;
  readonly job: JobAccess | undefined;
  /** The experiment it was deposited in, if any. */
  readonly experimentId?: string | null | undefined;
  /** Workers and groups that were granted to read it; a group counts for what was deposited in its experiment. */
  readonly readers?: readonly string[] | undefined;
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
      return !notForOperators.includes(action);
    case 'read-only':
      return readOnlyMay(action, record);
    case 'worker':
      return workerMay(principal, action, record);
  }
}

// What acts as a worker is a worker's; what decides who comes in, and what is removed, is the admin's.
const notForOperators: readonly Action[] = [
  'credential.manage',
  'job.claim',
  'job.work',
  'artifact.deposit',
  'artifact.grant',
  'experiment.manage',
  'experiment.administer',
  'experiment.self',
  'storage.manage',
];

const readOnlyActions: readonly Action[] = [
  'job.list',
  'job.read',
  'job.follow',
  'worker.list',
  'artifact.list',
  'metrics.read',
  'identity.read',
];

function readOnlyMay(action: Action, record: AccessRecord | undefined): boolean {
  if (readOnlyActions.includes(action)) return true;
  if (action !== 'artifact.read') return false;
  return record?.kind !== 'artifact' || record.dataClass !== 'sensitive';
}

type WorkerPrincipal = Principal & { readonly kind: 'worker' };

function workerMay(worker: WorkerPrincipal, action: Action, record: AccessRecord | undefined): boolean {
  if (worker.policy.readMetrics === true) return action === 'metrics.read' || action === 'identity.read';
  switch (action) {
    case 'job.create':
      return worker.policy.canEnqueue === true;
    case 'job.decide':
    case 'job.follow':
    case 'job.explain':
    case 'worker.list':
    case 'metrics.read':
    case 'artifact.pin':
    case 'experiment.manage':
    case 'storage.manage':
    case 'credential.manage':
      return false;
    case 'identity.read':
    case 'job.claim':
    case 'job.list':
    case 'artifact.list':
    case 'job.work':
      return true;
    case 'experiment.read':
    case 'experiment.self':
    case 'artifact.deposit':
      return worker.membership !== undefined;
    case 'experiment.administer':
      return worker.membership?.isAdmin === true;
    case 'artifact.grant':
      return record?.kind !== 'artifact' || record.createdBy === worker.workerId || administers(worker, record);
    case 'artifact.add':
      return record?.kind !== 'job' || holds(worker.workerId, record);
    case 'job.read':
      return record?.kind !== 'job' || holds(worker.workerId, record) || record.createdBy === worker.workerId;
    case 'artifact.read':
      return record?.kind !== 'artifact' || workerReads(worker, record);
  }
}

// A worker sees what it made, what it was granted, and what every attempt of a job it holds left behind. A sensitive
// record stays with its maker and those it was granted to: holding the job is no grant.
function workerReads(worker: WorkerPrincipal, record: ArtifactAccess): boolean {
  if (record.createdBy === worker.workerId || administers(worker, record)) return true;
  const names = [worker.workerId, ...groupsIn(worker, record)];
  if (record.readers?.some((reader) => names.includes(reader)) === true) return true;
  if (record.dataClass === 'sensitive') return false;
  return record.job !== undefined && holds(worker.workerId, record.job);
}

/** Groups are of one experiment, and count for what was deposited there. */
function groupsIn({ membership }: WorkerPrincipal, { experimentId }: ArtifactAccess): readonly string[] {
  return membership?.experimentId === experimentId ? (membership?.groupIds ?? []) : [];
}

/** Admin-class in the experiment that the artifact was deposited in. */
function administers({ membership }: WorkerPrincipal, { experimentId }: ArtifactAccess): boolean {
  return membership?.isAdmin === true && membership.experimentId === experimentId;
}

function holds(workerId: string, job: JobAccess): boolean {
  return job.heldBy === workerId;
}
