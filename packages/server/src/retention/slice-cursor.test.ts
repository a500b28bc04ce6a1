import fc from 'fast-check';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { SliceCursor } from './slice-cursor.ts';

const cursors = new SliceCursor('gc', z.strictObject({ prefix: z.string().max(32) }));
const refused = expect.objectContaining({ code: 'invalid_cursor' });

it('what was written is read again', () => {
  expect(cursors.read(cursors.write({ prefix: 'ab' }))).toEqual({ prefix: 'ab' });
});

it('nothing else is read: noise, other work, other shapes', () => {
  const other = new SliceCursor('verify', z.unknown());
  for (const cursor of [
    '',
    '%%%',
    'bnVsbA',
    other.write({ prefix: 'ab' }),
    new SliceCursor('gc', z.unknown()).write({}),
  ]) {
    expect(() => cursors.read(cursor)).toThrow(refused);
  }
  fc.assert(
    fc.property(fc.string(), (cursor) => {
      expect(() => cursors.read(cursor)).toThrow(refused);
    }),
  );
});
