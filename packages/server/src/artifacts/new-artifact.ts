import {
  actorOf,
  type ArtifactRecord,
  type ArtifactType,
  type DataClass,
  type FirstStatus,
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
  readonly description?: string | null | undefined;
  /** Default: draft. */
  readonly status?: FirstStatus | undefined;
  readonly filename: string | null;
  readonly contentType: string | null;
  /** Default: internal. */
  readonly dataClass?: DataClass | null | undefined;
  /** Default: `dataClass`. */
  readonly visibility?: DataClass | null | undefined;
  readonly jobId?: string | null | undefined;
  readonly name?: string | undefined;
  readonly experimentId?: string | null | undefined;
  readonly assistantJobId?: string | null | undefined;
  readonly reviewer?: string | null | undefined;
  readonly tags?: readonly string[] | null | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | null | undefined;
  /** Secrets that were found in the upload. Default: null (none). */
  readonly findings?: SecretFindings | null;
}

/** Returns the record of a new artifact, at version 1: of an upload of any kind, or of a registration. */
export function newArtifact(
  traits: ArtifactTraits,
  { clock, ids }: { readonly clock: Pick<Clock, 'now'>; readonly ids: Pick<Ids, 'uuid' | 'artifactUri'> },
): ArtifactRecord {
  const now = clock.now();
  const dataClass = traits.dataClass ?? 'internal';
  return {
    id: ids.uuid(),
    uri: ids.artifactUri(),
    type: traits.type,
    title: traits.title,
    description: traits.description ?? null,
    status: traits.status ?? 'draft',
    storageProvider: traits.storageProvider,
    filename: traits.filename,
    contentType: traits.contentType,
    content: traits.content,
    dataClass,
    visibility: traits.visibility ?? dataClass,
    sourceType: traits.sourceType,
    producedBy: producerOf(traits.principal),
    jobId: traits.jobId ?? null,
    name: traits.name ?? null,
    assistantJobId: traits.assistantJobId ?? null,
    taskId: null,
    bundleId: null,
    fileId: null,
    experimentId: traits.experimentId ?? null,
    createdBy: actorOf(traits.principal),
    reviewer: traits.reviewer ?? null,
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
 * Returns who produced an artifact. The agent of a worker can use the credential of the worker. So uploads with this
 * credential count as produced by an agent.
 */
function producerOf(principal: Principal): Producer {
  return principal.kind === 'worker' ? 'agent' : 'person';
}
