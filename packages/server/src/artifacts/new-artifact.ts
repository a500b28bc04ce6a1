import {
  actorOf,
  type ArtifactRecord,
  type ArtifactType,
  type OwnedContent,
  type PointerContent,
  type Principal,
  type Producer,
  type SecretFindings,
  type SourceType,
  type StorageProvider,
} from '@proofhouse/core';
import type { Ids } from '../kernel/ids.ts';
import type { Clock } from '../kernel/time/clock.ts';

/** The content of a new artifact, and the storage provider that stores its bytes. */
export interface StoredContent<Content = OwnedContent | PointerContent> {
  readonly content: Content;
  readonly storageProvider: StorageProvider;
}

/** The fields of a new artifact that depend on the kind of upload: to a job, or a deposit in an experiment. */
export interface ArtifactTraits extends StoredContent {
  /** The uploading principal, from which `createdBy` and `producedBy` are derived. */
  readonly principal: Principal;
  readonly sourceType: SourceType;
  readonly type: ArtifactType;
  readonly title: string;
  readonly filename: string | null;
  readonly contentType: string | null;
  readonly jobId?: string;
  readonly name?: string;
  readonly experimentId?: string;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** Secrets that were found in the upload. Default: null (none). */
  readonly findings?: SecretFindings | null;
}

/** Returns the record of a new artifact, for every kind of upload: a draft of the data class `internal`, at version 1. */
export function newArtifact(
  traits: ArtifactTraits,
  { clock, ids }: { readonly clock: Pick<Clock, 'now'>; readonly ids: Pick<Ids, 'uuid' | 'artifactUri'> },
): ArtifactRecord {
  const now = clock.now();
  return {
    id: ids.uuid(),
    uri: ids.artifactUri(),
    type: traits.type,
    title: traits.title,
    description: null,
    status: 'draft',
    storageProvider: traits.storageProvider,
    filename: traits.filename,
    contentType: traits.contentType,
    content: traits.content,
    dataClass: 'internal',
    visibility: 'internal',
    sourceType: traits.sourceType,
    producedBy: producerOf(traits.principal),
    jobId: traits.jobId ?? null,
    name: traits.name ?? null,
    assistantJobId: null,
    taskId: null,
    bundleId: null,
    fileId: null,
    experimentId: traits.experimentId ?? null,
    createdBy: actorOf(traits.principal),
    reviewer: null,
    reviewedBy: null,
    reviewedAt: null,
    reviewedDigest: null,
    reviewNote: null,
    previousDigest: null,
    findings: traits.findings ?? null,
    facts: null,
    tags: traits.tags ?? [],
    metadata: traits.metadata ?? {},
    pinnedAt: null,
    purgedAt: null,
    version: 1,
    createdAt: now,
    updatedAt: now,
  };
}

/**
 * Returns who produced an artifact. Uploads with the credential of a worker count as produced by an agent, because the agent
 * of the worker can use that credential too.
 */
function producerOf(principal: Principal): Producer {
  return principal.kind === 'worker' ? 'agent' : 'person';
}
