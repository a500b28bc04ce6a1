import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { shortTextPattern, visibleText, withoutHidden } from './visible-text.ts';

const outside = {
  'an escape sequence': '\u001b[31mred',
  'a C1 sequence introducer': '\u009b31mred',
  'a carriage return that overwrites a line': 'failed\rpassed',
  'a bell and a backspace': 'a\u0007b\u0008',
  'an override of the text direction': 'invoice\u202egpj.exe',
  'an isolate': 'a\u2066b\u2069',
  'a direction mark': 'a\u200fb',
  'a line separator': 'one\u2028two\u2029three',
  'a byte order mark and a zero-width space': '\ufeffa\u200bb',
  'a tag character': 'a\u{e0041}b',
};

describe('text from outside', () => {
  test.each(Object.entries(outside))('is shown with %s escaped', (_what, text) => {
    const shown = visibleText(text);
    // eslint-disable-next-line no-control-regex -- their absence is the point.
    expect(shown).toMatch(/^[^\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]*$/);
    expect(shown).toContain('\\u');
    expect(JSON.parse(`"${shown}"`)).toBe(text);
    expect(withoutHidden(text)).toContain('\uFFFD');
  });

  test('keeps lines, tabs, accents, joined emoji and scripts that need joiners', () => {
    const text = 'Zeile 1\n\tÄpfel 👩‍💻 می‌خواهم 🏳️‍🌈';
    expect(visibleText(text)).toBe(text);
  });

  test('is the same JSON after it was escaped', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        expect(JSON.parse(visibleText(JSON.stringify(value)))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test.each(['a\nb', 'a\tb', 'a\u0085b', 'a\u202eb', 'a\u2028b', 'a\u2067b', '\u0000'])(
    '%j is no short text',
    (text) => {
      expect(text).not.toMatch(shortTextPattern);
    },
  );

  test.each(['plain', 'שלום\u200f', '👩‍💻', 'x\ufeff'])('%j is a short text', (text) => {
    expect(text).toMatch(shortTextPattern);
  });
});
