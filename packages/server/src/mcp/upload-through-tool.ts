import {
  explainUpload,
  jobArtifactToJson,
  parseFields,
  uploadedBytes,
  uploadToolSchema,
  type Principal,
  type UploadToolAnswer,
} from '@proofhouse/core';
import { contentTypeOf } from '../artifacts/content-type-of.ts';
import type { McpParts } from './mcp-parts.ts';

/**
 * Keeps what came through the model, if it is small; else says how to send it with an ordinary request. Checks in the
 * order of the upload routes. Errors: theirs.
 */
export async function uploadThroughTool(
  { artifacts, baseUrl }: McpParts,
  given: unknown,
  principal: Principal,
): Promise<UploadToolAnswer> {
  const input = parseFields(uploadToolSchema, given);
  const { jobId, name, leaseId, type, title, idempotencyKey } = input;
  const permit = await artifacts.permitUpload(principal, jobId, leaseId);
  artifacts.checkName(name);
  const bytes = uploadedBytes(input);
  if (typeof bytes === 'string') return explainUpload(baseUrl(), input, bytes);
  const staged = await artifacts.stage(permit, oneChunk(bytes));
  const contentType = contentTypeOf(name, input.contentType);
  const { artifact } = await artifacts.add(permit, staged, { name, contentType, type, title, idempotencyKey });
  return {
    artifact: jobArtifactToJson(artifact),
    upload: null,
    note: `Stored ${String(artifact.blob.sizeBytes)} bytes as ${artifact.name ?? name}.`,
  };
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
