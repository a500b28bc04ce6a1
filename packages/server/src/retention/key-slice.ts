import { blobKeyPrefixPattern, type BlobListing, type Blobs } from '@proofhouse/blobs';
import { z } from 'zod';

/** In the order in which slices follow each other. */
const keyCharacters = 'abcdefghijklmnopqrstuvwxyz234567';

export const keyPrefixSchema = z.string().regex(blobKeyPrefixPattern);

export interface KeySlice {
  readonly blobs: readonly BlobListing[];
  /** Places that were planted and passed over; see `ListOptions.onPlanted`. */
  readonly planted: readonly string[];
  /** Where to go on; undefined after the last. */
  readonly next: string | undefined;
}

/**
 * The blobs whose keys begin with `prefix`; none when there are more than `most`, and then the slice that begins with
 * one character more comes next. So a call is bounded, and a small store is one slice.
 */
export async function keySlice(blobs: Blobs, prefix: string, most: number): Promise<KeySlice> {
  const found: BlobListing[] = [];
  const planted: string[] = [];
  const onPlanted = (place: string): void => void planted.push(place);
  for await (const blob of blobs.list({ prefix, onPlanted })) {
    if (found.length === most) return { blobs: [], planted: [], next: `${prefix}${keyCharacters.charAt(0)}` };
    found.push(blob);
  }
  return { blobs: found, planted, next: prefixAfter(prefix) };
}

/** The next prefix of the same length, or a shorter one where these are through. */
export function prefixAfter(prefix: string): string | undefined {
  if (prefix === '') return undefined;
  const place = keyCharacters.indexOf(prefix.slice(-1)) + 1;
  const shorter = prefix.slice(0, -1);
  return place < keyCharacters.length ? `${shorter}${keyCharacters.charAt(place)}` : prefixAfter(shorter);
}
