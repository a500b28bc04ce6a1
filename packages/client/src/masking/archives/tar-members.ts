import type { PieceReader } from './piece-reader.ts';

const blockBytes = 512;
/** Largest size in bytes of a header block that contains a long name (GNU) or the records of a member (pax). */
const maxHeaderBytes = 1024 * 1024;

export interface ArchiveMember {
  readonly name: string;
  readonly read: () => AsyncIterable<Uint8Array>;
}

/**
 * Yields the members of a tar archive (ustar, GNU, pax) in their order. A member must be read before the next one is
 * requested, because unread bytes are then skipped. Members after an end mark are yielded too, because archives may be
 * concatenated. Calls `onOther` if other bytes follow an end mark. Throws if a header is damaged, or if the archive is
 * truncated.
 */
export async function* tarMembers(
  reader: PieceReader,
  onOther: () => void = () => undefined,
): AsyncGenerator<ArchiveMember, void, undefined> {
  let longName: string | undefined;
  let longSize: number | undefined;
  let isAfterEnd = false;
  for (;;) {
    const header = isAfterEnd ? await lastBlock(reader) : await reader.take(blockBytes);
    if (header === undefined) return;
    if (header.every((byte) => byte === 0)) {
      isAfterEnd = true;
      continue;
    }
    if (isAfterEnd && !isTarHeader(header)) {
      onOther();
      return;
    }
    isAfterEnd = false;
    requireChecksum(header);
    const type = String.fromCharCode(header[156] ?? 0);
    if ('LKxg'.includes(type)) {
      const bytes = await headerContent(reader, sizeIn(header));
      if (type === 'L') longName = textIn(bytes, 0, bytes.length);
      if (type === 'x') ({ path: longName = longName, size: longSize } = paxRecords(bytes));
      continue;
    }
    // A link, device, folder or FIFO has no content, even if its size field is not 0.
    const size = '123456'.includes(type) ? 0 : (longSize ?? sizeIn(header));
    yield* memberOf(reader, longName ?? nameIn(header), size);
    longName = undefined;
    longSize = undefined;
  }
}

async function* memberOf(
  reader: PieceReader,
  name: string,
  size: number,
): AsyncGenerator<ArchiveMember, void, undefined> {
  let readBytes = 0;
  const content = reader.pieces(size);
  async function* counted(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const { done, value } = await content.next();
      if (done === true) return;
      readBytes += value.length;
      yield value;
    }
  }
  yield { name, read: counted };
  for await (const _piece of counted());
  if (readBytes < size) throw new Error('it ends in the middle of a member');
  await skipPadding(reader, size);
}

async function headerContent(reader: PieceReader, size: number): Promise<Buffer> {
  if (size > maxHeaderBytes) throw new Error('a name in it is too long');
  const bytes = size === 0 ? Buffer.alloc(0) : await reader.take(size);
  if (bytes === undefined) throw new Error('it ends in the middle of a member');
  await skipPadding(reader, size);
  return bytes;
}

async function skipPadding(reader: PieceReader, size: number): Promise<void> {
  const padding = (blockBytes - (size % blockBytes)) % blockBytes;
  for await (const _piece of reader.pieces(padding));
}

/** Returns the next block. If the archive ends inside the block, the rest of the block is filled with zeros. */
async function lastBlock(reader: PieceReader): Promise<Buffer | undefined> {
  const pieces: Uint8Array[] = [];
  for await (const piece of reader.pieces(blockBytes)) pieces.push(piece);
  return pieces.length === 0 ? undefined : Buffer.concat(pieces, blockBytes);
}

/**
 * Returns true if the first block is a header of a tar archive of any variant, including the variant without "ustar".
 */
export function isTarHeader(bytes: Uint8Array): boolean {
  if (bytes.length < blockBytes) return false;
  try {
    requireChecksum(Buffer.from(bytes.subarray(0, blockBytes)));
    return true;
  } catch {
    return false;
  }
}

/**
 * Throws if the checksum of a header is wrong. The checksum is the sum of all bytes of the header, in which the bytes
 * of the checksum itself count as spaces.
 */
function requireChecksum(header: Buffer): void {
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  if (sum !== numberIn(header, 148, 8)) throw new Error('a header in it is damaged');
}

function nameIn(header: Buffer): string {
  const name = textIn(header, 0, 100);
  const isUstar = header.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isUstar ? textIn(header, 345, 155) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

function textIn(bytes: Buffer, at: number, length: number): string {
  const field = bytes.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end === -1 ? field.length : end);
}

function sizeIn(header: Buffer): number {
  return numberIn(header, 124, 12);
}

/**
 * Returns the number in a field of a header. It is octal text. If the first bit is set, it is binary, which GNU uses
 * for large numbers.
 */
function numberIn(header: Buffer, at: number, length: number): number {
  const field = header.subarray(at, at + length);
  const number =
    ((field[0] ?? 0) & 0x80) === 0
      ? Number.parseInt(textIn(field, 0, length).trim() || '0', 8)
      : field.subarray(1).reduce((total, byte) => total * 256 + byte, (field[0] ?? 0) & 0x7f);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new Error('a header in it is damaged');
}

/**
 * Returns the path and the size in pax records. A record is `<length> <key>=<value>\n`, where the length is that of the
 * whole record.
 */
function paxRecords(bytes: Buffer): { path?: string; size?: number } {
  const records: { path?: string; size?: number } = {};
  for (let at = 0; at < bytes.length;) {
    const length = Number.parseInt(bytes.toString('latin1', at, at + 12), 10);
    if (!(length > 0)) break;
    const record = bytes.toString('utf8', at, at + length - 1);
    const [, key, value = ''] = /^\d+ ([^=]+)=(.*)$/s.exec(record) ?? [];
    if (key === 'path') records.path = value;
    if (key === 'size' && /^\d{1,15}$/.test(value)) records.size = Number(value);
    at += length;
  }
  return records;
}
