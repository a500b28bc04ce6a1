import { AppError, parseJson } from '@proofhouse/core';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** A parsed JSON body. Also an error if the body contains a value that could not be returned exactly as it was sent. */
export interface JsonBody {
  readonly value: unknown;
  /** The error, with the path of the value: `bad_request` for a refused key, otherwise `invalid_request`. */
  readonly refusal: AppError | undefined;
}

/**
 * Parses a JSON body (RFC 8259), which must be UTF-8. `parseJson` finds values that could not be returned exactly as they
 * were sent. Errors: `bad_request` (not UTF-8, not JSON).
 */
export function parseJsonBody(body: Buffer): JsonBody {
  let text: string;
  try {
    text = utf8.decode(body);
  } catch (error) {
    throw new AppError('bad_request', 'The body is not UTF-8.', { cause: error });
  }
  const { value, objection } = parseJson(text);
  if (objection === undefined) return { value, refusal: undefined };
  const { kind, path, message } = objection;
  if (kind === 'syntax') throw new AppError('bad_request', 'The body is not JSON.');
  const where = path === '' ? 'The body' : path;
  const refusal = new AppError(kind === 'key' ? 'bad_request' : 'invalid_request', `${where} ${message}.`, {
    errors: [{ path: path === '' ? 'body' : path, message }],
  });
  return { value, refusal };
}

/**
 * Returns true if the `Content-Type` of a JSON body has no charset, or the charset is UTF-8 or a subset of it. JSON
 * between systems must be UTF-8 (RFC 8259 section 8.1).
 */
export function isUtf8Json(contentType: string | undefined): boolean {
  const [, charset] = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(contentType ?? '') ?? [];
  return charset === undefined || ['utf-8', 'utf8', 'us-ascii'].includes(charset.toLowerCase());
}
