import { z } from 'zod';
import { artifactTypes } from '../artifacts/artifact.ts';
import type { Operation } from '../operation.ts';
import { operation } from '../operation-row.ts';
import { timeSchema, uuidSchema } from '../values/wire-values.ts';

/** Cursor of the next slice of a long operation. Clients must not parse it. An answer has null after the last slice. */
const sliceCursor = z.string().max(255);
const nextSlice = { nextCursor: sliceCursor.nullable() };

const storageUsageSchema = z
  .object({
    sampledAt: timeSchema,
    artifacts: z.int(),
    bytes: z.int().meta({ description: 'Of all artifacts whose bytes are kept.' }),
    byType: z.array(z.object({ type: z.enum(artifactTypes), artifacts: z.int(), bytes: z.int() })),
    quotaBytes: z.int().nullable(),
    warnAtBytes: z.int().nullable(),
  })
  .meta({ id: 'StorageUsage' });

/** Reasons for which `collectStorage` removes bytes. */
const collectionReasons = ['retention', 'orphan', 'staging'] as const;

const collectedSchema = z
  .object({
    reason: z.enum(collectionReasons),
    artifactId: uuidSchema.nullable(),
    what: z.string().meta({ description: 'A sentence: what it is and why it goes.' }),
    sizeBytes: z.int(),
    createdAt: timeSchema,
  })
  .meta({ id: 'Collected' });

const storageFindingSchema = z
  .object({
    kind: z.string(),
    artifactId: uuidSchema.nullable(),
    place: z.string().nullable(),
    message: z.string(),
    repaired: z.boolean(),
  })
  .meta({ id: 'StorageFinding' });

/**
 * Operations on the storage. A long operation works in slices: the client repeats the call until `nextCursor` is null.
 */
export const storageOperations = {
  storageUsage: operation({
    method: 'GET',
    path: '/api/storage/usage',
    action: 'storage.read',
    summary: 'How much is stored, by type, beside the quota',
    output: storageUsageSchema,
  }),
  collectStorage: operation({
    method: 'POST',
    path: '/api/storage/gc',
    request: 'json',
    action: 'storage.collect',
    audit: { isOutside: true },
    // Repeatable because the bytes of the slice are removed only once.
    repeatable: 'by-nature',
    summary: 'Remove what retention lets go and what no record names; one slice',
    description:
      'With `dryRun` it only says what would go and why, and in `refusal` why a real run would refuse. `yesRemoveMost` also ' +
      'removes old bytes of which so many were never named by a record that the database may be the wrong one; without it such ' +
      'a run is refused with `storage_policy`. Where database and blobs are not one store it is refused with `unavailable`.',
    body: z.strictObject({
      dryRun: z.boolean().default(false),
      yesRemoveMost: z.boolean().default(false),
      cursor: sliceCursor.nullish(),
    }),
    output: z.object({
      items: z.array(collectedSchema),
      refusal: z.string().nullable().meta({ description: 'Of a dry run: why a real run would refuse.' }),
      skipped: z.array(z.string()).meta({ description: 'Places of the storage that were planted and passed over.' }),
      ...nextSlice,
    }),
    errors: ['invalid_cursor', 'storage_policy'],
  }),
  verifyStorage: operation({
    method: 'POST',
    path: '/api/storage/verify',
    request: 'json',
    action: 'storage.verify',
    audit: { isOutside: true },
    // Repeatable because the records of the slice are repaired only once.
    repeatable: 'by-nature',
    summary: 'Compare records, bytes and the job view; one slice',
    description: '`sample` is the share of blobs that are hashed again, 1 for all; sizes are compared for every one.',
    body: z.strictObject({
      sample: z.number().min(0).max(1).default(1),
      repair: z.boolean().default(false),
      cursor: sliceCursor.nullish(),
    }),
    output: z.object({
      findings: z.array(storageFindingSchema),
      checkedRecords: z.int(),
      checkedBlobs: z.int(),
      hashedBytes: z.int(),
      ...nextSlice,
    }),
    errors: ['invalid_cursor'],
  }),
} as const satisfies Record<string, Operation>;
