import { describe, expect, it } from 'vitest';
import { maskPlaceholder } from '../mask-placeholder.ts';
import { compileSecrets } from '../secret-set.ts';
import { masked } from '../testing/masked-in-chunks.ts';
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
