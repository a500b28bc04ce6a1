import { z } from 'zod';
import { defaultContentType } from '../values/content-type.ts';
import { digestOf } from '../values/digest.ts';
import { findingsToJson, secretFindingsSchema, type SecretFindings } from '../values/secret-findings.ts';
import { textSchema, timeSchema, uuidSchema } from '../values/wire-values.ts';
import { checksumOf, contentSizeOf, ownedBlob, type ArtifactContent } from './artifact-content.ts';
import { actorToJson } from '../people/actor.ts';

export const artifactTypes = [
  'podcast-doc',
  'transcript',
  'recording',
  'report',
  'invoice',
  'event-page',
  'assistant-output',
  'external-link',
  'diff',
  'log',
  'test-result',
  'screenshot',
  'other',
] as const;
export type ArtifactType = (typeof artifactTypes)[number];

export const artifactStatuses = ['draft', 'needs-review', 'approved', 'rejected', 'archived', 'superseded'] as const;
export type ArtifactStatus = (typeof artifactStatuses)[number];

export const storageProviders = [
  's3',
  'gcs',
  'filesystem',
  'dropbox',
  'google-drive',
  'github',
  'external-url',
  'local-dev',
  'unknown',
] as const;
export type StorageProvider = (typeof storageProviders)[number];

export const dataClasses = ['public', 'internal', 'private', 'sensitive'] as const;
export type DataClass = (typeof dataClasses)[number];

export const sourceTypes = [
  'manual-link',
  'manual-upload',
  'assistant-output',
  'import',
  'migration',
  'system',
] as const;
export type SourceType = (typeof sourceTypes)[number];

/**
 * Who produced the content of an artifact: the worker loop, a person, or an agent. The server derives this from the
 * credential of the caller, and never reads it from a request body.
 */
export const producers = ['loop', 'person', 'agent'] as const;
export type Producer = (typeof producers)[number];

/**
 * The record of an artifact: its description, its producer, its purpose and its content. Uploads to jobs, deposits and
 * registrations all use this record. Times are in epoch milliseconds. `null` means absent.
 */
