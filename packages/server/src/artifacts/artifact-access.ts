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
 * Decides whether a principal may read an artifact, and whether it may grant other principals read access to it. This
 * is the only access rule for artifacts; the HTTP API, /v0 and MCP use it. `job` is the job of the artifact. Without
 * it, the rule reads the job itself when it needs it.
 */
export type ArtifactAcl = (
  principal: Principal,
  action: 'artifact.read' | 'artifact.grant',
  artifact: ArtifactRecord,
  job?: JobAccess,
) => Promise<boolean>;

/**
 * Returns an access rule that applies `may` (the access table of core). It reads the job and the grants of the artifact
 * only if the principal and the creator of the artifact do not already allow the access.
 */
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
    // A job or a grant gives access only to workers, and only for reading an artifact.
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
