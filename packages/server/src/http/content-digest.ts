import { AppError } from '@proofhouse/core';
import { parseDictionary } from 'structured-headers';

/**
 * The sha-256 of a `Content-Digest` (RFC 9530), as lower-case hex; undefined when there is none. Other
 * algorithms are ignored, as the RFC says. Malformed: `invalid_digest`.
 */
export function contentDigest(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  try {
    const member = parseDictionary(String(header)).get('sha-256');
    if (member === undefined) return undefined;
    const value = member[0] as unknown;
    const bytes = value instanceof ArrayBuffer ? new Uint8Array(value) : value;
    if (bytes instanceof Uint8Array && bytes.length === 32) return Buffer.from(bytes).toString('hex');
  } catch {
    // Falls through to the refusal below: what cannot be parsed is as wrong as what does not fit.
  }
  throw new AppError('invalid_digest', 'Content-Digest must be "sha-256=:<base64 of 32 bytes>:" (RFC 9530).', {
    errors: [{ path: 'content-digest', message: 'cannot be read' }],
  });
}
