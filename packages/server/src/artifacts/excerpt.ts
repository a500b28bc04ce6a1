import { isUtf8 } from 'node:buffer';
import {
  AppError,
  defaultContentType,
  digestOf,
  excerptLimits,
  ownedBlob,
  type ArtifactRecord,
  type Excerpt,
  type ExcerptQuery,
  type FoundLine,
} from '@proofhouse/core';
import type { ByteRange, OpenedBlob } from '@proofhouse/blobs';
import type { TimeSlices } from '../kernel/time/time-slices.ts';
import { searchLines } from './line-search.ts';

type Open = (range?: ByteRange) => Promise<OpenedBlob>;

/** Number of bytes at the beginning of an artifact that are examined to decide whether it is text or binary. */
const probeBytes = 4096;

/**
 * Returns a piece of an artifact as text. If the query has `grep`, returns only the lines that contain its text. Reads
 * the first `probeBytes` and the piece, or at most `scanBytes` for a search. A search keeps at most one line in memory.
 * For binary content, returns a description of it. Errors: `range_not_satisfiable`, `integrity_failure`, `not_owned`.
 */
export async function excerptOf(
  artifact: ArtifactRecord,
  query: ExcerptQuery,
  open: Open,
  signal: AbortSignal,
  slices: TimeSlices,
): Promise<Excerpt> {
  const { sizeBytes } = ownedBlob(artifact);
  const start = query.offset < 0 ? Math.max(0, sizeBytes + query.offset) : query.offset;
  if (start > sizeBytes) {
    throw new AppError('range_not_satisfiable', `The artifact has ${String(sizeBytes)} bytes.`);
  }
  const subject = aboutOf(artifact);
  if (looksBinary(await bytesOf(open, 0, Math.min(sizeBytes, probeBytes)))) return { ...subject, ...binary(subject) };
  if (query.grep !== undefined)
    return { ...subject, ...(await found(query.grep, query, { start, sizeBytes, open, signal, slices })) };
  const end = Math.min(sizeBytes, start + query.length);
  const bytes = await bytesOf(open, start, end);
  if (looksBinary(bytes)) return { ...subject, ...binary(subject) };
  return { ...subject, ...textPiece(bytes, start, sizeBytes) };
}

type Subject = Pick<Excerpt, 'jobId' | 'artifactId' | 'name' | 'contentType' | 'sizeBytes' | 'digest'>;
type Piece = Omit<Excerpt, keyof Subject>;

function aboutOf(artifact: ArtifactRecord): Subject {
  const { sizeBytes, sha256 } = ownedBlob(artifact);
  return {
    jobId: artifact.jobId ?? '',
    artifactId: artifact.id,
    name: artifact.name ?? '',
    contentType: artifact.contentType ?? defaultContentType,
    sizeBytes,
    digest: digestOf(sha256),
  };
}

function binary({ sizeBytes, contentType }: Subject): Piece {
  return {
    kind: 'binary',
    offset: 0,
    nextOffset: null,
    text: null,
    matches: null,
    invalidUtf8: false,
    note: `This is no UTF-8 text: ${String(sizeBytes)} bytes, called ${contentType}. Download it to use it.`,
  };
}

function textPiece(bytes: Buffer, start: number, sizeBytes: number): Piece {
  const from = start === 0 ? 0 : leadingRest(bytes);
  const atEnd = start + bytes.length === sizeBytes;
  const whole = atEnd ? bytes.length : wholeLength(bytes);
  // An excerpt usually ends with a complete character. If not even its first character is complete, that character is
  // returned as U+FFFD, so that a caller who continues makes progress.
  const to = whole > from || from > 0 ? Math.max(whole, from) : bytes.length;
  const shown = bytes.subarray(from, to);
  const end = start + to;
  const invalidUtf8 = !isUtf8(shown);
  const rest = end === sizeBytes ? 'to its end' : `of ${String(sizeBytes)}`;
  return {
    kind: 'text',
    offset: start + from,
    nextOffset: end === sizeBytes ? null : end,
    text: shown.toString('utf8'),
    matches: null,
    invalidUtf8,
    note: `Bytes ${String(start + from)} to ${String(end)}, ${rest}.${invalidUtf8 ? brokenNote : ''}`,
  };
}

const brokenNote = ' Some bytes are not UTF-8 and are shown as U+FFFD.';

interface Searched {
  readonly start: number;
  readonly sizeBytes: number;
  readonly open: Open;
  readonly signal: AbortSignal;
  readonly slices: TimeSlices;
}

async function found(
  needle: string,
  query: ExcerptQuery,
  { start, sizeBytes, open, signal, slices }: Searched,
): Promise<Piece> {
  const end = Math.min(sizeBytes, start + excerptLimits.scanBytes);
  const { matches, stoppedAt, invalidUtf8 } = await searchLines(chunksOf(open, start, end), {
    needle,
    start,
    end,
    isWhole: end === sizeBytes,
    context: query.context,
    maxMatches: query.maxMatches,
    maxBytes: query.length,
    signal,
    slices,
  });
  return {
    kind: 'text',
    offset: start,
    nextOffset: stoppedAt ?? null,
    text: null,
    matches,
    invalidUtf8,
    note: `${foundNote(matches, start, stoppedAt ?? sizeBytes, sizeBytes)}${invalidUtf8 ? brokenNote : ''}`,
  };
}

function foundNote(matches: readonly FoundLine[], start: number, end: number, sizeBytes: number): string {
  const count = matches.length === 1 ? 'One line contains' : `${String(matches.length)} lines contain`;
  const rest = end === sizeBytes ? '' : '; search on at nextOffset';
  return `${count} it between the bytes ${String(start)} and ${String(end)} of ${String(sizeBytes)}${rest}.`;
}

async function bytesOf(open: Open, start: number, end: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of chunksOf(open, start, end)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* chunksOf(open: Open, start: number, end: number): AsyncGenerator<Buffer> {
  if (end <= start) return;
  const { body } = await open({ start, end: end - 1 });
  if (Buffer.isBuffer(body)) yield body;
  else yield* body as AsyncIterable<Buffer>;
}

/**
 * Returns true if the bytes contain a zero byte, or too many invalid characters for a text. A text may have 6 invalid
 * characters, because it may be cut inside a character at both ends. It may also have more, up to a tenth of its
 * characters.
 */
function looksBinary(bytes: Buffer): boolean {
  if (bytes.includes(0)) return true;
  if (isUtf8(bytes)) return false;
  const text = bytes.toString('utf8');
  const broken = text.split('\ufffd').length - 1;
  return broken > Math.max(6, text.length / 10);
}

/** Returns how many bytes at the start of the excerpt belong to a character that began before the excerpt. */
function leadingRest(bytes: Buffer): number {
  let count = 0;
  while (count < 3 && ((bytes[count] ?? 0) & 0xc0) === 0x80) count += 1;
  return count;
}

/** Returns the length of the bytes, without an incomplete character at their end. */
function wholeLength(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needs > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
