import { AppError, SecretScan } from '@proofhouse/core';
import { PieceReader } from './archives/piece-reader.ts';
import { ScanBudget, scanLimits, type ScanLimits } from './archives/scan-limits.ts';
import { spooled } from './archives/spool.ts';
import { tarMembers, type ArchiveMember } from './archives/tar-members.ts';
import { unpacked } from './archives/unpack.ts';
import type { RandomAccess } from './archives/zip-members.ts';
import { contentKindOf, kindBytes, type ContentKind } from './content-kind.ts';
import type { SecretMask } from './secret-mask.ts';

/** Bytes that can be read more than once. */
export interface Content {
  read(): AsyncIterable<Uint8Array>;
  /** Access to any range of the bytes. Without it, a zip archive is copied into a temporary file before it is scanned. */
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
 * Scans a content that must not be changed. In an archive, all members are scanned, also in archives inside archives.
 * Throws `secret_found` for a secret, and another error if an archive cannot be scanned completely. Returns one line for
 * each part that was not scanned, because it is encrypted or is an archive of an unknown format.
 */
export async function scanContent(content: Content, options: ScanOptions): Promise<readonly string[]> {
  const scan = new ContentScan(content, options);
  await scan.run();
  return scan.unscanned;
}

/**
 * The path to a part of a content: the names of the archive members that contain it, outermost first. Empty for the
 * content itself.
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
      const isZip = random !== undefined && kind === 'binary' && (await endsAsZip(random));
      await this.#scanPart(reader, isZip ? 'zip' : kind, [], random);
    } finally {
      await reader.close();
    }
  }

  async #scanPart(reader: PieceReader, kind: ContentKind, place: Place, random?: RandomAccess): Promise<void> {
    const { mask } = this.#options;
    this.#budget.requireDepth(place.length);
    const scan = new SecretScan(kind === 'text' ? mask.set() : mask.binarySet());
    const tapped = new PieceReader(reader.pieces(), (piece) => scan.write(piece));
    await this.#scanInside(tapped, kind, place, random);
    await tapped.drain();
    requireClean(scan, place);
  }

  /** Scans the parts of a content that are visible only after decoding or unpacking. */
  async #scanInside(reader: PieceReader, kind: ContentKind, place: Place, random?: RandomAccess): Promise<void> {
    switch (kind) {
      case 'text':
      case 'binary':
        return;
      case 'opaque':
        this.unscanned.push(`${whereOf(place)} is an archive of a kind whose members are not scanned for secrets`);
        return;
      case 'utf16':
        await this.#scanUtf16(reader, place);
        return;
      case 'gzip':
      case 'zstd':
        await this.#scanMember({ name: kind, read: () => unpacked(kind, reader.pieces(), this.#budget) }, place);
        return;
      case 'tar':
        for await (const member of tarMembers(reader)) {
          this.#budget.takeMember();
          await this.#scanMember(member, place);
        }
        return;
      case 'zip':
        if (random !== undefined) await this.#scanZip(random, place);
        else await spooled(this.#options.scratch, reader.pieces(), (content) => this.#scanZip(content, place));
    }
  }

  async #scanZip(content: RandomAccess, place: Place): Promise<void> {
    // The module is loaded only when it is needed, because most workers never scan a zip archive.
    const { zipMembers } = await import('./archives/zip-members.ts');
    for await (const member of zipMembers(content, this.#budget)) {
      if (!member.isEncrypted) await this.#scanMember(member, place);
      else this.unscanned.push(`${whereOf([...place, member.name])} is encrypted and was not scanned for secrets`);
    }
  }

  async #scanMember({ name, read }: ArchiveMember, above: Place): Promise<void> {
    if (this.#options.mask.finds(name)) throw found('in the name of a member', above);
    const place = [...above, name];
    const reader = new PieceReader(read());
    try {
      await this.#scanPart(reader, contentKindOf(await reader.peek(kindBytes)), place);
    } finally {
      await reader.close();
    }
  }

  async #scanUtf16(reader: PieceReader, place: Place): Promise<void> {
    const [first] = await reader.peek(1);
    const decoder = new TextDecoder(first === 0xff ? 'utf-16le' : 'utf-16be');
    const encoder = new TextEncoder();
    const scan = new SecretScan(this.#options.mask.set());
    for await (const piece of reader.pieces()) scan.write(encoder.encode(decoder.decode(piece, { stream: true })));
    scan.write(encoder.encode(decoder.decode()));
    requireClean(scan, place);
  }
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
 * Returns true if a content ends as a zip archive. A self-extracting program does so, although it does not begin as a zip
 * archive.
 */
async function endsAsZip(content: RandomAccess): Promise<boolean> {
  const endBytes = 22;
  const { sizeBytes } = content;
  if (sizeBytes < endBytes) return false;
  const pieces: Uint8Array[] = [];
  for await (const piece of content.readRange(sizeBytes - endBytes, sizeBytes)) pieces.push(piece);
  return Buffer.concat(pieces).readUInt32LE(0) === 0x06054b50;
}
