import { z } from 'zod';
import { refusedField } from '../values/refused-fields.ts';
import { textSchema, utf8Bytes } from '../values/wire-values.ts';
import { linesPattern } from '../values/visible-text.ts';
import {
  artifactStatuses,
  artifactTypes,
  dataClasses,
  maxMetadataBytes,
  metadataSchema,
  storageProviders,
  tagsSchema,
} from './artifact.ts';

/** Statuses with which an artifact can be created. Only moves lead to the other statuses. */
export const firstStatuses = ['draft', 'needs-review'] as const satisfies readonly (typeof artifactStatuses)[number][];
export type FirstStatus = (typeof firstStatuses)[number];

/** Fields that only the server sets. A request that contains one of them is refused. */
export const stampedFields = [
  'id',
  'artifactId',
  'uri',
  'sourceType',
  'producedBy',
  'createdBy',
  'createdAt',
  'updatedAt',
  'reviewedBy',
  'reviewedAt',
  'reviewedDigest',
  'reviewNote',
  'previousDigest',
  'findings',
  'facts',
  'pinnedAt',
  'purgedAt',
  'version',
] as const;

/** Fields for relations to kinds of records that this version does not have. */
export const laterFields = ['taskId', 'bundleId', 'fileId'] as const;

type Refused<Name extends string> = Record<Name, z.ZodOptional<z.ZodNever>>;

/** Returns schemas for fields that are always refused. The error contains the reason. */
function refused<Name extends string>(names: readonly Name[], reason: string): Refused<Name> {
  const fields = names.map((name) => [name, z.never(reason).optional().meta(refusedField)]);
  return Object.fromEntries(fields) as Refused<Name>;
}

const refusedFields = {
  ...refused(stampedFields, 'is set by the server'),
  ...refused(laterFields, 'cannot be given: this server has no tasks, bundles and files yet'),
};

/** Schema of a digest as `sha256:` and 64 hexadecimal digits, which may be given in any case. */
export const digestSchema = z
  .string()
  .toLowerCase()
  .regex(/^sha256:[0-9a-f]{64}$/, 'must be "sha256:" and 64 hexadecimal digits');

/** Plain text of several lines, at most 4,000 characters. */
export const descriptionSchema = z
  .string()
  .max(4000)
  .regex(linesPattern, 'must not contain control characters or text-direction overrides')
  .refine((text) => text.isWellFormed(), 'must be valid Unicode');

const smallMetadataSchema = metadataSchema.refine(
  (metadata) => utf8Bytes(JSON.stringify(metadata)) <= maxMetadataBytes,
  `must have at most ${String(maxMetadataBytes)} bytes of JSON`,
);

/** Id of a record that the request refers to. An id of another form belongs to no record, so it is not found. */
const idSchema = z.string().min(1).max(255);

const describing = {
  title: textSchema(1, 500),
  description: descriptionSchema,
  storageUri: z.string().meta({
    description:
      '`https:`, `http:`, `s3://bucket/key` or `gs://bucket/key`, at most 2,048 characters; never a signed URL.',
  }),
  storageProvider: z
    .enum(storageProviders)
    .meta({ description: 'Inferred from storageUri; one that differs is refused.' }),
  filename: textSchema(1, 255),
  contentType: textSchema(1, 255),
  checksum: digestSchema.meta({
    description: '`sha256:` and 64 hexadecimal digits. Required at s3, gcs and local-dev.',
  }),
  sizeBytes: z.int().min(0),
  dataClass: z.enum(dataClasses),
  visibility: z.enum(dataClasses),
  assistantJobId: textSchema(1, 255),
  reviewer: idSchema.meta({ description: 'The user who should decide.' }),
};

/** Body of `registerArtifact`. */
export const registerArtifactSchema = z
  .strictObject({
    type: z.enum(artifactTypes),
    title: describing.title,
    storageUri: describing.storageUri,
    description: describing.description.nullish(),
    status: z.enum(firstStatuses).default('draft'),
    storageProvider: describing.storageProvider.nullish(),
    filename: describing.filename.nullish(),
    contentType: describing.contentType.nullish(),
    checksum: describing.checksum.nullish(),
    sizeBytes: describing.sizeBytes.nullish(),
    dataClass: describing.dataClass.nullish().meta({ description: 'Default: internal.' }),
    visibility: describing.visibility.nullish().meta({ description: 'Default: dataClass.' }),
    jobId: idSchema.nullish(),
    experimentId: idSchema.nullish(),
    assistantJobId: describing.assistantJobId.nullish(),
    reviewer: describing.reviewer.nullish(),
    tags: tagsSchema.nullish(),
    metadata: smallMetadataSchema.nullish().meta({ description: 'At most 4,096 bytes of JSON.' }),
    ...refusedFields,
  })
  .meta({ id: 'RegisterArtifact' });
export type RegisterArtifact = z.output<typeof registerArtifactSchema>;

/** Text fields of the form of `uploadStandaloneArtifact`. */
export const standaloneUploadSchema = z.strictObject({
  name: z
    .string()
    .optional()
    .meta({ description: 'A relative path such as `spec/task/report.md`; need not be unique.' }),
  contentType: z.string().optional(),
  digest: z.string().optional(),
  type: z.enum(artifactTypes).optional(),
  title: describing.title.optional(),
  description: describing.description.optional(),
  status: z.enum(firstStatuses).optional(),
  dataClass: describing.dataClass.optional(),
  visibility: describing.visibility.optional(),
  experimentId: idSchema.optional(),
  assistantJobId: describing.assistantJobId.optional(),
  reviewer: describing.reviewer.optional(),
  tags: z.string().optional().meta({ description: 'JSON array of strings' }),
  metadata: z.string().optional().meta({ description: 'JSON object, at most 4096 bytes' }),
  ...refusedFields,
});

/** Body of `updateArtifact`. A field that is absent keeps its value. Null clears a field that is optional. */
export const updateArtifactSchema = z
  .strictObject({
    type: z.enum(artifactTypes).optional(),
    title: describing.title.optional(),
    description: describing.description.nullish(),
    status: z.enum(artifactStatuses).optional().meta({ description: 'The same move as the call of that name.' }),
    storageUri: describing.storageUri.optional(),
    storageProvider: describing.storageProvider.optional(),
    filename: describing.filename.nullish(),
    contentType: describing.contentType.nullish(),
    checksum: describing.checksum.nullish(),
    sizeBytes: describing.sizeBytes.nullish(),
    dataClass: describing.dataClass.nullish(),
    visibility: describing.visibility.nullish(),
    assistantJobId: describing.assistantJobId.nullish(),
    reviewer: describing.reviewer.nullish(),
    tags: tagsSchema.nullish(),
    metadata: smallMetadataSchema.nullish(),
    expectedVersion: z.int().min(1).optional().meta({ description: 'As the header `If-Match`.' }),
    ...refusedFields,
    ...refused(['jobId', 'experimentId', 'name'], 'cannot be changed'),
  })
  .meta({ id: 'UpdateArtifact' });
export type UpdateArtifact = z.output<typeof updateArtifactSchema>;
