import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormSplitter } from './form-splitter.ts';
import { limits } from '../limits.ts';

interface Split {
  readonly parts: readonly { readonly headers: string; readonly bytes: Buffer; readonly ended: boolean }[];
  readonly closed: boolean;
  readonly refusal: string | undefined;
}

function split(chunks: readonly Buffer[]): Split {
  const splitter = new FormSplitter('bnd');
  const parts: { headers: string; chunks: Buffer[]; ended: boolean }[] = [];
  let refusal: string | undefined;
  try {
    for (const chunk of chunks) {
      for (const piece of splitter.push(chunk)) {
        if (piece.kind === 'headers') parts.push({ headers: piece.block.toString('latin1'), chunks: [], ended: false });
        else if (piece.kind === 'bytes') parts.at(-1)?.chunks.push(piece.bytes);
        else parts.at(-1)!.ended = true;
      }
    }
  } catch (error) {
    refusal = (error as Error).message;
  }
  const whole = parts.map(({ headers, chunks: bytes, ended }) => ({ headers, bytes: Buffer.concat(bytes), ended }));
  return { parts: whole, closed: splitter.closed, refusal };
}

function cutAt(body: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.toSorted((a, b) => a - b), body.length];
  return ends.map((end, index) => body.subarray(index === 0 ? 0 : ends[index - 1], end));
}

function form(bytes: Buffer | string, headers = 'A: b'): Buffer {
  return Buffer.concat([
    Buffer.from(`--bnd\r\n${headers}\r\n\r\n`),
    Buffer.from(bytes),
    Buffer.from('\r\n--bnd--\r\n'),
  ]);
}

describe('a form', () => {
  it.each([16_200, 16_300, 65_536])('with %i bytes is the same wherever it is cut', (size) => {
    // The content consists of line breaks and dashes, so that a delimiter could begin at many positions.
    const bytes = Buffer.alloc(size, 'x\r\n--bn\r\n\r\n\r');
    const body = form(bytes);
    const step = size > 20_000 ? 53 : 7;
    for (let place = 0; place <= body.length; place += place < 100 || place > body.length - 100 ? 1 : step) {
      const [part] = split(cutAt(body, [place])).parts;
      if (part?.ended !== true || !part.bytes.equals(bytes)) expect.fail(`cut at ${String(place)}`);
    }
  });

  it('reads the same however it is cut, whatever it holds', () => {
    const token = fc.constantFrom(
      '--bnd',
      '\r\n',
      '\r\n--bnd',
      '\r\n--bnd--',
      '\r\n\r\n',
      '-',
      '\r',
      '\n',
      'A: b',
      'x',
      ' ',
    );
    const body = fc.array(token, { maxLength: 14 }).map((tokens) => Buffer.from(tokens.join('')));
    fc.assert(
      fc.property(body, fc.array(fc.nat({ max: 60 }), { maxLength: 20 }), (bytes, places) => {
        expect(
          split(
            cutAt(
              bytes,
              places.filter((place) => place < bytes.length),
            ),
          ),
        ).toEqual(split([bytes]));
      }),
      { numRuns: 2000 },
    );
  });

  it('may have part headers of exactly the limit, and not one byte more, however they are cut', () => {
    const bytes = Buffer.alloc(100_000, 'x');
    for (const places of [[], [3], [5, 1000, 16_000], [16_389], [16_391, 16_394, 16_395]]) {
      const most = form(bytes, `A: ${'a'.repeat(limits.formHeaderBytes - 5)}`);
      expect(split(cutAt(most, places)).parts[0]?.bytes.equals(bytes)).toBe(true);
      const more = form(bytes, `A: ${'a'.repeat(limits.formHeaderBytes - 4)}`);
      expect(split(cutAt(more, places)).refusal).toContain('headers of a part are too long');
    }
  });

  it.each([
    ['--bnd\r\n\r\nx\r\n--bnd--', true],
    ['--bnd--', true],
    ['--bnd\r\n\r\nx\r\n--bnd--\r\nan epilogue\r\n--bnd-', true],
    ['--bnd\r\n\r\nx in a line --bnd-- \r\n--bnd', false],
    ['--bnd\r\n\r\nx\r\n--bnd', false],
    ['--bnd\r\n\r\nx\r\n--bnd-', false],
    ['', false],
  ])('%j is closed: %s', (text, closed) => {
    expect(split([Buffer.from(text)])).toMatchObject({ closed, refusal: undefined });
  });

  it.each([
    ['a closing boundary with one dash', '--bnd\r\n\r\nx\r\n--bnd-\r\n--bnd--', 'half of its closing boundary'],
    ['a delimiter within headers', '--bnd\r\nA: b\r\n--bnd--', 'no complete headers'],
    ['a delimiter instead of a body', '--bnd\r\nA: b\r\n\r\n--bnd--', 'no complete headers'],
  ])('with %s is refused', (_what, text, why) => {
    expect(split([Buffer.from(text)]).refusal).toContain(why);
  });
});
