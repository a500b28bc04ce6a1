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
 * Stores small content from the arguments of the upload tool as an artifact. If the content is large or absent, the
 * answer describes the HTTP request that the caller must send instead. The checks and errors, and their order, are
 * those of the upload routes.
 */
export async function uploadThroughTool(
  { jobUploads, baseUrl }: McpParts,
  given: unknown,
  principal: Principal,
): Promise<UploadToolAnswer> {
  const input = parseFields(uploadToolSchema, given);
  const { jobId, name, leaseId, type, title, idempotencyKey } = input;
  const permit = await jobUploads.permitUpload(principal, jobId, leaseId);
  jobUploads.checkName(name);
  const bytes = uploadedBytes(input);
  if (typeof bytes === 'string') return explainUpload(baseUrl(), input, bytes);
  const staged = await jobUploads.stage(permit, oneChunk(bytes));
  const contentType = contentTypeOf(name, input.contentType);
  const { artifact } = await jobUploads.add(permit, staged, { name, contentType, type, title, idempotencyKey });
  const json = jobArtifactToJson(artifact);
  return {
    artifact: json,
    upload: null,
    note: `Stored ${String(json.sizeBytes)} bytes as ${json.name}.`,
  };
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
