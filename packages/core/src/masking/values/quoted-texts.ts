/** The control characters, which every quoting of a shell or a language escapes. */
// eslint-disable-next-line no-control-regex -- they are looked for.
const control = /[\u0000-\u001f\u007f-\u009f]/;

/** How a shell or a language writes control characters in a quoted text. */
interface Quoting {
  /** The escapes of single characters. */
  readonly names: Readonly<Record<string, string>>;
  /** Returns the escape of another control character. */
  readonly code: (character: number) => string;
}

const named = { '\t': '\\t', '\n': '\\n', '\r': '\\r' };
const allNamed = { ...named, '\u0007': '\\a', '\b': '\\b', '\f': '\\f', '\v': '\\v' };
const hex = (character: number): string => `\\x${character.toString(16).padStart(2, '0')}`;
const octal = (character: number): string => `\\${character.toString(8).padStart(3, '0')}`;

const quotings: readonly Quoting[] = [
  // `$'…'` of shells, with `\E` in bash and `\e` in other programs.
  { names: { ...allNamed, '\u001b': '\\E' }, code: octal },
  { names: { ...allNamed, '\u001b': '\\e' }, code: octal },
  // `repr` of Python.
  { names: named, code: hex },
  // `util.inspect` of Node.
  {
    names: { ...named, '\b': '\\b', '\f': '\\f', '\v': '\\v' },
    code: (code) => hex(code).toUpperCase().replace('X', 'x'),
  },
];

/**
 * Returns the value as shells and languages quote it in their own source: `printf %q`, `${x@Q}` and `declare -p` of bash,
 * `repr` of Python, and `util.inspect` of Node. Some of the texts may equal the value.
 */
export function quotedTexts(value: string): string[] {
  const doubled = value.replaceAll('\\', '\\\\');
  // Python and Node use a kind of quotes that the text does not contain, if there is one. They then escape no quotes.
  const kinds = [...new Set([doubled, doubled.replaceAll("'", "\\'")])];
  const texts = control.test(value)
    ? quotings.flatMap((quoting) => kinds.map((text) => withoutControls(text, quoting)))
    : kinds;
  return [...texts, ...shellTexts(value), ...byteTexts(value)];
}

function withoutControls(text: string, { names, code }: Quoting): string {
  return text.replace(new RegExp(control, 'g'), (character) => names[character] ?? code(character.charCodeAt(0)));
}

/**
 * Returns the value as it is escaped for a shell: inside single quotes (sh and Python's shlex), inside double quotes,
 * and without quotes (`printf %q`).
 */
function shellTexts(value: string): string[] {
  const escaped = value.replace(/[^A-Za-z0-9_\-.,:/@%+=\u0080-\uffff]/g, '\\$&');
  // Bash escapes a number sign only at the beginning, and a tilde only there and after some signs.
  const inBash = escaped.replace(/(?!^)\\#/g, '#');
  return [
    value.replaceAll("'", "'\\''"),
    value.replaceAll("'", `'"'"'`),
    value.replace(/["$`\\]/g, '\\$&'),
    value.replace(/["$`\\!]/g, '\\$&'),
    ...[escaped, inBash, inBash.replace(/(?<!^|=)\\~/g, '~'), inBash.replace(/(?<!^|[=:])\\~/g, '~')].flatMap(
      (text) => [text, text.replaceAll(',', '\\,')],
    ),
  ];
}

/**
 * Returns the value with escapes for all bytes that are not ASCII: octal, as `printf %q` writes it in the locale C, and hex,
 * as Python writes bytes.
 */
function byteTexts(value: string): string[] {
  if (!/[\u0080-\uffff]/.test(value)) return [];
  const doubled = value.replaceAll('\\', '\\\\');
  const [octals, , hexes] = quotings;
  return [doubled, doubled.replaceAll("'", "\\'")].flatMap((text) => {
    return [octals, hexes].flatMap((quoting) => {
      if (quoting === undefined) return [];
      let escaped = '';
      for (const byte of new TextEncoder().encode(text)) {
        escaped += byte < 0x80 ? String.fromCharCode(byte) : quoting.code(byte);
      }
      return [withoutControls(escaped, quoting)];
    });
  });
}
