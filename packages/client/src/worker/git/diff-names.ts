import { createHash } from 'node:crypto';
import { normalizeArtifactName } from '@proofhouse/core';

/** The artifact that holds the patch of the repository at the top. */
const topDiffName = 'diff.diff';
/** The artifact that lists all patches. */
export const listName = 'diffs.json';

/**
 * The name of the artifact with the patch of a nested repository: `diffs/<path>.diff`. Bytes that cannot stand in a name,
 * and `%`, are percent-encoded; so is the dot in a folder that ends in `.diff`, so that no patch is the folder of another.
 * A path that is too long even so is replaced by its SHA-256.
 */
export function diffNameOf(path: Buffer): string {
  if (path.length === 0) return topDiffName;
  const name = `diffs/${encoded(path)}.diff`;
  try {
    if (normalizeArtifactName(name) === name) return name;
  } catch {
    // Too long, or with too many parts.
  }
  return `diffs/%${createHash('sha256').update(path).digest('hex')}.diff`;
}

/** The name of the artifact with a content of Git LFS. */
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

// Not UTF-8: everything but plain ASCII is encoded.
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
