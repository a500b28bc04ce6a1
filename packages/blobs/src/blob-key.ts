import { AppError } from '@proofhouse/core';
import { blobKeyPattern, blobKeyPrefixPattern, markerPattern } from './blob-backend.ts';

/** Throws `invalid_request` unless the key is 32 base32 characters. The message does not contain the key. */
export function requireBlobKey(key: string): void {
  if (typeof key !== 'string' || !blobKeyPattern.test(key)) {
    throw new AppError('invalid_request', 'A blob key is 32 characters of a-z and 2-7.');
  }
}

/** Throws `invalid_request` if no blob key can begin with the prefix. The message does not contain the prefix. */
export function requireBlobKeyPrefix(prefix: string): void {
  if (typeof prefix !== 'string' || !blobKeyPrefixPattern.test(prefix)) {
    throw new AppError('invalid_request', 'The beginning of a blob key is at most 32 characters of a-z and 2-7.');
  }
}

/** Throws `invalid_request` unless the text is a valid marker. */
export function requireMarker(text: string): void {
  if (!markerPattern.test(text))
    throw new AppError('invalid_request', 'A marker is 1 to 128 printable ASCII characters.');
}
