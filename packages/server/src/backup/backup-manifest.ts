import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@proofhouse/core';
import { z } from 'zod';
import { replaceFile } from '../kernel/files/durable-files.ts';

const name = 'backup.json';

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

/**
 * The manifest of a backup: a file that describes the copied database and blobs. It is written last and atomically, so
 * a folder without a manifest is not a complete backup. A command that updates a backup writes a new manifest at the
 * end. Until then the earlier backup stays valid.
 */
const manifestSchema = z.strictObject({
  format: z.literal(1),
  /** Time at which the backup began, in ISO 8601. */
  createdAt: z.iso.datetime(),
  database: z.strictObject({
    /** File name of the copied database in the folder of the backup. */
    file: z.string().regex(/^database-[a-z0-9]+\.db$/),
    sizeBytes: z.int().min(0),
    sha256: sha256Schema,
    /** Name of the last migration of the database. */
    schema: z.string(),
  }),
  blobs: z.strictObject({
    count: z.int().min(0),
    sizeBytes: z.int().min(0),
    /**
     * The sha256 of a list of all copied blobs. The list has a line `<key> <sha256> <size>` for each blob, in the order
     * of the keys.
     */
    sha256: sha256Schema,
  }),
  /** Keys of blobs that the backup does not contain, because they were missing or damaged in the store. */
  lost: z.array(z.string()),
});

/** The content of the manifest file: the manifest, and the sha256 of the manifest. */
const fileSchema = manifestSchema.extend({ sha256: sha256Schema });

export type BackupManifest = z.infer<typeof manifestSchema>;

export function writeManifest(folder: string, manifest: BackupManifest): void {
  const file = { ...manifest, sha256: digestOf(manifest) };
  replaceFile(join(folder, name), `${JSON.stringify(file, undefined, 2)}\n`);
}

/**
 * Returns the manifest, or undefined if the folder is not a complete backup. Throws `invalid_request` if the manifest file is
 * damaged or of a later version of Proofhouse.
 */
function readManifest(folder: string): BackupManifest | undefined {
  const place = join(folder, name);
  if (!existsSync(place)) return undefined;
  try {
    const { sha256, ...rest } = fileSchema.parse(JSON.parse(readFileSync(place, 'utf8')));
    const manifest = manifestSchema.parse(rest);
    if (digestOf(manifest) === sha256) return manifest;
    throw new Error('its digest differs');
  } catch (cause) {
    throw new AppError('invalid_request', `${place} cannot be read: it is damaged or of a later version.`, { cause });
  }
}

/** Returns the sha256 of the manifest in JSON, with the keys in the order of `manifestSchema`. */
function digestOf(manifest: BackupManifest): string {
  return createHash('sha256')
    .update(JSON.stringify(manifestSchema.parse(manifest)))
    .digest('hex');
}

/** Returns the manifest. Throws `invalid_request` if the folder is not a complete backup or the manifest is damaged. */
export function requireManifest(folder: string): BackupManifest {
  const manifest = readManifest(folder);
  if (manifest !== undefined) return manifest;
  throw new AppError(
    'invalid_request',
    `${folder} is not a complete backup: it lacks ${name}, which is written last. Run \`proofhouse backup create\` again.`,
  );
}
