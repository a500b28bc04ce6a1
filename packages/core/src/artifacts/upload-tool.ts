import { z } from 'zod';
import { AppError } from '../app-error.ts';
import { artifactTypes, jobArtifactSchema } from './artifact.ts';
import { opaqueSchema, textSchema, utf8Bytes } from '../values/wire-values.ts';

/** Largest upload in the arguments of a tool call, in bytes. Larger content must be uploaded over HTTP. */
export const maxToolUploadBytes = 256 * 1024;

/** Description of the argument `leaseId` in every tool that has it. */
export const leaseDescription = 'From queue_claim: without it a call after a lost lease is not refused.';

export const uploadToolSchema = z.strictObject({
  jobId: z.string(),
  name: z.string().meta({ description: 'A relative name in the job, such as reports/unit.xml.' }),
  leaseId: opaqueSchema.optional().meta({ description: leaseDescription }),
  contentType: z.string().max(255).optional().meta({ description: "Left out: by the name's ending." }),
  type: z.enum(artifactTypes).optional(),
  title: textSchema(1, 500).optional(),
  text: z
    .string()
    .optional()
    .meta({ description: `The content as text, at most ${String(maxToolUploadBytes)} bytes of UTF-8.` }),
  base64: z
    .string()
    .optional()
    .meta({ description: `The content as base64 (RFC 4648), at most ${String(maxToolUploadBytes)} bytes decoded.` }),
  idempotencyKey: opaqueSchema
    .optional()
    .meta({ description: 'The same key and bytes give the first artifact again.' }),
});
export type UploadToolInput = z.output<typeof uploadToolSchema>;

/**
 * Arguments of the upload tool of an MCP server that runs on the machine with the files. With `path`, the tool uploads
 * a local file without sending its bytes through the model.
 */
export const localUploadToolSchema = uploadToolSchema.extend({
  path: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'A file on this machine, of any size, instead of its content.' }),
});

export const uploadToolAnswerSchema = z.object({
  artifact: jobArtifactSchema.nullable().meta({ description: 'Null when nothing was stored.' }),
  upload: z
    .object({ method: z.literal('PUT'), url: z.string(), headers: z.record(z.string(), z.string()) })
    .nullable()
    .meta({ description: 'The request that stores the bytes: send the file as its body.' }),
  note: z.string(),
});
export type UploadToolAnswer = z.infer<typeof uploadToolAnswerSchema>;

/**
 * Schema of the tool's answer, which a model reads. It has only the fields that a model needs, and not the complete
 * record.
 */
export const uploadToolOutputSchema = z.looseObject({
  artifact: z.looseObject({ id: z.string(), name: z.string(), digest: z.string() }).nullable(),
  upload: uploadToolAnswerSchema.shape.upload,
  note: z.string(),
});

/**
 * Returns the decoded bytes of a tool call. Returns `none` if the call has no content, and `too large` if the content
 * exceeds the limit. Throws `invalid_request`.
 */
export function uploadedBytes({ text, base64 }: UploadToolInput): Uint8Array | 'none' | 'too large' {
  if (text !== undefined && base64 !== undefined) throw wrong('base64', 'text and base64 exclude each other');
  if (text !== undefined) {
    if (!text.isWellFormed()) throw wrong('text', 'is not valid Unicode');
    // A character has at least one byte in UTF-8. So a text with more characters than the limit in bytes is too large,
    // without encoding it.
    if (text.length > maxToolUploadBytes || utf8Bytes(text) > maxToolUploadBytes) return 'too large';
    return new TextEncoder().encode(text);
  }
  if (base64 === undefined) return 'none';
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64) || base64.length % 4 !== 0) {
    throw wrong('base64', 'is not base64 with padding (RFC 4648 section 4)');
  }
  if ((base64.length / 4) * 3 - 2 > maxToolUploadBytes) return 'too large';
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return bytes.length > maxToolUploadBytes ? 'too large' : bytes;
}

function wrong(path: string, message: string): AppError {
  return new AppError('invalid_request', `The request is not valid: ${path}: ${message}.`, {
    errors: [{ path, message }],
  });
}
