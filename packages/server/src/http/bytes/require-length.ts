import { artifactTooLarge } from '@proofhouse/blobs';

/** Refuses a body whose Content-Length is too large before any of it is read. Errors: `artifact_too_large`. */
export function requireLength(contentLength: string | undefined, maxBytes: number, what: 'form' | 'body'): void {
  const slack = what === 'form' ? 64 * 1024 : 0;
  if (contentLength === undefined || Number(contentLength) <= maxBytes + slack) return;
  throw artifactTooLarge(maxBytes, `the ${what} has ${contentLength}`);
}
