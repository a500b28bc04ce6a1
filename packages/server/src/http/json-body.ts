import { AppError, parseJson } from '@proofhouse/core';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The document in a body (RFC 8259): UTF-8, and nothing in it that would come back changed (`parseJson`). Errors:
 * `bad_request` (not UTF-8, not JSON, a refused key), `invalid_request` with the path.
 */
export function parseJsonBody(body: Buffer): unknown {
  let text: string;
  try {
    text = utf8.decode(body);
  } catch (error) {
    throw new AppError('bad_request', 'The body is not UTF-8.', { cause: error });
  }
  const { value, objection } = { value: undefined, ...parseJson(text) };
  if (objection === undefined) return value;
  const { kind, path, message } = objection;
  if (kind === 'syntax') throw new AppError('bad_request', 'The body is not JSON.');
  const where = path === '' ? 'The body' : path;
  throw new AppError(kind === 'key' ? 'bad_request' : 'invalid_request', `${where} ${message}.`, {
    errors: [{ path: path === '' ? 'body' : path, message }],
  });
}

/** Whether a `Content-Type` of JSON leaves the body in UTF-8, the only encoding of JSON between systems (RFC 8259 section 8.1). */
export function isUtf8Json(contentType: string | undefined): boolean {
  const [, charset] = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(contentType ?? '') ?? [];
  return charset === undefined || ['utf-8', 'utf8', 'us-ascii'].includes(charset.toLowerCase());
}
