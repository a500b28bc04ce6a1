import { compileSecrets, headBytes, textEncodingOf, type TextEncoding } from '@proofhouse/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scanText, TextScan } from './text-scan.ts';

const secret = 'correct horse battery';
const set = compileSecrets({ values: [{ name: 'PASS', value: secret }] });
const options = { confirmed: false };

const wide = (text: string, encoding: 'utf-16le' | 'utf-16be'): Buffer => {
  const bytes = Buffer.from(text, 'utf16le');
  return encoding === 'utf-16le' ? bytes : bytes.swap16();
};

function scanned(bytes: Uint8Array, encoding: TextEncoding, chunkBytes = bytes.length) {
  const scan = new TextScan(set, encoding, options);
  for (let at = 0; at < bytes.length; at += chunkBytes) scan.write(bytes.subarray(at, at + chunkBytes));
  return scan.end(false);
}

describe('the encoding of a content', () => {
  it.each([
    ['an empty content', Buffer.alloc(0), 'utf-8'],
    ['ASCII', Buffer.from('plain'), 'utf-8'],
    ['bytes that are no valid UTF-8 but have no NUL', Buffer.from([0xe9, 0x20]), 'utf-8'],
    ['a NUL', Buffer.from('a\0b'), undefined],
    ['the last NUL of the head', Buffer.concat([Buffer.alloc(headBytes - 1, 'a'), Buffer.of(0)]), undefined],
    ['UTF-16 with a mark, little endian', wide('\ufeffplain', 'utf-16le'), 'utf-16le'],
    ['UTF-16 with a mark, big endian', wide('\ufeffplain', 'utf-16be'), 'utf-16be'],
    ['UTF-16 without a mark, little endian', wide('plain text', 'utf-16le'), 'utf-16le'],
    ['UTF-16 without a mark, big endian', wide('plain text', 'utf-16be'), 'utf-16be'],
    ['UTF-16 with the character NUL', wide('\ufeffa\0b', 'utf-16le'), 'utf-16le'],
    ['a PNG', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d]), undefined],
  ])('of %s', (_name, bytes, encoding) => {
    expect(textEncodingOf(bytes)).toBe(encoding);
  });
});

describe('a scan', () => {
  it('finds the same at every chunk size, in every encoding, with offsets in bytes of the content', () => {
    const text = `\u00e9\u{1f600} ${secret} and \u00fc ${secret}\n`;
    const first = text.indexOf(secret);
    const second = text.lastIndexOf(secret);
    const samples = [
      ['utf-8', Buffer.from(text), [first, second].map((at) => Buffer.byteLength(text.slice(0, at)))],
      ['utf-16le', wide(text, 'utf-16le'), [first * 2, second * 2]],
      ['utf-16be', wide(text, 'utf-16be'), [first * 2, second * 2]],
    ] as const;
    for (const [encoding, bytes, offsets] of samples) {
      const secrets = offsets.map((offset) => ({ rule: 'known:PASS', offset }));
      for (let chunkBytes = 1; chunkBytes <= bytes.length; chunkBytes += 1) {
        expect(scanned(bytes, encoding, chunkBytes), `${encoding} by ${chunkBytes}`).toEqual({
          secrets,
          omitted: 0,
          isValid: true,
        });
      }
    }
  });

  it('agrees with the decoder of the platform on what is valid', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      fc.string({ unit: 'grapheme', maxLength: 4 }).map((text) => new Uint8Array(Buffer.from(text))),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.integer({ min: 1, max: 5 }), (pieces, chunkBytes) => {
        const bytes = Buffer.concat(pieces);
        for (const encoding of ['utf-8', 'utf-16le', 'utf-16be'] as const) {
          const { isValid } = scanned(bytes, encoding, chunkBytes);
          expect(isValid, encoding).toBe(decodes(bytes, encoding));
        }
      }),
    );
  });

  it('finds secrets before and after bytes that are not valid in the encoding', () => {
    const [high, end] = [Buffer.of(0x3d, 0xd8), Buffer.of(0x41)];
    const samples = [
      ['utf-8', Buffer.concat([Buffer.from(secret), Buffer.of(0xff), Buffer.from(secret)]), secret.length + 1],
      ['utf-8', Buffer.from(`${secret}\u00e9${secret}`, 'latin1'), secret.length + 1],
      ['utf-8', Buffer.concat([Buffer.from(`${secret} ${secret}`), Buffer.of(0xc3)]), secret.length + 1],
      ['utf-16le', Buffer.concat([wide(secret, 'utf-16le'), high, wide(secret, 'utf-16le')]), 2 * secret.length + 2],
      ['utf-16le', Buffer.concat([wide(`${secret} ${secret}`, 'utf-16le'), end]), 2 * secret.length + 2],
      ['utf-16le', wide(`${secret}\0${secret}`, 'utf-16le'), 2 * secret.length + 2],
    ] as const;
    for (const [encoding, bytes, second] of samples) {
      for (const chunkBytes of [1, 5, 1000]) {
        const { secrets, isValid } = scanned(bytes, encoding, chunkBytes);
        expect(secrets.map(({ offset }) => offset)).toEqual([0, second]);
        expect(isValid).toBe(false);
      }
    }
  });

  it('of a beginning accepts a cut character at its end', () => {
    for (const [encoding, bytes] of [
      ['utf-8', Buffer.from('a\u{1f600}')],
      ['utf-16le', wide('a\u{1f600}', 'utf-16le')],
    ] as const) {
      const scan = new TextScan(set, encoding, options);
      scan.write(bytes.subarray(0, -1));
      expect(scan.end(true)).toEqual({ secrets: [], omitted: 0, isValid: true });
    }
  });

  it('lists a hundred secrets of a text and counts the others', () => {
    const found = scanText(set, `${secret}\n`.repeat(130), options);
    expect(found.secrets).toHaveLength(100);
    expect(found.omitted).toBe(30);
  });
});

function decodes(bytes: Uint8Array, encoding: TextEncoding): boolean {
  try {
    const text = new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes);
    return encoding === 'utf-8' || !text.includes('\0');
  } catch {
    return false;
  }
}
