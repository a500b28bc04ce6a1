import { describe, expect, it } from 'vitest';
import { maskPlaceholder } from '../mask-placeholder.ts';
import { makeExample } from '../make-example.ts';
import { compileSecrets } from '../secret-set.ts';
import { chunksOf, masked, maskedInChunks } from '../testing/masked-in-chunks.ts';
import { valueForms } from './value-forms.ts';

const value = `q"u'o<t>e& $\\b/+=;é`;
const set = compileSecrets({ values: [{ name: 'V', value: ` ${value}\n` }] });

describe('the forms of a known value', () => {
  const utf8 = new TextEncoder().encode(value);
  const bytes = [...utf8];
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  const goHtml = JSON.stringify(value).slice(1, -1).replaceAll('&', '\\u0026').replaceAll('<', '\\u003c');
  const forms: readonly (readonly [string, string])[] = [
    ['plain', value],
    ['hexadecimal', hex],
    ['upper-case hexadecimal', hex.toUpperCase()],
    ['percent-encoded', encodeURIComponent(value)],
    ['percent-encoded in lower case', encodeURIComponent(value).replace(/%../g, (code) => code.toLowerCase())],
    ['a form field', new URLSearchParams({ f: value }).toString().slice(2)],
    ['the password of a URL', passwordOf(value)],
    ['JSON', JSON.stringify(value).slice(1, -1)],
    ['JSON in JSON', JSON.stringify(JSON.stringify(value)).slice(3, -3)],
    ['JSON with HTML escapes', goHtml.replaceAll('>', '\\u003e')],
    ['JSON with HTML escapes in JSON', JSON.stringify(goHtml.replaceAll('>', '\\u003e')).slice(1, -1)],
    ['JSON in ASCII', JSON.stringify(value).slice(1, -1).replace('é', '\\u00e9')],
    ['JSON with escaped slashes', JSON.stringify(value).slice(1, -1).replace('/', '\\/')],
    ['single-quoted in a shell', value.replace("'", `'\\''`)],
    ['single-quoted by Python', value.replace("'", `'"'"'`)],
    ['double-quoted in a shell', value.replace(/["$\\]/g, '\\$&')],
    ['unquoted in a shell', value.replace(/["'<>&$\\; ]/g, '\\$&')],
    ['XML', value.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;').replace('"', '&quot;')],
  ];

  it.each(forms)('%s', (_, form) => {
    expect(masked(set, `[${form}]`)).toBe(`[${maskPlaceholder}]`);
    expect(masked(set, `[${form}]`, 1)).toBe(`[${maskPlaceholder}]`);
  });

  it.each([0, 1, 2, 3, 4, 5])('base64 and base64url after %i other bytes, also before other bytes', (before) => {
    for (const after of [0, 1, 2]) {
      const encoded = btoa(String.fromCharCode(...new Uint8Array(before), ...bytes, ...new Uint8Array(after)));
      for (const form of [encoded, encoded.replaceAll('+', '-').replaceAll('/', '_'), encoded.replace(/=+$/, '')]) {
        expect(masked(set, `[${form}]`)).toMatch(/^\[A{0,6}\*\*\*MASKED\*\*\*A{0,3}={0,2}\]$/);
      }
    }
  });

  const signs = `a~b#c,d=:~ *'"\\\\$\`!é/ü`;
  const controls = `a\tb\u001b\u0001\u007fé'"\\\\ c`;
  it.each([
    ['`printf %q` of signs', signs, String.raw`a~b#c\,d=:\~\ \*\'\"\\\\\$\`\!é/ü`],
    ['`printf %q` in another locale', signs, String.raw`a~b#c,d=:~ *\'"\\\\$` + '`' + String.raw`!\303\251/\303\274`],
    ['`printf %q` and `${x@Q}` of control characters', controls, String.raw`a\tb\E\001\177é\'"\\\\ c`],
    ['`repr` of Python', controls, String.raw`a\tb\x1b\x01\x7fé\'"\\\\ c`],
    ['`repr` of Python for bytes', controls, String.raw`a\tb\x1b\x01\x7f\xc3\xa9\'"\\\\ c`],
    ['`util.inspect` of Node', controls, String.raw`a\tb\x1B\x01\x7Fé'"\\\\ c`],
    ['`util.inspect` of Node with signs', signs, signs.replaceAll('\\', '\\\\').replaceAll("'", "\\'")],
    ['JSON of PHP', signs, String.raw`a~b#c,d=:~ *'\"\\\\$` + '`' + String.raw`!\u00e9\/\u00fc`],
  ])('%s', (_writer, text, form) => {
    const known = compileSecrets({ values: [{ name: 'V', value: text }] });
    expect(masked(known, `[${form}]`)).toBe(`[${maskPlaceholder}]`);
    expect(masked(known, `[${form}]`, 1)).toBe(`[${maskPlaceholder}]`);
  });

  it('base64 whose signs are percent-encoded', () => {
    const known = compileSecrets({ values: [{ name: 'V', value: '>>>???~~~ÿ>>>???' }] });
    const base64 = btoa(String.fromCharCode(...new TextEncoder().encode('>>>???~~~ÿ>>>???')));
    const upper = encodeURIComponent(base64);
    for (const text of [
      upper,
      upper.replace(/%../g, (escape) => escape.toLowerCase()),
      base64.replaceAll('/', '\\/'),
    ]) {
      expect(masked(known, `<${text}>`)).toMatch(/^<\*\*\*MASKED\*\*\*(?:%3D|%3d|=)*>$/);
    }
  });

  it('include each line of a value that has several, whatever the line ends are', () => {
    const lines = compileSecrets({ values: [{ name: 'V', value: 'first line\r\n\n  second "line"\nthe 3\n' }] });
    expect(masked(lines, 'first line|second "line"|second \\"line\\"|the 3')).toBe(
      `${maskPlaceholder}|${maskPlaceholder}|${maskPlaceholder}|the 3`,
    );
    expect(masked(lines, 'first line\n\n  second "line"\nthe 3')).not.toMatch(/line|the/);
  });

  it('leave out the boundaries of PEM files, which are the same in all of them', () => {
    const boundary = ['-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----'];
    const forms = valueForms(`${boundary[0]}\nMIIBxyz123\n${boundary[1]}`, 'r').map((form) => form.bytes);
    expect(forms).toContain('MIIBxyz123');
    expect(forms).not.toContain(boundary[0]);
  });

  it('are not encoded where the value has fewer than 8 bytes, and do not exist below 6 bytes', () => {
    expect(valueForms('abc&45', 'r').map((form) => form.bytes)).toEqual(['abc&45']);
    expect(valueForms('abc&5', 'r')).toEqual([]);
  });

  it('are no part of the placeholder', () => {
    const inside = compileSecrets({ values: [{ name: 'V', value: 'MASKED' }] });
    expect(masked(inside, `${maskPlaceholder} MASKED`)).toBe(`${maskPlaceholder} MASKED`);
  });
});

function passwordOf(password: string): string {
  const url = new URL('https://user@host/');
  url.password = password;
  return url.password;
}

it('include every percent-encoding of a value, whichever reserved signs its writer encodes', () => {
  const reserved = 'a/b+c==Zk9/Q1';
  const known = compileSecrets({
    values: [
      { name: 'V', value: reserved },
      { name: 'W', value },
    ],
  });
  const texts = [
    ...['a/b%2Bc%3D%3DZk9/Q1', 'a%2fb+c==Zk9%2fQ1', 'a%2Fb%2Bc==Zk9%2FQ1', 'a/b+c%3D%3DZk9/Q1'],
    ...[encodeURI(reserved), encodeURIComponent(reserved)],
    ...[encodeURI(value), encodeURIComponent(value).replaceAll('%2F', '/')],
  ];
  for (const text of texts) expect(masked(known, `<${text}>`), text).toBe(`<${maskPlaceholder}>`);
});

function hexOf(text: string): string {
  return Array.from(text, (character) => character.charCodeAt(0).toString(16).padStart(2, '0')).join('');
}

describe('a value in base64 or hex that is written in several lines', () => {
  const long = 'A long value: ' + makeExample('base62', 300);
  const known = compileSecrets({
    values: [
      { name: 'LONG', value: long },
      { name: 'SHORT', value: 'Zx9-short-value' },
    ],
  });
  const wraps = ['\n', '\r\n', '\n    ', '\n\t'].flatMap((end) => [60, 64, 76].map((width) => [width, end] as const));

  it.each(wraps)('of %d characters is masked line by line, and its line ends %j stay', (width, end) => {
    for (const encode of [btoa, hexOf]) {
      for (const text of [long, 'Zx9-short-value']) {
        for (let before = 0; before < 60; before += 7) {
          const encoded = encode('x'.repeat(before) + text + 'y'.repeat(70));
          const lines = encoded.match(new RegExp(`.{1,${width}}`, 'g')) ?? [];
          const input = `head:${end}${lines.join(end)}${end}tail`;
          const output = masked(known, input);
          const clear = output.replaceAll(maskPlaceholder, '').replaceAll(/\s/g, '');
          const around = encode('x'.repeat(before) + 'y'.repeat(70));
          expect(clear.length).toBeLessThan('head:tail'.length + around.length + 6);
          expect(output.split(end).length).toBe(input.split(end).length);
          expect(masked(known, input, 1)).toBe(output);
          expect(masked(known, output)).toBe(output);
        }
      }
    }
  });

  it('is counted once, and text that is no base64 is not held back', () => {
    const encoded = btoa(long).match(/.{1,76}/g) ?? [];
    const { receipt } = maskedInChunks(known, new TextEncoder().encode(encoded.join('\n')), chunksOf(10));
    expect(receipt).toEqual({ masked: [{ rule: 'known:LONG', count: 1 }] });
    const log = new TextEncoder().encode('Listening on port 8080 of a host whose name is long enough to matter\n');
    expect(maskedInChunks(known, log).held).toBe(0);
  });
});
