import { AppError, parseJson } from '@proofhouse/core';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The document, and the refusal where it contains a value that would not be returned as it was sent. */
export interface JsonBody {
  readonly value: unknown;
  /** `bad_request` (a refused key) or `invalid_request`, with the path. */
  readonly refusal: AppError | undefined;
}

/**
 * Parses the document of a body (RFC 8259): UTF-8, without values that would not be returned as they were sent
 * (`parseJson`). Errors: `bad_request` (not UTF-8, not JSON).
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
 * Whether the `Content-Type` of a JSON body leaves it in UTF-8, the only encoding for JSON between systems (RFC 8259
 * section 8.1).
 */
export function isUtf8Json(contentType: string | undefined): boolean {
  const [, charset] = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(contentType ?? '') ?? [];
  return charset === undefined || ['utf-8', 'utf8', 'us-ascii'].includes(charset.toLowerCase());
}
