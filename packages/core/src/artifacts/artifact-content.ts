import { AppError } from '../app-error.ts';
import { digestOf } from '../values/digest.ts';

/** The location of owned bytes in the blob store. Only the server uses it: it is never on a wire. */
export interface BlobReference {
  readonly key: string;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Opaque mark of the object as it was written. A different mark means that the bytes must be hashed again. */
  readonly fingerprint: string;
}

/** Bytes that Proofhouse stores: size and digest are verified. */
export interface OwnedContent {
  readonly kind: 'owned';
  readonly blob: BlobReference;
}

/** Bytes that are kept elsewhere: size and checksum are what the registration said. Proofhouse never opens the URI. */
export interface PointerContent {
  readonly kind: 'pointer';
  readonly uri: string;
  /** `sha256:<hex>`; null where the registration gave none. */
  readonly checksum: string | null;
  readonly sizeBytes: number | null;
}

/** An artifact has exactly one of both. The database checks the same (migration 0011). */
export type ArtifactContent = OwnedContent | PointerContent;

interface HasContent {
  readonly id: string;
  readonly content: ArtifactContent;
}

/** Returns the blob of an artifact. Throws `not_owned` for a pointer. */
export function ownedBlob({ id, content }: HasContent): BlobReference {
  if (content.kind === 'owned') return content.blob;
  throw new AppError('not_owned', `The bytes of artifact ${id} are not stored here; they are at ${content.uri}.`, {
    details: { storageUri: content.uri },
  });
}

/** Returns `sha256:<hex>`, or null where it is not known. */
export function checksumOf(content: ArtifactContent): string | null {
  return content.kind === 'owned' ? digestOf(content.blob.sha256) : content.checksum;
}

/** Returns the size in bytes, or null where it is not known. */
export function contentSizeOf(content: ArtifactContent): number | null {
  return content.kind === 'owned' ? content.blob.sizeBytes : content.sizeBytes;
}
