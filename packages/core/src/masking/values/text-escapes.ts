import { quotedTexts } from './quoted-texts.ts';

/**
 * Returns the value as writers of JSON, Go, shell, XML and URLs escape it. Some of these texts may equal the value. An
 * escape format is omitted if the value has none of its special characters, because there may be thousands of values.
 */
export function escapedTexts(value: string): string[] {
  const texts: string[] = [];
  // eslint-disable-next-line no-control-regex -- control characters are escaped too.
  if (/["\\/<>&='+`\u0000-\u001f\u007f-\uffff]/.test(value)) {
    const json = [...new Set(jsonTexts(value))];
    texts.push(...json, ...json.map(inJson), goQuoted(value), ...json.map(goQuoted));
  }
  if (/[^A-Za-z0-9_\-.:/@%+=]/.test(value)) texts.push(...quotedTexts(value));
  if (/[&<>"']/.test(value)) texts.push(...xmlTexts(value));
  if (/[^A-Za-z0-9\-._~]/.test(value)) texts.push(...percentTexts(value));
  return texts;
}

/**
 * Returns the value as it is escaped in JSON by JSON.stringify, Go, Gson, System.Text.Json, Python (ASCII only) and PHP
 * (`\/`).
 */
function jsonTexts(value: string): string[] {
  const plain = inJson(value);
  return [
    plain,
    unicodeEscaped(plain, /[<>&\u2028\u2029]/g),
    unicodeEscaped(plain, /[<>&='\u2028\u2029]/g),
    unicodeEscaped(plain.replaceAll('\\"', '\\u0022'), /[<>&'+`\u007f-\uffff]/g).replace(
      /\\u[0-9a-f]{4}/g,
      upperEscape,
    ),
    unicodeEscaped(plain, /[\u007f-\uffff]/g),
    plain.replaceAll('/', '\\/'),
    unicodeEscaped(plain, /[\u0080-\uffff]/g).replaceAll('/', '\\/'),
  ];
}

function inJson(value: string): string {
  return JSON.stringify(value).slice(1, -1);
}

function unicodeEscaped(text: string, characters: RegExp): string {
  return text.replace(characters, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function upperEscape(escape: string): string {
  return `\\u${escape.slice(2).toUpperCase()}`;
}

const goEscapes: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
};

/** Returns the value as Go's `%q` escapes it. */
function goQuoted(value: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what `%q` escapes.
  return value.replace(/[\u0000-\u001f"\\\u007f]/g, (character) => {
    return goEscapes[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

function xmlTexts(value: string): string[] {
  const text = value.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const closed = text.replaceAll('>', '&gt;');
  const quoted = closed.replaceAll('"', '&quot;');
  return [
    text,
    closed,
    quoted,
    ...['&apos;', '&#39;', '&#x27;'].map((apostrophe) => quoted.replaceAll("'", apostrophe)),
    closed.replaceAll('"', '&#34;').replaceAll("'", '&#39;'),
  ];
}

/**
 * Signs that some encoders encode and others do not. All other characters, except letters and digits, are encoded by
 * every encoder.
 */
const reservedSigns = /[!#$%&'()*+,/:;=?@[\]~]/g;
/** For a value with at most this number of different signs, each subset of encoded signs gives a form. */
const fewSigns = 3;

/**
 * Returns the value percent-encoded, with hex digits in upper case and in lower case. Some encoders write a blank as a
 * plus sign.
 */
function percentTexts(value: string): string[] {
  const bytes = byteString(value);
  const signs = [...new Set(bytes.match(reservedSigns))];
  const choices =
    signs.length <= fewSigns
      ? subsetsOf(signs)
      : commonChoices.flatMap((left) => [without(signs, left), without(signs, `${left}/`)]);
  const encoded = choices.flatMap((chosen) => {
    const text = bytes.replace(/[^A-Za-z0-9\-._]/g, (byte) => {
      return signs.includes(byte) && !chosen.includes(byte) ? byte : percentEncoded(byte);
    });
    return bytes.includes(' ') ? [text, text.replaceAll('%20', '+')] : [text];
  });
  const texts = [...new Set(encoded)];
  return [...texts, ...texts.map((text) => text.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()))];
}

/**
 * For each encoder, the signs that it does not encode. The encoders are RFC 3986 (none), encodeURIComponent, encodeURI,
 * HTML forms, the userinfo, path and query of the URL standard, and path segments of RFC 3986 and of Go. Encoders of
 * paths, and `quote` of Python, do not encode slashes either.
 */
const commonChoices = [
  ...['', '~', "~!'()*", "~;,/?:@&=+$!*'()#", '*', "!$%&'()*+,~", "!$&'()*+,/:;=@[]~", '!$&()*+,/:;=?@[]~'],
  ...["!$&'()*+,/:;=?@[]~", "~!$&'()*+,;=", "~!$&'()*+,;=:@", "~!$&'()*+,;=:@/", "~!$&'()*+,;=:@/?", '~$&+=:@', '~/'],
];

function without(signs: readonly string[], left: string): readonly string[] {
  return signs.filter((sign) => !left.includes(sign));
}

function subsetsOf(signs: readonly string[]): readonly (readonly string[])[] {
  return signs.reduce<readonly (readonly string[])[]>(
    (subsets, sign) => [...subsets, ...subsets.map((subset) => [...subset, sign])],
    [[]],
  );
}

function percentEncoded(byte: string): string {
  return `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

// eslint-disable-next-line no-control-regex -- the range of ASCII begins with control characters.
const ascii = /^[\u0000-\u007f]*$/;
const encoder = new TextEncoder();

/** Returns the UTF-8 bytes of a text, as a text with one character for each byte. */
export function byteString(text: string): string {
  if (ascii.test(text)) return text;
  let bytes = '';
  for (const byte of encoder.encode(text)) bytes += String.fromCharCode(byte);
  return bytes;
}
