import type { IncomingMessage } from 'node:http';
import {
  AppError,
  cleanContentType,
  fieldWords,
  maxMetadataBytes,
  metadataSchema,
  normalizeArtifactName,
  operations,
  parseDigest,
  parseJson,
  tagsSchema,
  utf8Bytes,
  type UploadFields,
} from '@proofhouse/core';
import type { StagedBlob } from '@proofhouse/blobs';
import type { z } from 'zod';
import type { StandaloneUpload } from '../../artifacts/records/standalone-uploads.ts';
import type { Clock } from '../../kernel/time/clock.ts';
import type { BodyDigests } from './body-digests.ts';
import { fieldText, formParts } from './multipart-form.ts';

interface FormOptions<Staged extends StagedBlob> {
  readonly clock: Clock;
  readonly boundary: string;
  readonly maxBytes: number;
  readonly digests?: BodyDigests | undefined;
  readonly stage: (source: AsyncIterable<Uint8Array>) => Promise<Staged>;
}

export interface UploadFormOptions<Staged extends StagedBlob> extends FormOptions<Staged> {
  /** Called with the field `workerId`. Throws when the credential of the request belongs to another worker. */
  readonly checkWorker: (workerId: string) => void;
  /** Called with the field `leaseId`. Throws when the header `Proofhouse-Lease` has another value. */
  readonly checkLease: (leaseId: string) => void;
}

export interface UploadForm<Staged extends StagedBlob> {
  readonly about: UploadFields;
  readonly leaseId: string | undefined;
  /** The Content-Type header of the form part with the file. */
  readonly partContentType: string | undefined;
  readonly staged: Staged;
}

export interface StandaloneForm<Staged extends StagedBlob> {
  readonly about: StandaloneFields;
  readonly staged: Staged;
}

/** The fields of the form of `uploadStandaloneArtifact`, and what the headers of its file part say. */
export type StandaloneFields = Omit<StandaloneUpload, 'idempotencyKey'>;

/**
 * Reads the form of an upload to a job. Its parts may come in any order. The file is staged while it arrives, and each
 * field is checked as soon as it has arrived. On any failure the staged file is discarded. Errors: `bad_request`,
 * `invalid_request`, and the errors of the checks of single fields.
 */
export async function readUploadForm<Staged extends StagedBlob>(
  request: IncomingMessage,
  { checkWorker, checkLease, ...options }: UploadFormOptions<Staged>,
): Promise<UploadForm<Staged>> {
  const checks = { workerId: checkWorker, leaseId: checkLease };
  const { fields, file } = await readForm(request, options, operations.uploadArtifact.body.shape, ['name'], checks);
  const { workerId: _, leaseId, ...about } = fields;
  return {
    about: about as unknown as UploadFields,
    leaseId: leaseId as string | undefined,
    partContentType: file.contentType,
    staged: file.staged,
  };
}

/** Reads the form of an upload outside of any job, as `readUploadForm` does. No field is required, only the file. */
export async function readStandaloneForm<Staged extends StagedBlob>(
  request: IncomingMessage,
  options: FormOptions<Staged>,
): Promise<StandaloneForm<Staged>> {
  const { shape } = operations.uploadStandaloneArtifact.body;
  const { fields, file } = await readForm(request, options, shape, [], {});
  const { filename, contentType: partContentType, staged } = file;
  return { about: { ...fields, filename, partContentType }, staged };
}

type FieldSchemas = Readonly<Record<string, z.ZodType>>;
type FieldChecks = Readonly<Record<string, (text: string) => void>>;

interface FormFile<Staged extends StagedBlob> {
  readonly staged: Staged;
  readonly contentType: string | undefined;
  readonly filename: string | undefined;
}

async function readForm<Staged extends StagedBlob>(
  request: IncomingMessage,
  options: FormOptions<Staged>,
  schemas: FieldSchemas,
  required: readonly string[],
  checks: FieldChecks,
): Promise<{ fields: Readonly<Record<string, unknown>>; file: FormFile<Staged> }> {
  const fields = new Map<string, string>();
  let file: FormFile<Staged> | undefined;
  try {
    for await (const part of formParts(request, options)) {
      if (part.name === 'file') {
        if (file !== undefined) throw wrongField('file', 'was sent twice');
        const { contentType, filename } = part;
        file = { staged: await options.stage(part.body), contentType, filename };
      } else {
        await takeField(part.name, fields, () => fieldText(part), schemas, required);
        const text = fields.get(part.name);
        if (text !== undefined) checks[part.name]?.(text);
      }
    }
    if (file === undefined) throw wrongField('file', 'is required');
    const missing = required.find((name) => !fields.has(name));
    if (missing !== undefined) throw wrongField(missing, 'is required');
    return { fields: valuesOf(fields, schemas), file };
  } catch (error) {
    await file?.staged.discard();
    throw error;
  }
}

async function takeField(
  name: string,
  fields: Map<string, string>,
  read: () => Promise<string>,
  schemas: FieldSchemas,
  required: readonly string[],
): Promise<void> {
  const schema = Object.hasOwn(schemas, name) ? schemas[name] : undefined;
  if (schema === undefined) throw wrongField(name, 'is not a known field');
  if (fields.has(name)) throw wrongField(name, 'was sent twice');
  const text = await read();
  // An empty field counts as absent, except a required one, which must not be empty.
  if (text.trim() === '' && !required.includes(name)) return;
  const result = schema.safeParse(text, { error: fieldWords(text) });
  if (!result.success) throw wrongField(name, result.error.issues[0]?.message ?? 'is not valid');
  fields.set(name, text);
  if (name === 'name') normalizeArtifactName(text);
  if (name === 'digest') parseDigest(text);
  if (name === 'contentType' && cleanContentType(text) === undefined)
    throw wrongField(name, 'has no printable character');
  if (name === 'tags') jsonField(name, text, tagsSchema);
  if (name === 'metadata') metadataField(text);
}

/** Returns the values of the fields. The digest is returned as `sha256`, without its prefix. */
function valuesOf(fields: ReadonlyMap<string, string>, schemas: FieldSchemas): Record<string, unknown> {
  const entries = Array.from(fields, ([name, text]): [string, unknown] => {
    switch (name) {
      case 'digest':
        return ['sha256', parseDigest(text)];
      case 'tags':
        return [name, jsonField(name, text, tagsSchema)];
      case 'metadata':
        return [name, metadataField(text)];
      default:
        return [name, schemas[name]?.parse(text)];
    }
  });
  return Object.fromEntries(entries);
}

function metadataField(text: string): Record<string, unknown> {
  const metadata = jsonField('metadata', text, metadataSchema);
  if (utf8Bytes(JSON.stringify(metadata)) > maxMetadataBytes) {
    throw wrongField('metadata', `is larger than ${String(maxMetadataBytes)} bytes of JSON`);
  }
  return metadata;
}

function jsonField<Schema extends z.ZodType>(name: string, text: string, schema: Schema): z.output<Schema> {
  const { value, objection } = parseJson(text);
  if (objection !== undefined) {
    throw wrongField([name, objection.path].filter((part) => part !== '').join('.'), objection.message);
  }
  const result = schema.safeParse(value, { error: fieldWords(value) });
  if (!result.success) throw wrongField(name, result.error.issues[0]?.message ?? 'is not valid');
  return result.data;
}

function wrongField(name: string, message: string): AppError {
  const path = name.slice(0, 80);
  return new AppError('invalid_request', `The form field ${JSON.stringify(path)} ${message}.`, {
    errors: [{ path, message }],
  });
}
