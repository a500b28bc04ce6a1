import { createHash } from 'node:crypto';
import { normalizeArtifactName } from '@proofhouse/core';

/** Artifact name of the patch of the top repository. */
const topDiffName = 'diff.diff';
/** Artifact name of the list of all patches. */
export const listName = 'diffs.json';

/**
 * Returns the artifact name for the patch of a nested repository: `diffs/<path>.diff`. Bytes that a name cannot hold,
 * and `%`, are percent-encoded. The dot of a folder that ends in `.diff` is encoded too, so that no patch name is a
 * folder of another. A path that is still too long is replaced by its SHA-256.
 */
export function diffNameOf(path: Buffer): string {
  if (path.length === 0) return topDiffName;
  const name = `diffs/${encoded(path)}.diff`;
  try {
    if (normalizeArtifactName(name) === name) return name;
  } catch {
    // The name is too long, or has too many parts.
  }
  return `diffs/%${createHash('sha256').update(path).digest('hex')}.diff`;
}

/** Returns the artifact name for a content of Git LFS. */
export function contentNameOf(oid: string): string {
  return `diffs/lfs/${oid}`;
}

function encoded(path: Buffer): string {
  const text = path.toString('utf8');
  const isText = Buffer.from(text).equals(path);
  const plain = isText ? text.replace(/[%\\\p{C}\p{Zl}\p{Zp}]/gu, percent) : percentAll(path);
  const parts = plain.split('/').map((part) => part.replace(/^\s|\s$/gu, percent));
  const last = parts.length - 1;
  return parts
    .map((part, at) => (at === last ? part : part.replace(/\.diff$/i, (end) => `%2E${end.slice(1)}`)))
    .join('/');
}

function percent(characters: string): string {
  return [...Buffer.from(characters)].map(hex).join('');
}

// For names that are not UTF-8: encodes every byte that is not plain ASCII.
function percentAll(bytes: Buffer): string {
  return [...bytes]
    .map((byte) =>
      byte > 0x20 && byte < 0x7f && byte !== 0x25 && byte !== 0x5c ? String.fromCharCode(byte) : hex(byte),
    )
    .join('');
}

function hex(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}
