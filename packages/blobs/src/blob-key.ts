import { AppError } from '@proofhouse/core';
import { blobKeyPattern, blobKeyPrefixPattern, markerPattern } from './blob-backend.ts';

/** Refuses every key but 32 base32 characters with `invalid_request`; the key is not repeated in the message. */
export function requireBlobKey(key: string): void {
  if (typeof key !== 'string' || !blobKeyPattern.test(key)) {
    throw new AppError('invalid_request', 'A blob key is 32 characters of a-z and 2-7.');
  }
}

/** Refuses what no key can begin with; the prefix is not repeated in the message. */
export function requireBlobKeyPrefix(prefix: string): void {
  if (typeof prefix !== 'string' || !blobKeyPrefixPattern.test(prefix)) {
    throw new AppError('invalid_request', 'The beginning of a blob key is at most 32 characters of a-z and 2-7.');
  }
}

/** Errors: `invalid_request`. */
export function requireMarker(text: string): void {
  if (!markerPattern.test(text))
    throw new AppError('invalid_request', 'A marker is 1 to 128 printable ASCII characters.');
}
