import { AppError } from '../app-error.ts';
import { digestOf } from '../values/digest.ts';

/** The location of owned bytes in the blob store. Used only by the server, and part of no answer. */
export interface BlobReference {
  /** Key of the blob in the blob backend. */
  readonly key: string;
  /** The sha256 of the bytes, 64 lower-case hex digits. */
  readonly sha256: string;
  readonly sizeBytes: number;
  /**
   * A text that the backend returned for the stored object (see `BlobStat`). It is not parsed. If the backend later
   * returns another text, the bytes must be hashed again.
   */
  readonly fingerprint: string;
}

/** Content of an artifact whose bytes Proofhouse stores. Size and digest are verified. */
export interface OwnedContent {
  readonly kind: 'owned';
  readonly blob: BlobReference;
}

/**
 * Content of an artifact whose bytes are stored elsewhere. Its size and checksum were given by the client that
 * registered it. They are not verified, because Proofhouse never opens the URI.
 */
export interface PointerContent {
  readonly kind: 'pointer';
  readonly uri: string;
  /** `sha256:<hex>`. Null if the client gave no checksum. */
  readonly checksum: string | null;
  readonly sizeBytes: number | null;
}

/**
 * Content of an artifact: either owned or a pointer, never both. A constraint in the database also ensures this
 * (migration 0011).
 */
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

/** Returns the checksum as `sha256:<hex>`, or null if it is not known. */
export function checksumOf(content: ArtifactContent): string | null {
  return content.kind === 'owned' ? digestOf(content.blob.sha256) : content.checksum;
}

/** Returns the size in bytes, or null if it is not known. */
export function contentSizeOf(content: ArtifactContent): number | null {
  return content.kind === 'owned' ? content.blob.sizeBytes : content.sizeBytes;
}
