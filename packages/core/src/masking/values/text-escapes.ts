/**
 * Returns the texts that writers of JSON, Go, shell, XML and URLs produce for a value. Some may equal the value. Families
 * whose special characters the value does not have are left out, because there may be thousands of values.
 */
export function escapedTexts(value: string): string[] {
  const texts: string[] = [];
  // eslint-disable-next-line no-control-regex -- control characters are escaped too.
  if (/["\\/<>&='+`\u0000-\u001f\u007f-\uffff]/.test(value)) {
    const json = jsonTexts(value);
    texts.push(...json, ...json.map(inJson), goQuoted(value), ...json.map(goQuoted));
  }
  if (/[^A-Za-z0-9_\-.:/@%+=]/.test(value)) texts.push(...shellTexts(value));
  if (/[&<>"']/.test(value)) texts.push(...xmlTexts(value));
  if (/[^A-Za-z0-9\-._~]/.test(value)) texts.push(...percentTexts(value));
  return texts;
}

/** JSON as JSON.stringify, Go, Gson, System.Text.Json, Python (ASCII only) and PHP (`\/`) write it. */
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

/** Go's `%q`. */
function goQuoted(value: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what `%q` escapes.
  return value.replace(/[\u0000-\u001f"\\\u007f]/g, (character) => {
    return goEscapes[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

/** Values inside single quotes (sh and Python's shlex), inside double quotes, and unquoted (`printf %q`). */
function shellTexts(value: string): string[] {
  return [
    value.replaceAll("'", "'\\''"),
    value.replaceAll("'", `'"'"'`),
    value.replace(/["$`\\]/g, '\\$&'),
    value.replace(/["$`\\!]/g, '\\$&'),
    value.replace(/[^A-Za-z0-9_\-.,:/@%+=\u0080-\uffff]/g, '\\$&'),
    value.replace(/[^A-Za-z0-9_\-.:/@%+=\u0080-\uffff]/g, '\\$&'),
  ];
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

/** Percent-encoding as encodeURIComponent, RFC 3986, the userinfo of the URL standard and HTML forms write it. */
function percentTexts(value: string): string[] {
  const bytes = byteString(value);
  const encoded = [
    percentEncoded(bytes, /[^A-Za-z0-9\-._~!'()*]/g),
    percentEncoded(bytes, /[^A-Za-z0-9\-._~]/g),
    percentEncoded(bytes, /[^A-Za-z0-9\-._~!$&'()*+,;=]/g),
    // eslint-disable-next-line no-control-regex -- the set of the URL standard names the control characters.
    percentEncoded(bytes, /[\u0000-\u0020"#<>?`{}/:;=@[\\\]^|\u007f-\u00ff]/g),
    percentEncoded(bytes, /[^A-Za-z0-9\-._* ]/g).replaceAll(' ', '+'),
  ];
  return [...encoded, ...encoded.map((text) => text.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()))];
}

function percentEncoded(bytes: string, escaped: RegExp): string {
  return bytes.replace(escaped, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

// eslint-disable-next-line no-control-regex -- the range of ASCII begins with control characters.
const ascii = /^[\u0000-\u007f]*$/;
const encoder = new TextEncoder();

/** Returns the UTF-8 bytes of a text as a string of one character a byte. */
export function byteString(text: string): string {
  if (ascii.test(text)) return text;
  let bytes = '';
  for (const byte of encoder.encode(text)) bytes += String.fromCharCode(byte);
  return bytes;
}
