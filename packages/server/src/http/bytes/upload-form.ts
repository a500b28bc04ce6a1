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
import type { Clock } from '../../kernel/time/clock.ts';
import type { BodyDigests } from './body-digests.ts';
import { fieldText, formParts } from './multipart-form.ts';

export interface UploadFormOptions<Staged extends StagedBlob> {
  readonly clock: Clock;
  readonly boundary: string;
  readonly maxBytes: number;
  readonly digests?: BodyDigests | undefined;
  readonly stage: (source: AsyncIterable<Uint8Array>) => Promise<Staged>;
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

const fieldSchemas: Readonly<Record<string, z.ZodType>> = operations.uploadArtifact.body.shape;

/**
 * Reads an upload form. Its parts may come in any order. The file is staged while it arrives, and each field is checked as
 * soon as it has arrived. On any failure the staged file is discarded. Errors: `bad_request`, `invalid_request`, and the
 * errors of the checks of single fields.
 */
export async function readUploadForm<Staged extends StagedBlob>(
  request: IncomingMessage,
  options: UploadFormOptions<Staged>,
): Promise<UploadForm<Staged>> {
  const fields = new Map<string, string>();
  let file: { staged: Staged; contentType: string | undefined } | undefined;
  try {
    for await (const part of formParts(request, options)) {
      if (part.name === 'file') {
        if (file !== undefined) throw wrongField('file', 'was sent twice');
        file = { staged: await options.stage(part.body), contentType: part.contentType };
      } else {
        await takeField(part.name, fields, () => fieldText(part), options);
      }
    }
    if (file === undefined) throw wrongField('file', 'is required');
    if (!fields.has('name')) throw wrongField('name', 'is required');
    return {
      about: aboutOf(fields),
      leaseId: fields.get('leaseId'),
      partContentType: file.contentType,
      staged: file.staged,
    };
  } catch (error) {
    await file?.staged.discard();
    throw error;
  }
}

async function takeField(
  name: string,
  fields: Map<string, string>,
  read: () => Promise<string>,
  options: Pick<UploadFormOptions<StagedBlob>, 'checkWorker' | 'checkLease'>,
): Promise<void> {
  const schema = Object.hasOwn(fieldSchemas, name) ? fieldSchemas[name] : undefined;
  if (schema === undefined) throw wrongField(name, 'is not a known field');
  if (fields.has(name)) throw wrongField(name, 'was sent twice');
  const text = await read();
  // An empty field counts as absent, except the field `name`, which must not be empty.
  if (text.trim() === '' && name !== 'name') return;
  const result = schema.safeParse(text, { error: fieldWords(text) });
  if (!result.success) throw wrongField(name, result.error.issues[0]?.message ?? 'is not valid');
  fields.set(name, text);
  if (name === 'workerId') options.checkWorker(text);
  if (name === 'leaseId') options.checkLease(text);
  if (name === 'name') normalizeArtifactName(text);
  if (name === 'digest') parseDigest(text);
  if (name === 'contentType' && cleanContentType(text) === undefined)
    throw wrongField(name, 'has no printable character');
  if (name === 'tags') jsonField(name, text, tagsSchema);
  if (name === 'metadata') metadataField(text);
}

function aboutOf(fields: ReadonlyMap<string, string>): UploadFields {
  const digest = fields.get('digest');
  const tags = fields.get('tags');
  const metadata = fields.get('metadata');
  const { type, title } = operations.uploadArtifact.body
    .pick({ type: true, title: true })
    .parse({ type: fields.get('type'), title: fields.get('title') });
  return {
    name: fields.get('name') ?? '',
    contentType: fields.get('contentType'),
    sha256: digest === undefined ? undefined : parseDigest(digest),
    type,
    title,
    tags: tags === undefined ? undefined : jsonField('tags', tags, tagsSchema),
    metadata: metadata === undefined ? undefined : metadataField(metadata),
  };
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
