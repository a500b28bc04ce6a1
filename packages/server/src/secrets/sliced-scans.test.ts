import { compileSecrets } from '@proofhouse/core';
import { expect, it } from 'vitest';
import type { SecretAnswer, ThreadResult } from './secret-requests.ts';
import { SlicedScans } from './sliced-scans.ts';

const secret = 'correct horse battery';
const set = compileSecrets({ values: [{ name: 'PASS', value: secret }] });
const encoding = 'utf-8';
const confirmed = false;

/** Returns scans with a clock that advances by `msPerLook` whenever it is read. Each step of a scan reads it once. */
function scansWith(msPerLook: number): SlicedScans {
  let ms = 0;
  const now = (): number => {
    ms += msPerLook;
    return ms;
  };
  return new SlicedScans({ set, confirmed, now });
}

function bytesOf(kib: number): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode('a line of text\n'.repeat(kib * 64) + secret);
}

/** Continues the scan until its request is finished. Returns the number of interruptions. */
function finish(
  scans: SlicedScans,
  scan: number,
  first: SecretAnswer,
): { turns: number; value: SecretAnswer['value'] } {
  let answer = first;
  let turns = 0;
  for (; !answer.isFinished; turns += 1) answer = scans.answer({ kind: 'continue', scan });
  return { turns, value: answer.value };
}

it('a scan that takes long is interrupted, so that another scan runs before it ends', () => {
  const scans = scansWith(6);
  const long = scans.answer({ kind: 'begin', scan: 1, encoding, chunks: [bytesOf(1024)] });
  expect(long.isFinished).toBe(false);
  const short = scans.answer({ kind: 'texts', scan: 2, confirmed, texts: [{ encoding, bytes: bytesOf(1) }] });
  expect(short).toMatchObject({ isFinished: true, value: [{ secrets: [{ offset: 960 }], isLate: false }] });
  expect(finish(scans, 1, long).turns).toBeGreaterThan(10);
  const { value } = scans.answer({ kind: 'end', scan: 1, isCutShort: false });
  expect(value).toMatchObject({ secrets: [{ rule: 'known:PASS', offset: 960 * 1024 }], isLate: false });
});

it('texts that take long are interrupted too, and keep their results', () => {
  const scans = scansWith(10);
  const texts = [1, 64, 1, 64].map((kib) => ({ encoding, bytes: bytesOf(kib) }) as const);
  const { turns, value } = finish(scans, 1, scans.answer({ kind: 'texts', scan: 1, confirmed, texts }));
  expect(turns).toBeGreaterThan(2);
  const offsets = (value as readonly ThreadResult[]).map(({ secrets }) => secrets[0]?.offset);
  expect(offsets).toEqual([960, 960 * 64, 960, 960 * 64]);
});

it('a scan ends when it has used the thread for its longest time, and says so', () => {
  const scans = scansWith(4000);
  const chunks = [new TextEncoder().encode(secret), bytesOf(1024)];
  const { turns } = finish(scans, 1, scans.answer({ kind: 'begin', scan: 1, encoding, chunks }));
  expect(turns).toBeLessThan(10);
  scans.answer({ kind: 'write', scan: 1, chunks: [bytesOf(1)] });
  const { value } = scans.answer({ kind: 'end', scan: 1, isCutShort: false });
  expect(value).toMatchObject({ secrets: [{ offset: 0 }], isLate: true });
});

it('nothing continues a scan that was aborted', () => {
  const scans = scansWith(10);
  scans.answer({ kind: 'begin', scan: 1, encoding, chunks: [bytesOf(1024)] });
  scans.answer({ kind: 'abort', scan: 1 });
  expect(() => scans.answer({ kind: 'continue', scan: 1 })).toThrow('a thread that ended');
});
