import { normalizeArtifactName } from '../artifacts/artifact-name.ts';
import { defaultContentType } from '../values/content-type.ts';
import { operations } from '../operations.ts';
import { maxToolUploadBytes, type UploadToolAnswer, type UploadToolInput } from '../artifacts/upload-tool.ts';

/**
 * Describes the HTTP request with which a client uploads bytes that must not be sent through a model. `baseUrl` is the
 * URL of the server without a trailing slash.
 */
export function explainUpload(baseUrl: string, input: UploadToolInput, reason: 'none' | 'too large'): UploadToolAnswer {
  const name = normalizeArtifactName(input.name).split('/').map(encodeURIComponent).join('/');
  const path = operations.putArtifact.path.replace('{jobId}', encodeURIComponent(input.jobId)).replace('{+name}', name);
  const query = new URLSearchParams({
    ...(input.type === undefined ? {} : { type: input.type }),
    ...(input.title === undefined ? {} : { title: input.title }),
  });
  const why =
    reason === 'none' ? 'The call had no content.' : `The content is larger than ${String(maxToolUploadBytes)} bytes.`;
  return {
    artifact: null,
    upload: {
      method: 'PUT',
      url: `${baseUrl}${path}${query.size === 0 ? '' : `?${query.toString()}`}`,
      headers: {
        Authorization: 'Bearer <your token>',
        'Content-Type': input.contentType ?? defaultContentType,
        ...(input.leaseId === undefined ? {} : { 'Proofhouse-Lease': input.leaseId }),
        ...(input.idempotencyKey === undefined ? {} : { 'Idempotency-Key': input.idempotencyKey }),
      },
    },
    note: `${why} Nothing was stored. Send the file itself as the body of this request, for example with curl --upload-file.`,
  };
}