export interface ArtifactRecord {
  readonly id: string;
  /** `proofhouse://artifacts/<token>`. The URI cannot be guessed, and clients must not parse it. */
  readonly uri: string;
  readonly type: ArtifactType;
  readonly title: string;
  /** Plain text, at most 4,000 characters. */
  readonly description: string | null;
  readonly status: ArtifactStatus;
  readonly storageProvider: StorageProvider;
  readonly filename: string | null;
  /** Media type of the content. Null only for a pointer whose media type is not known. */
  readonly contentType: string | null;
  readonly content: ArtifactContent;
  readonly dataClass: DataClass;
  readonly visibility: DataClass;
  readonly sourceType: SourceType;
  readonly producedBy: Producer;
  /** Id of the job to which the artifact was uploaded. */
  readonly jobId: string | null;
  /** Normalised name of the artifact in the job `jobId`. */
  readonly name: string | null;
  /**
   * The id that an assistant outside Proofhouse gave to its job. It is not parsed. If the assistant's job is also a job
   * of Proofhouse, it is the id of that job.
   */
  readonly assistantJobId: string | null;
  readonly taskId: string | null;
  readonly bundleId: string | null;
  readonly fileId: string | null;
  /** Id of the experiment in which the artifact was deposited. */
  readonly experimentId: string | null;
  readonly createdBy: string;
  /** The user who should review the artifact. */
  readonly reviewer: string | null;
  /** The user who reviewed the artifact last. */
  readonly reviewedBy: string | null;
  readonly reviewedAt: number | null;
  /** Digest of the bytes that were reviewed last. */
  readonly reviewedDigest: string | null;
  readonly reviewNote: string | null;
  /** Digest of the previous version, which is the previous artifact with the same task and name. */
  readonly previousDigest: string | null;
  /** Secrets that the server found in the bytes and the description. Null if it found none. */
  readonly findings: SecretFindings | null;
  /** Counts (for example of tests or diff lines) that the server derived from the bytes, as versioned JSON. */
  readonly facts: JsonObject | null;
  readonly tags: readonly string[];
  readonly metadata: JsonObject;
  /**
   * Time at which an operator pinned the artifact. Null if it is not pinned. Retention keeps the bytes of a pinned
   * artifact.
   */
  readonly pinnedAt: number | null;
  /** Time at which retention removed the bytes. The record and the digest are kept. */
  readonly purgedAt: number | null;
  /** Version of the record for optimistic locking, counted from 1. */
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Permission for a worker or a group to read one artifact. The creator of the artifact and the admins need no grant.
 */
export interface GrantRecord {
  readonly artifactId: string;
  /** Id of a worker or a group. */
  readonly reader: string;
  readonly grantedBy: string;
  readonly grantedAt: number;
}

/** Largest metadata of an artifact, in bytes of UTF-8 JSON. */
export const maxMetadataBytes = 4096;
export const tagsSchema = z.array(textSchema(1, 100)).max(50);
export const metadataSchema = z.record(z.string(), z.unknown());

export const jobArtifactSchema = z
  .object({
    id: uuidSchema,
    jobId: uuidSchema,
    name: z.string(),
    uri: z.string(),
    type: z.enum(artifactTypes),
    title: z.string(),
    status: z.enum(artifactStatuses),
    contentType: z.string(),
    sizeBytes: z.int(),
    digest: z.string().meta({ description: '`sha256:` and 64 hexadecimal digits, of the stored bytes.' }),
    storagePath: z.string().meta({ description: '`<jobId>/<name>`, on every backend.' }),
    createdBy: z.string(),
    tags: z.array(z.string()),
    metadata: metadataSchema,
    createdAt: timeSchema,
  })
  .meta({ id: 'JobArtifact' });
export type JobArtifact = z.infer<typeof jobArtifactSchema>;

const derivedSchema = metadataSchema.nullable();

/** Schema of an artifact record in answers of /api. */
export const artifactSchema = z
  .object({
    artifactId: uuidSchema,
    id: uuidSchema.meta({ description: 'The same as artifactId, for older clients.' }),
    uri: z.string(),
    type: z.enum(artifactTypes),
    title: z.string(),
    description: z.string().nullable(),
    status: z.enum(artifactStatuses),
    storageProvider: z.enum(storageProviders),
    storageUri: z.string().meta({ description: 'The opaque uri, for bytes that Proofhouse owns.' }),
    filename: z.string().nullable(),
    contentType: z.string().nullable(),
    checksum: z.string().nullable().meta({ description: '`sha256:` and 64 hexadecimal digits, of the stored bytes.' }),
    sizeBytes: z.int().nullable(),
    visibility: z.enum(dataClasses),
    dataClass: z.enum(dataClasses),
    jobId: uuidSchema.nullable(),
    name: z.string().nullable().meta({ description: 'Its name in the job.' }),
    assistantJobId: z.string().nullable(),
    taskId: z.string().nullable(),
    bundleId: z.string().nullable(),
    fileId: z.string().nullable(),
    experimentId: z.string().nullable(),
    sourceType: z.enum(sourceTypes),
    producedBy: z.enum(producers).meta({
      description: 'The maker of the content, stamped by the server: a worker loop, a person, or an agent.',
    }),
    createdBy: z.string(),
    createdAt: timeSchema,
    updatedAt: timeSchema,
    reviewer: z.string().nullable().meta({ description: 'The user who should decide.' }),
    reviewedBy: z.string().nullable(),
    reviewedAt: timeSchema.nullable(),
    reviewedDigest: z.string().nullable().meta({ description: 'The digest that the decision was about.' }),
    reviewNote: z.string().nullable(),
    unbound: z.boolean().meta({
      description: 'True if the last decision was about a pointer without checksum, so that it is bound to no bytes.',
    }),
    previousDigest: z.string().nullable().meta({ description: 'The digest of the version before.' }),
    findings: secretFindingsSchema.nullable().meta({
      description: 'Secrets that the server found in the content and the text fields; null when it found none.',
    }),
    facts: derivedSchema,
    tags: z.array(z.string()),
    metadata: metadataSchema,
    pinnedAt: timeSchema.nullable(),
    purgedAt: timeSchema.nullable(),
    version: z.int(),
  })
  .meta({ id: 'Artifact' });
export type Artifact = z.infer<typeof artifactSchema>;

export function artifactToJson(artifact: ArtifactRecord): Artifact {
  const { content } = artifact;
  return {
    artifactId: artifact.id,
    id: artifact.id,
    uri: artifact.uri,
    type: artifact.type,
    title: artifact.title,
    description: artifact.description,
    status: artifact.status,
    storageProvider: artifact.storageProvider,
    storageUri: content.kind === 'owned' ? artifact.uri : content.uri,
    filename: artifact.filename,
    contentType: artifact.contentType,
    checksum: checksumOf(content),
    sizeBytes: contentSizeOf(content),
    visibility: artifact.visibility,
    dataClass: artifact.dataClass,
    jobId: artifact.jobId,
    name: artifact.name,
    assistantJobId: artifact.assistantJobId,
    taskId: artifact.taskId,
    bundleId: artifact.bundleId,
    fileId: artifact.fileId,
    experimentId: artifact.experimentId,
    sourceType: artifact.sourceType,
    producedBy: artifact.producedBy,
    createdBy: actorToJson(artifact.createdBy),
    createdAt: isoTime(artifact.createdAt),
    updatedAt: isoTime(artifact.updatedAt),
    reviewer: artifact.reviewer,
    reviewedBy: artifact.reviewedBy === null ? null : actorToJson(artifact.reviewedBy),
    reviewedAt: isoTimeOrNull(artifact.reviewedAt),
    reviewedDigest: artifact.reviewedDigest,
    reviewNote: artifact.reviewNote,
    unbound: artifact.reviewedAt !== null && artifact.reviewedDigest === null,
    previousDigest: artifact.previousDigest,
    findings: findingsToJson(artifact.findings),
    facts: artifact.facts === null ? null : { ...artifact.facts },
    tags: [...artifact.tags],
    metadata: { ...artifact.metadata },
    pinnedAt: isoTimeOrNull(artifact.pinnedAt),
    purgedAt: isoTimeOrNull(artifact.purgedAt),
    version: artifact.version,
  };
}

function isoTime(at: number): string {
  return new Date(at).toISOString();
}

function isoTimeOrNull(at: number | null): string | null {
  return at === null ? null : isoTime(at);
}

/**
 * The fields of an upload form, except `file`. An upload by PUT has only those fields that fit into its path, query and
 * headers.
 */
export interface UploadFields {
  readonly name: string;
  readonly contentType?: string | undefined;
  /** Expected digest, 64 lower-case hex digits. */
  readonly sha256?: string | undefined;
  readonly type?: ArtifactType | undefined;
  readonly title?: string | undefined;
  readonly status?: 'draft' | 'needs-review' | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** Returns the JSON of an artifact for calls on its job. The artifact must have a job and owned content. */
export function jobArtifactToJson(artifact: ArtifactRecord): JobArtifact {
  const jobId = artifact.jobId ?? '';
  const name = artifact.name ?? '';
  const { sizeBytes, sha256 } = ownedBlob(artifact);
  return {
    id: artifact.id,
    jobId,
    name,
    uri: artifact.uri,
    type: artifact.type,
    title: artifact.title,
    status: artifact.status,
    contentType: artifact.contentType ?? defaultContentType,
    sizeBytes,
    digest: digestOf(sha256),
    storagePath: `${jobId}/${name}`,
    createdBy: actorToJson(artifact.createdBy),
    tags: [...artifact.tags],
    metadata: { ...artifact.metadata },
    createdAt: isoTime(artifact.createdAt),
  };
}

/**
 * Returns the artifact type of an upload that does not name one (review-and-proof, "What the doors write"). The
 * extension of the file name decides.
 */
export function artifactTypeOf(name: string): ArtifactType {
  if (/\.(diff|patch)$/i.test(name)) return 'diff';
  return /\.log$/i.test(name) ? 'log' : 'other';
}
