import { describe, expect, test } from 'vitest';
import { commaList, positiveSeconds, seconds, timeAfter } from './option-values.ts';

describe('a list', () => {
  test('is parted at commas, without blanks', () => {
    expect(commaList(' a, b,,c ')).toEqual(['a', 'b', 'c']);
  });

  test('that is empty is refused: it comes from a variable that was not set', () => {
    for (const text of ['', ' ', ',', ' , ']) expect(() => commaList(text)).toThrow('The list is empty');
  });
});

describe('a time', () => {
  const time = timeAfter(() => Date.UTC(2026, 0, 31, 12));

  test.each([
    ['2026-12-24', '2026-12-24T00:00:00.000Z'],
    ['2026-12-24T18:00:00Z', '2026-12-24T18:00:00.000Z'],
    ['2026-12-24T18:00+02:00', '2026-12-24T16:00:00.000Z'],
    ['+90m', '2026-01-31T13:30:00.000Z'],
    ['+2h', '2026-01-31T14:00:00.000Z'],
    ['+1d', '2026-02-01T12:00:00.000Z'],
    ['+45s', '2026-01-31T12:00:45.000Z'],
  ])('%s is %s', (text, expected) => {
    expect(time(text)).toBe(expected);
  });

  test.each([
    '',
    'tomorrow',
    '2h',
    '+2',
    '+1w',
    '2026-02-30',
    '2026-02-30T00:00:00Z',
    '2026-12-24T18:00',
    '2026-12-24T25:00Z',
  ])('%j is refused with examples', (text) => {
    expect(() => time(text)).toThrow(/2026-12-24T18:00:00Z.*\+90m/);
  });
});

test('seconds are whole and fit into a timer', () => {
  expect([seconds('0'), positiveSeconds('1'), seconds('2000000')]).toEqual([0, 1, 2_000_000]);
  for (const text of ['-1', '1.5', '2000001', '']) expect(() => seconds(text)).toThrow('Give');
  expect(() => positiveSeconds('0')).toThrow('at least 1');
});
