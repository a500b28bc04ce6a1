import { AppError, SecretScan, textEncodingOf } from '@proofhouse/core';
import { EmbeddedArchives } from './archives/embedded-archives.ts';
import { PieceReader } from './archives/piece-reader.ts';
import { ScanBudget, scanLimits, type ScanLimits } from './archives/scan-limits.ts';
import { spooled } from './archives/spool.ts';
import { tarMembers, type ArchiveMember } from './archives/tar-members.ts';
import { unpacked, type PackedKind } from './archives/unpack.ts';
import type { RandomAccess } from './archives/random-access.ts';
import { contentKindOf, kindBytes, looksCompressed, type ContentKind } from './content-kind.ts';
import type { SecretMask } from './secret-mask.ts';

/** Bytes that can be read more than once. */
export interface Content {
  read(): AsyncIterable<Uint8Array>;
  /**
   * Access to any range of the bytes. If it is missing, a zip archive is copied into a temporary file before the scan.
   */
  readonly random?: RandomAccess | undefined;
}

export interface ScanOptions {
  readonly mask: SecretMask;
  /** Called once with each piece of the content itself, in order. Not called for unpacked members. */
  readonly seen: (piece: Uint8Array) => void;
  /** Folder for temporary files. */
  readonly scratch: string;
  readonly limits?: ScanLimits | undefined;
}

/**
 * Scans a content that must not be changed. In an archive, scans all members, also those of archives inside archives.
 * Throws `secret_found` for a secret, and another error if an archive cannot be scanned completely. Returns one line
 * for each part that was not scanned, because it is encrypted, compressed in an unknown format, or after the end of an
 * archive.
 */
export async function scanContent(content: Content, options: ScanOptions): Promise<readonly string[]> {
  const scan = new ContentScan(content, options);
  await scan.run();
  return scan.unscanned;
}

/**
 * The path to a part of a content: the names of the archive members around it, outermost first. Empty for the content
 * itself.
 */
type Place = readonly string[];

class ContentScan {
  readonly unscanned: string[] = [];
  readonly #content: Content;
  readonly #options: ScanOptions;
  readonly #budget: ScanBudget;

  constructor(content: Content, options: ScanOptions) {
    this.#content = content;
    this.#options = options;
    this.#budget = new ScanBudget(options.limits ?? scanLimits, content.random?.sizeBytes);
  }

  async run(): Promise<void> {
    const { random } = this.#content;
    const reader = new PieceReader(this.#content.read(), this.#options.seen);
    try {
      const kind = contentKindOf(await reader.peek(kindBytes));
      const mayEndAsZip = random !== undefined && ['binary', 'media', 'text'].includes(kind);
      const inside = mayEndAsZip && (await endsAsZip(random)) ? 'zip' : kind;
      await this.#scanPart(reader, { kind, inside }, [], random);
    } finally {
      await reader.close();
    }
  }

  async #scanPart(reader: PieceReader, { kind, inside }: Kinds, place: Place, random?: RandomAccess): Promise<void> {
    const { mask } = this.#options;
    this.#budget.requireDepth(place.length);
    const scan = new SecretScan(kind === 'text' ? mask.set() : mask.binarySet());
    const raw = new RawBytes();
    const tapped = new PieceReader(reader.pieces(), (piece) => {
      scan.write(piece);
      raw.write(piece);
    });
    const streamBytes = await this.#scanInside(tapped, inside, place, random);
    await tapped.drain();
    requireClean(scan, place);
    if (streamBytes !== undefined && raw.endOfData > streamBytes) this.#tell(place, 'has data behind its end');
    const { found } = raw.archives;
    if (['binary', 'media', 'text', 'utf16'].includes(inside) && found !== undefined) {
      this.#tell(place, `has ${found.format} data at byte ${found.offset}`);
    }
  }

