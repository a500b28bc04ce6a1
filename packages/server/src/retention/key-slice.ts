import { blobKeyPrefixPattern, type BlobListing, type Blobs } from '@proofhouse/blobs';
import { z } from 'zod';

/** The characters of keys, in the order of the slices. */
const keyCharacters = 'abcdefghijklmnopqrstuvwxyz234567';

export const keyPrefixSchema = z.string().regex(blobKeyPrefixPattern);

export interface KeySlice {
  readonly blobs: readonly BlobListing[];
  /** Paths of irregular objects that were skipped; see `ListOptions.onPlanted`. */
  readonly planted: readonly string[];
  /** Prefix of the next slice; undefined after the last. */
  readonly next: string | undefined;
}

/**
 * Returns the blobs whose keys begin with `prefix`. If there are more than `most`, it returns none, and `next` is a longer
 * prefix. So each call is bounded, and a small store is one slice.
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

/** Returns the next prefix of the same length, or a shorter one after the last of that length. */
export function prefixAfter(prefix: string): string | undefined {
  if (prefix === '') return undefined;
  const place = keyCharacters.indexOf(prefix.slice(-1)) + 1;
  const shorter = prefix.slice(0, -1);
  return place < keyCharacters.length ? `${shorter}${keyCharacters.charAt(place)}` : prefixAfter(shorter);
}
