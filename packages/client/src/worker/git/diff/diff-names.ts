import { createHash } from 'node:crypto';
import { normalizeArtifactName } from '@proofhouse/core';

/** Artifact name of the patch of the top repository. */
const topDiffName = 'diff.diff';
/** Artifact name of the list of all patches. */
export const listName = 'diffs.json';

/**
 * Returns the artifact name of a patch: `diff.diff` for the top repository (empty path), and `diffs/<path>.diff` for a
 * nested repository. `%` and bytes that an artifact name cannot contain are percent-encoded. If a folder name ends in
 * `.diff`, its dot is encoded too. Otherwise a patch could have the same name as a folder of another patch. A path that
 * is too long is replaced by its SHA-256.
 */
export function diffNameOf(path: Buffer): string {
  if (path.length === 0) return topDiffName;
  const name = `diffs/${encoded(path)}.diff`;
  try {
    if (normalizeArtifactName(name) === name) return name;
  } catch {
    // `normalizeArtifactName` refused the name, because it is too long or has too many parts.
  }
  return `diffs/%${createHash('sha256').update(path).digest('hex')}.diff`;
}

/** Returns the artifact name for the content of a Git LFS file. `oid` is the id of the content in Git LFS. */
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

// Percent-encodes a name that is not valid UTF-8. Encodes every byte that is not printable ASCII.
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
