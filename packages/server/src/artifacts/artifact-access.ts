import {
  holderOfJob,
  may,
  type ArtifactAccess,
  type ArtifactRecord,
  type JobAccess,
  type JobRecord,
  type Principal,
} from '@proofhouse/core';
import type { Jobs } from '../jobs/jobs.ts';
import type { ArtifactStore } from './artifact-store.ts';

/**
 * Decides whether a principal may read an artifact, or let others read it: the one rule of every door, and the one place
 * to put another. `job` is the artifact's job where the caller has read it already.
 */
export type ArtifactAcl = (
  principal: Principal,
  action: 'artifact.read' | 'artifact.grant',
  artifact: ArtifactRecord,
  job?: JobAccess,
) => Promise<boolean>;

/** The rule of `may`. What it needs is looked up only where the principal's class and the artifact's maker do not decide. */
export function artifactAcl({
  store,
  jobs,
}: {
  readonly store: Pick<ArtifactStore, 'readersOf'>;
  readonly jobs: Pick<Jobs, 'require'>;
}): ArtifactAcl {
  return async (principal, action, artifact, knownJob) => {
    const record: ArtifactAccess = {
      kind: 'artifact',
      createdBy: artifact.createdBy,
      dataClass: artifact.dataClass,
      experimentId: artifact.experimentId,
      job: knownJob,
    };
    if (may(principal, action, record)) return true;
    // Jobs and grants are of workers, and let them read alone.
    if (principal.kind !== 'worker' || action !== 'artifact.read') return false;
    if (knownJob === undefined && artifact.jobId !== null) {
      const job = jobAccess(await jobs.require(artifact.jobId));
      if (may(principal, action, { ...record, job })) return true;
    }
    const readers = await store.readersOf(artifact.id);
    return readers.length > 0 && may(principal, action, { ...record, readers });
  };
}

export function jobAccess(job: JobRecord): JobAccess {
  return { kind: 'job', heldBy: holderOfJob(job), createdBy: job.createdBy };
}
