import { artifactTooLarge } from '@proofhouse/blobs';

/**
 * Throws `artifact_too_large` when the Content-Length is larger than `maxBytes`. Called before any byte of the body is
 * read. A form may be 64 KiB larger than `maxBytes`, because it has more than the file.
 */
export function requireLength(contentLength: string | undefined, maxBytes: number, what: 'form' | 'body'): void {
  const slack = what === 'form' ? 64 * 1024 : 0;
  if (contentLength === undefined || Number(contentLength) <= maxBytes + slack) return;
  throw artifactTooLarge(maxBytes, `the ${what} has ${contentLength}`);
}
