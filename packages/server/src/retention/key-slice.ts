import { blobKeyPrefixPattern, type BlobListing, type Blobs } from '@proofhouse/blobs';
import { z } from 'zod';

/** The characters of blob keys, in the order in which slices visit them. */
const keyCharacters = 'abcdefghijklmnopqrstuvwxyz234567';

export const keyPrefixSchema = z.string().regex(blobKeyPrefixPattern);

export interface KeySlice {
  readonly blobs: readonly BlobListing[];
  /** Paths that were skipped because the blob backend did not create the entry there; see `ListOptions.onPlanted`. */
  readonly planted: readonly string[];
  /** Key prefix of the next slice. Undefined after the last slice. */
  readonly next: string | undefined;
}

/**
 * Returns the blobs whose keys begin with `prefix`. If there are more than `most`, returns no blobs, and a longer
 * prefix in `next`. So the work of each call is bounded. A small store needs only one slice.
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

/**
 * Returns the key prefix of the next slice: `ab` follows `aa`, and `b` follows `a7`. Returns undefined after the last
 * prefix.
 */
export function prefixAfter(prefix: string): string | undefined {
  if (prefix === '') return undefined;
  const place = keyCharacters.indexOf(prefix.slice(-1)) + 1;
  const shorter = prefix.slice(0, -1);
  return place < keyCharacters.length ? `${shorter}${keyCharacters.charAt(place)}` : prefixAfter(shorter);
}
