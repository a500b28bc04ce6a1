import { z } from 'zod';
import { digestOf } from '../values/digest.ts';
import { textSchema, timeSchema, uuidSchema } from '../values/wire-values.ts';

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

/** Where the bytes of an owned artifact lie: for the server alone, never on a wire. */
export interface BlobReference {
  readonly key: string;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
  /** The backend's mark of the object as it was written; a different one means look again. */
  readonly fingerprint: string;
}

/**
 * One record per thing somebody produced: what it is, who made it, what it is for, and where its
 * bytes are. Times are epoch milliseconds; `null` is absence.
 */
export interface ArtifactRecord {
  readonly id: string;
  /** `proofhouse://artifacts/<token>`: opaque, unguessable, never parsed by clients. */
  readonly uri: string;
  readonly type: ArtifactType;
  readonly title: string;
  readonly status: ArtifactStatus;
  readonly storageProvider: StorageProvider;
  readonly filename: string | null;
  readonly contentType: string;
  readonly blob: BlobReference;
  readonly dataClass: DataClass;
  readonly visibility: DataClass;
  readonly sourceType: SourceType;
  /** The job it was uploaded to, with its name there. */
  readonly jobId: string | null;
  readonly name: string | null;
  /** The experiment it was deposited in. */
  readonly experimentId: string | null;
  readonly createdBy: string;
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Retention leaves a pinned artifact alone. */
  readonly pinnedAt: number | null;
  /** When retention removed the bytes; the record and its digest stay. */
  readonly purgedAt: number | null;
  /** Optimistic lock, from 1. */
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A worker or a group that may read an artifact, beside its maker and the admins. */
export interface GrantRecord {
  readonly artifactId: string;
  /** A worker's or a group's id. */
  readonly reader: string;
  readonly grantedBy: string;
  readonly grantedAt: number;
}

/** Bytes of UTF-8 JSON. */
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

/** The one record, whatever door it came through, as /api shows it. */
export const artifactSchema = z
  .object({
    artifactId: uuidSchema,
    id: uuidSchema.meta({ description: 'The same as artifactId, for older clients.' }),
    uri: z.string(),
    type: z.enum(artifactTypes),
    title: z.string(),
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
    experimentId: z.string().nullable(),
    sourceType: z.enum(sourceTypes),
    createdBy: z.string(),
    createdAt: timeSchema,
    updatedAt: timeSchema,
    tags: z.array(z.string()),
    metadata: metadataSchema,
    pinnedAt: timeSchema.nullable(),
    purgedAt: timeSchema.nullable(),
    version: z.int(),
  })
  .meta({ id: 'Artifact' });
export type Artifact = z.infer<typeof artifactSchema>;

export function artifactToJson(artifact: ArtifactRecord): Artifact {
  const time = (at: number): string => new Date(at).toISOString();
  return {
    artifactId: artifact.id,
    id: artifact.id,
    uri: artifact.uri,
    type: artifact.type,
    title: artifact.title,
    status: artifact.status,
    storageProvider: artifact.storageProvider,
    storageUri: artifact.uri,
    filename: artifact.filename,
    contentType: artifact.contentType,
    checksum: digestOf(artifact.blob.sha256),
    sizeBytes: artifact.blob.sizeBytes,
    visibility: artifact.visibility,
    dataClass: artifact.dataClass,
    jobId: artifact.jobId,
    name: artifact.name,
    experimentId: artifact.experimentId,
    sourceType: artifact.sourceType,
    createdBy: artifact.createdBy,
    createdAt: time(artifact.createdAt),
    updatedAt: time(artifact.updatedAt),
    tags: [...artifact.tags],
    metadata: { ...artifact.metadata },
    pinnedAt: artifact.pinnedAt === null ? null : time(artifact.pinnedAt),
    purgedAt: artifact.purgedAt === null ? null : time(artifact.purgedAt),
    version: artifact.version,
  };
}

/** The text fields of a multipart upload beside its `file`; a raw PUT carries what its headers can. */
export interface UploadFields {
  readonly name: string;
  readonly contentType?: string | undefined;
  /** Lower-case hex. */
  readonly sha256?: string | undefined;
  readonly type?: ArtifactType | undefined;
  readonly title?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** An artifact as its job's calls show it. Only for records that have a job. */
export function jobArtifactToJson(artifact: ArtifactRecord): JobArtifact {
  const jobId = artifact.jobId ?? '';
  const name = artifact.name ?? '';
  return {
    id: artifact.id,
    jobId,
    name,
    uri: artifact.uri,
    type: artifact.type,
    title: artifact.title,
    status: artifact.status,
    contentType: artifact.contentType,
    sizeBytes: artifact.blob.sizeBytes,
    digest: digestOf(artifact.blob.sha256),
    storagePath: `${jobId}/${name}`,
    createdBy: artifact.createdBy,
    tags: [...artifact.tags],
    metadata: { ...artifact.metadata },
    createdAt: new Date(artifact.createdAt).toISOString(),
  };
}

/** The type of an upload that named none: by its ending (review-and-proof, "What the doors write"). */
export function artifactTypeOf(name: string): ArtifactType {
  if (/\.(diff|patch)$/i.test(name)) return 'diff';
  return /\.log$/i.test(name) ? 'log' : 'other';
}
