import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClosingBoundary } from './closing-boundary.ts';

function closedBy(text: string, pieces: readonly number[]): boolean {
  const closing = new ClosingBoundary('bnd');
  let rest = Buffer.from(text);
  for (const size of pieces) {
    closing.see(rest.subarray(0, size));
    rest = rest.subarray(size);
  }
  closing.see(rest);
  return closing.cameWhole;
}

describe('a closing boundary', () => {
  it.each([
    ['--bnd\r\nx\r\n--bnd--', true],
    ['--bnd\r\nx\r\n--bnd--\r\nan epilogue', true],
    ['--bnd\r\nx\r\n--bnd', false],
    ['--bnd\r\nx\r\n--bnd-', false],
    ['--bnd\r\nx\r\n--bnd-\r\n--bnd-', false],
    ['--bnd--\r\nan epilogue with --bnd in it', true],
    ['', false],
  ])('%j, however it is cut', (text, closed) => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 12 }), { maxLength: 20 }), (pieces) => {
        expect(closedBy(text, pieces)).toBe(closed);
      }),
    );
  });
});
