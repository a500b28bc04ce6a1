import type { RandomAccess } from './random-access.ts';

/** The position and sizes of a member, as the directory of its zip archive lists them. */
export interface ListedMember {
  readonly relativeOffsetOfLocalHeader: number;
  readonly compressedSize: number;
  readonly fileNameLength: number;
  readonly extraFieldLength: number;
}

const headerBytes = 30;
const signature = Buffer.from('PK\u0003\u0004');
/** Data between two members with fewer bytes are extra fields and checksums of a listed member. */
const largestGap = 512;

/**
 * Returns the position of data in a zip archive that its directory does not list, or undefined. Programs that read an archive
 * from its beginning unpack such members too. Only bytes outside of the listed members are read.
 */
export async function unlistedMember(
  content: RandomAccess,
  members: readonly ListedMember[],
): Promise<number | undefined> {
  const sorted = members.toSorted(
    (left, right) => left.relativeOffsetOfLocalHeader - right.relativeOffsetOfLocalHeader,
  );
  let end = 0;
  for (const member of sorted) {
    const from = member.relativeOffsetOfLocalHeader;
    if (end > 0 && from - end > largestGap) return end;
    const found = await headerWithin(content, end, from);
    if (found !== undefined) return found;
    const sizeBytes = headerBytes + member.fileNameLength + member.extraFieldLength + member.compressedSize;
    end = Math.max(end, from + sizeBytes);
  }
  return headerWithin(content, end, content.sizeBytes);
}

/** Returns the position of the first header of a member in a part of the content. */
async function headerWithin(content: RandomAccess, from: number, to: number): Promise<number | undefined> {
  if (to - from <= headerBytes) return undefined;
  let rest = Buffer.alloc(0);
  let at = from;
  for await (const piece of content.readRange(from, to)) {
    const bytes = Buffer.concat([rest, piece]);
    const found = bytes.indexOf(signature);
    if (found !== -1) return at - rest.length + found;
    at += piece.length;
    rest = bytes.subarray(Math.max(0, bytes.length - signature.length + 1));
  }
  return undefined;
}