  #tell(place: Place, what: string): void {
    this.unscanned.push(`${whereOf(place)} ${what} that was not scanned for secrets`);
  }

  /**
   * Scans the parts of a content that are visible only after decoding or unpacking. If the part is a compressed stream,
   * returns its length, because other data may follow it.
   */
  async #scanInside(
    reader: PieceReader,
    kind: ContentKind,
    place: Place,
    random?: RandomAccess,
  ): Promise<number | undefined> {
    switch (kind) {
      case 'text':
      case 'media':
        return undefined;
      case 'binary':
        if (looksCompressed(await reader.peek(kindBytes))) this.#tell(place, 'has compressed or encrypted data');
        await this.#scanWithoutNuls(reader, place);
        return undefined;
      case 'opaque':
        this.unscanned.push(`${whereOf(place)} is an archive of a kind whose members are not scanned for secrets`);
        return undefined;
      case 'utf16':
        await this.#scanUtf16(reader, place);
        return undefined;
      case 'gzip':
      case 'zlib':
      case 'zstd':
        return this.#scanPacked(reader, kind, place);
      case 'tar':
        for await (const member of tarMembers(reader, () => this.#tell(place, 'has data behind its end'))) {
          this.#budget.takeMember();
          await this.#scanMember(member, place);
        }
        return undefined;
      case 'zip':
        if (random !== undefined) await this.#scanZip(random, place);
        else await spooled(this.#options.scratch, reader.pieces(), (content) => this.#scanZip(content, place));
        return undefined;
    }
  }

  async #scanPacked(reader: PieceReader, kind: PackedKind, place: Place): Promise<number | undefined> {
    let streamBytes: number | undefined;
    const read = () =>
      unpacked(kind, reader.pieces(), this.#budget, (bytes) => {
        streamBytes = bytes;
      });
    try {
      await this.#scanMember({ name: kind, read }, place);
    } catch (error) {
      // A zlib stream is recognized by its first two bytes, which other binary files may have too. An error of the data
      // then means only that the content is no zlib stream.
      if (kind !== 'zlib' || !isDataError(error)) throw error;
      this.#tell(place, 'may have zlib data');
    }
    return streamBytes;
  }

  async #scanZip(content: RandomAccess, place: Place): Promise<void> {
    // The module is loaded only when it is needed, because most workers never scan a zip archive.
    const { zipMembers } = await import('./archives/zip-members.ts');
    const onUnlisted = (position: number) =>
      this.#tell(place, `has data at byte ${position} that its directory does not list and`);
    for await (const member of zipMembers(content, this.#budget, onUnlisted)) {
      if (!member.isEncrypted) await this.#scanMember(member, place);
      else this.unscanned.push(`${whereOf([...place, member.name])} is encrypted and was not scanned for secrets`);
    }
  }

  async #scanMember({ name, read }: ArchiveMember, above: Place): Promise<void> {
    if (this.#options.mask.finds(name)) throw found('in the name of a member', above);
    const place = [...above, name];
    const reader = new PieceReader(read());
    try {
      const kind = contentKindOf(await reader.peek(kindBytes));
      await this.#scanPart(reader, { kind, inside: kind }, place);
    } finally {
      await reader.close();
    }
  }

  async #scanUtf16(reader: PieceReader, place: Place): Promise<void> {
    const decoder = new TextDecoder(textEncodingOf(await reader.peek(kindBytes)));
    const encoder = new TextEncoder();
    const scan = new SecretScan(this.#options.mask.set());
    for await (const piece of reader.pieces()) scan.write(encoder.encode(decoder.decode(piece, { stream: true })));
    scan.write(encoder.encode(decoder.decode()));
    requireClean(scan, place);
  }

  /** Finds ASCII text in UTF-16 (in either byte order) anywhere in a binary file. */
  async #scanWithoutNuls(reader: PieceReader, place: Place): Promise<void> {
    const scan = new SecretScan(this.#options.mask.binarySet());
    for await (const piece of reader.pieces()) scan.write(withoutNuls(piece));
    requireClean(scan, place);
  }
}

/**
 * The kind of a part by its first bytes, and the kind of the content that is scanned inside. They can differ, because a
 * text may end as a zip archive.
 */
interface Kinds {
  readonly kind: ContentKind;
  readonly inside: ContentKind;
}

/** Facts about the bytes of a part, for which the part need not be decoded. */
class RawBytes {
  readonly archives = new EmbeddedArchives();
  /** Position after the last byte that is not NUL. Archives may be followed by NULs as padding. */
  endOfData = 0;
  #sizeBytes = 0;

  write(piece: Uint8Array): void {
    this.archives.write(piece);
    let end = piece.length;
    while (end > 0 && piece[end - 1] === 0) end -= 1;
    if (end > 0) this.endOfData = this.#sizeBytes + end;
    this.#sizeBytes += piece.length;
  }
}

function withoutNuls(piece: Uint8Array): Uint8Array {
  if (!piece.includes(0)) return piece;
  const kept = new Uint8Array(piece.length);
  let length = 0;
  for (const byte of piece) {
    if (byte === 0) continue;
    kept[length] = byte;
    length += 1;
  }
  return kept.subarray(0, length);
}

/** Returns true if the error of zlib means that the data is invalid. */
function isDataError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');
}

function requireClean(scan: SecretScan, place: Place): void {
  const [finding] = scan.end().findings;
  if (finding !== undefined) throw found(`(${finding.rule})`, place);
}

function found(what: string, place: Place): AppError {
  const member = place.length === 0 ? '' : ` in ${whereOf(place)}`;
  return new AppError('secret_found', `it contains a secret ${what}${member}`);
}

function whereOf(place: Place): string {
  return place.length === 0 ? 'it' : JSON.stringify(place.join(' > '));
}

/**
 * Returns true if a content ends as a zip archive. This is so for a self-extracting program, which does not begin as a
 * zip archive. A comment of any length may follow the last record of a zip archive.
 */
export async function endsAsZip(content: RandomAccess): Promise<boolean> {
  const recordBytes = 22;
  const { sizeBytes } = content;
  const pieces: Uint8Array[] = [];
  const from = Math.max(0, sizeBytes - recordBytes - 0xffff);
  for await (const piece of content.readRange(from, sizeBytes)) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  const signature = Buffer.from('PK\u0005\u0006');
  for (let at = bytes.lastIndexOf(signature); at !== -1; at = at === 0 ? -1 : bytes.lastIndexOf(signature, at - 1)) {
    if (at + recordBytes <= bytes.length && at + recordBytes + bytes.readUInt16LE(at + 20) === bytes.length)
      return true;
  }
  return false;
}
