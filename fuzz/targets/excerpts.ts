// Fuzzes excerpts of artifacts. Excerpts must be contiguous, and together they must be the whole text. A search must
// end.
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import type { ArtifactRecord, ExcerptQuery } from '@proofhouse/core';
import { excerptOf } from '../../packages/server/src/artifacts/excerpt.ts';
import { TimeSlices } from '../../packages/server/src/kernel/time/time-slices.ts';
import { chunksOf } from '../request-of-chunks.ts';

const never = new AbortController().signal;

function reader(bytes: Buffer, seed: number) {
  const artifact = {
    id: 'a',
    jobId: 'j',
    name: 'n',
    contentType: 'text/plain',
    content: { kind: 'owned', blob: { key: 'k', sizeBytes: bytes.length, sha256: '0'.repeat(64), fingerprint: 'f' } },
  } as Partial<ArtifactRecord> as ArtifactRecord;
  return (query: Partial<ExcerptQuery>) =>
    excerptOf(
      artifact,
      { offset: 0, length: 16_384, context: 0, maxMatches: 20, ...query },
      async (range) => {
        const part = range === undefined ? bytes : bytes.subarray(range.start, range.end + 1);
        const pieces = seed % 3 === 0 ? part : (chunksOf(part, 1 + (seed % 16), seed) as unknown);
        return { body: pieces as Buffer, fingerprint: '' };
      },
      never,
      new TimeSlices(),
    );
}

/**
 * The first byte determines the length of the search text, and the second byte the chunk sizes. The search text
 * follows, then the bytes of the artifact.
 */
export async function fuzz(data: Buffer): Promise<void> {
  const [needleLength = 0, seed = 0] = data;
  const needle = data.subarray(2, 2 + (needleLength % 8)).toString('utf8');
  const bytes = data.subarray(2 + (needleLength % 8));
  const read = reader(bytes, seed);
  const length = 1 + (seed % 40);
  let text = '';
  let offset = 0;
  for (let isText = true; isText;) {
    const piece = await read({ offset, length });
    if (piece.kind === 'binary') return;
    text += piece.text ?? '';
    if (piece.nextOffset === null) break;
    assert.ok(piece.nextOffset > offset, 'the next piece is no further');
    offset = piece.nextOffset;
    isText = offset < bytes.length;
  }
  if (isUtf8(bytes) && length >= 4) assert.equal(text, bytes.toString('utf8'), 'the pieces are not the text');
  if (needle !== '' && !needle.includes('\n')) await checkSearch(bytes, needle, read, 1 + (seed % 5));
}

async function checkSearch(
  bytes: Buffer,
  needle: string,
  read: ReturnType<typeof reader>,
  maxMatches: number,
): Promise<void> {
  const found: string[] = [];
  for (let offset: number | null = 0, before = -1; offset !== null;) {
    assert.ok(offset > before, 'searching on is no further');
    before = offset;
    const answer = await read({ grep: needle, offset, maxMatches });
    found.push(...(answer.matches ?? []).map((match) => match.text));
    offset = answer.nextOffset;
  }
  const lines = bytes.toString('utf8').replace(/\n$/, '').split('\n');
  const plain = lines
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => line.toLowerCase().includes(needle.toLowerCase()));
  if (plain.every((line) => line.length <= 400)) assert.deepEqual(found, plain, 'other lines are found');
}

export const words = ['\n', '\r\n', '\ufeff', 'é', '日', '😀', '\ufffd'];

export const seeds = [
  '\x01\x03aa\nb\r\na',
  '\x02\x27éeé\nxé\n',
  '\x00\x05no needle, a text of a line',
  '\x03\x04abcABC abc\n\nabcabc\n',
];
