import { artifactTooLarge } from '@proofhouse/blobs';

/**
 * Throws `artifact_too_large` if the Content-Length is larger than `maxBytes`. Called before any byte of the body is
 * read. For a form the limit is 64 KiB higher, because a form also contains fields and headers.
 */
export function requireLength(contentLength: string | undefined, maxBytes: number, what: 'form' | 'body'): void {
  const slack = what === 'form' ? 64 * 1024 : 0;
  if (contentLength === undefined || Number(contentLength) <= maxBytes + slack) return;
  throw artifactTooLarge(maxBytes, `the ${what} has ${contentLength}`);
}
