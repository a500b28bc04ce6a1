import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClosingBoundary } from './closing-boundary.ts';

function stateAfter(text: string, pieces: readonly number[]): string {
  const closing = new ClosingBoundary('bnd');
  let rest = Buffer.from(text);
  for (const size of pieces) {
    closing.see(rest.subarray(0, size));
    rest = rest.subarray(size);
  }
  closing.see(rest);
  return closing.state;
}

describe('a closing boundary', () => {
  it.each([
    ['--bnd\r\nx\r\n--bnd--', 'closed'],
    ['--bnd--', 'closed'],
    ['--bnd\r\nx\r\n--bnd--\r\nan epilogue\r\n--bnd-', 'closed'],
    ['--bnd\r\nx in a line --bnd-- \r\n--bnd', 'awaited'],
    ['--bnd\r\nx\r\n--bnd', 'awaited'],
    ['--bnd\r\nx\r\n--bnd-', 'awaited'],
    ['--bnd\r\nx\r\n--bnd-\r\n--bnd-', 'broken'],
    ['--bnd\r\nx\r\n--bnd-\r\n--bnd--', 'broken'],
    ['', 'awaited'],
  ])('%j, however it is cut', (text, state) => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 12 }), { maxLength: 20 }), (pieces) => {
        expect(stateAfter(text, pieces)).toBe(state);
      }),
    );
  });
});
