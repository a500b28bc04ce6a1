import { Readable } from 'node:stream';
import yauzl from 'yauzl';
import type { RandomAccess } from './random-access.ts';
import type { ScanBudget } from './scan-limits.ts';
import type { ArchiveMember } from './tar-members.ts';
import { unlistedMember } from './unlisted-members.ts';

const stored = 0;
const deflated = 8;

/** A member of a zip archive. If `isEncrypted` is true, its content is encrypted, and `read` must not be called. */
export interface ZipMember extends ArchiveMember {
  readonly isEncrypted: boolean;
}

/**
 * Yields the members of a zip archive. First it compares the declared sizes of all members with the limits of `budget`.
 * So an archive above a limit is refused before anything is unpacked. Throws if a member is larger than its declared
 * size. Calls `onUnlisted` with the position of a member that the directory of the archive does not list.
 */
export async function* zipMembers(
  content: RandomAccess,
  budget: ScanBudget,
  onUnlisted: (position: number) => void,
): AsyncGenerator<ZipMember, void, undefined> {
  const archive = await opened(content);
  try {
    const entries = await entriesOf(archive, budget);
    budget.requireRoom(entries.reduce((total, { uncompressedSize }) => total + uncompressedSize, 0));
    for (const entry of entries) {
      const name = entry.fileNameRaw.toString();
      // Deflate packs an empty file into two bytes.
      if (entry.uncompressedSize === 0 && entry.compressedSize <= 2) yield { name, isEncrypted: false, read: nothing };
      else yield { name, isEncrypted: entry.isEncrypted(), read: () => contentOf(archive, entry, budget) };
    }
    const unlisted = await unlistedMember(content, entries);
    if (unlisted !== undefined) onUnlisted(unlisted);
  } finally {
    archive.close();
  }
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {
  // A folder or an empty file.
}

function opened(content: RandomAccess): Promise<yauzl.ZipFile> {
  // Names must not be decoded here. For decoded names, yauzl refuses those that lead out of the folder in which an
  // archive is unpacked.
  const options = { lazyEntries: true, autoClose: false, decodeStrings: false };
  return new Promise((resolve, reject) => {
    yauzl.fromRandomAccessReader(new RangeReader(content), content.sizeBytes, options, (error, archive) => {
      if (error === null) resolve(archive);
      else reject(error);
    });
  });
}

function entriesOf(archive: yauzl.ZipFile, budget: ScanBudget): Promise<yauzl.Entry[]> {
  return new Promise((resolve, reject) => {
    const entries: yauzl.Entry[] = [];
    archive.on('entry', (entry: yauzl.Entry) => {
      try {
        budget.takeMember();
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
        return;
      }
      entries.push(entry);
      archive.readEntry();
    });
    archive.once('end', () => resolve(entries)).once('error', reject);
    archive.readEntry();
  });
}

async function* contentOf(
  archive: yauzl.ZipFile,
  entry: yauzl.Entry,
  budget: ScanBudget,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (entry.compressionMethod !== stored && entry.compressionMethod !== deflated) {
    throw new Error(`a member has the compression method ${entry.compressionMethod}, which is not supported`);
  }
  const stream = await new Promise<Readable>((resolve, reject) => {
    archive.openReadStream(entry, (error, content) => {
      if (error === null) resolve(content);
      else reject(error);
    });
  });
  for await (const piece of stream as AsyncIterable<Uint8Array>) {
    budget.takeBytes(piece.length);
    yield piece;
  }
}

class RangeReader extends yauzl.RandomAccessReader {
  readonly #content: RandomAccess;

  constructor(content: RandomAccess) {
    super();
    this.#content = content;
  }

  override _readStreamForRange(from: number, to: number): Readable {
    return Readable.from(this.#content.readRange(from, to), { highWaterMark: 1 });
  }
}
