import { expect, it } from 'vitest';
import { fitsBytes, utf8Bytes } from './wire-values.ts';

it.each(['', 'abc', 'é', '€', '😀', '\ud800', 'aé€😀'.repeat(20)])('the size of %j in UTF-8 is its limit', (text) => {
  const size = utf8Bytes(text);
  expect([size - 1, size, size + 1].map((max) => fitsBytes(text, max))).toEqual([false, true, true]);
});
