/**
 * Largest nesting depth of arrays and objects in a document from a client. Common parsers fail for deeper documents.
 */
export const maxJsonDepth = 100;

/** The reason why a document is refused. */
export interface JsonObjection {
  /**
   * `syntax`: the text is not JSON. `key`: the key could change the prototype of an object (`__proto__`). `value`:
   * storing would change the value.
   */
  readonly kind: 'syntax' | 'key' | 'value';
  /** Path of the refused value, for example `payload.items.3.id`; empty for the whole document. */
  readonly path: string;
  /** A phrase that follows the path. If the path is empty, it follows the name of the document. */
  readonly message: string;
}

/**
 * The result of parsing. `value` is the result of `JSON.parse`, even if the document is refused. It is undefined if the
 * text is not JSON.
 */
export interface ParsedJson {
  readonly value: unknown;
  readonly objection: JsonObjection | undefined;
}

/**
 * Parses JSON that the server stores and returns later (I-JSON, RFC 7493). A value that could not be returned unchanged
 * is refused with its path:
 * - numbers that are too large for 64-bit floating point, or so small that they become 0;
 * - numbers beyond 2^53 that would get other digits;
 * - lone surrogates;
 * - duplicate keys in one object;
 * - nesting deeper than `maxJsonDepth`;
 * - the keys `__proto__` and `constructor.prototype`.
 *
 * Fractions are rounded to the nearest 64-bit floating point number, as in every JSON parser.
 */
export function parseJson(text: string): ParsedJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { value: undefined, objection: { kind: 'syntax', path: '', message: 'is not JSON' } };
  }
  return { value, objection: new JsonScanner(text).scan() };
}

interface Level {
  /** Keys of the object that were read so far. Undefined for an array. */
  readonly keys: Set<string> | undefined;
  /** Key or index of the current member. */
  at: string | number;
}

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];
const minus = 0x2d;

/**
 * Scans the tokens of a text that `JSON.parse` accepted. Only the text still contains the values that `JSON.parse`
 * drops without an error.
 */
class JsonScanner {
  readonly #text: string;
  readonly #levels: Level[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  scan(): JsonObjection | undefined {
    for (; this.#at < this.#text.length; this.#at += 1) {
      const code = this.#text.charCodeAt(this.#at);
      const objection = this.#token(code);
      if (objection !== undefined) return objection;
    }
    return undefined;
  }

  #token(code: number): JsonObjection | undefined {
    switch (code) {
      case quote:
        return this.#string();
      case openBrace:
        return this.#open({ keys: new Set(), at: '' });
      case openBracket:
        return this.#open({ keys: undefined, at: 0 });
      case closeBrace:
      case closeBracket:
        this.#levels.pop();
        return undefined;
      case comma: {
        const level = this.#levels.at(-1);
        if (level !== undefined && typeof level.at === 'number') level.at += 1;
        return undefined;
      }
      default:
        return code === minus || (code >= 0x30 && code <= 0x39) ? this.#number() : undefined;
    }
  }

  #open(level: Level): JsonObjection | undefined {
    if (this.#levels.length >= maxJsonDepth) {
      return { kind: 'value', path: '', message: `is nested deeper than ${String(maxJsonDepth)} levels` };
    }
    this.#levels.push(level);
    return undefined;
  }

  #string(): JsonObjection | undefined {
    const start = this.#at;
    let isEscaped = false;
    let end = start + 1;
    for (; this.#text.charCodeAt(end) !== quote; end += 1) {
      if (this.#text.charCodeAt(end) !== backslash) continue;
      isEscaped = true;
      end += 1;
    }
    this.#at = end;
    const level = this.#levels.at(-1);
    const isKey = level?.keys !== undefined && this.#isBeforeColon();
    // The text itself has no lone surrogates. So a string can contain one only as an escape such as `\ud800`.
    const raw = this.#text.slice(start, end + 1);
    const isSuspect = isEscaped && /\\u[dD][89a-fA-F]/.test(raw);
    if (!isKey && !isSuspect) return undefined;
    const value = isEscaped ? (JSON.parse(raw) as string) : raw.slice(1, -1);
    const isWhole = !isSuspect || value.isWellFormed();
    if (isKey) return this.#key(level, value, isWhole);
    return isWhole ? undefined : this.#refuse('has half of a surrogate pair, which is no character');
  }

  #key(level: Level, key: string, isWhole: boolean): JsonObjection | undefined {
    const parent = this.#levels.at(-2);
    level.at = key.toWellFormed();
    if (!isWhole) return this.#refuse('is a key with half of a surrogate pair, which is no character');
    if (key === '__proto__' || (key === 'prototype' && parent?.at === 'constructor' && parent.keys !== undefined)) {
      return this.#refuse('is refused: no key may be "__proto__", or "prototype" in a "constructor"', 'key');
    }
    if (level.keys?.has(key) === true) return this.#refuse('is there twice');
    level.keys?.add(key);
    return undefined;
  }

  #isBeforeColon(): boolean {
    let next = this.#at + 1;
    while (this.#text.charCodeAt(next) <= 0x20) next += 1;
    return this.#text.charCodeAt(next) === colon;
  }

  #number(): JsonObjection | undefined {
    const start = this.#at;
    let end = start + 1;
    let isPlain = true;
    for (; end < this.#text.length; end += 1) {
      const code = this.#text.charCodeAt(end);
      const isDigit = code >= 0x30 && code <= 0x39;
      // A JSON number contains only digits, `.`, `+`, `-`, `e` and `E`.
      if (!isDigit && code !== 0x2e && code !== 0x2b && code !== minus && (code | 0x20) !== 0x65) break;
      isPlain &&= isDigit;
    }
    this.#at = end - 1;
    if (isPlain && end - start <= 15) return undefined;
    const message = objectionToNumber(this.#text.slice(start, end));
    return message === undefined ? undefined : this.#refuse(message);
  }

  #refuse(message: string, kind: JsonObjection['kind'] = 'value'): JsonObjection {
    return {
      kind,
      path: this.#levels
        .map(({ at }) => String(at))
        .join('.')
        .slice(0, 500),
      message,
    };
  }
}

const maxPlain = 2 ** 53;
const minNormal = 2 ** -1022;

/** Returns the reason why parsing would change a number, or undefined if it would not. */
function objectionToNumber(token: string): string | undefined {
  const value = Number(token);
  if (!Number.isFinite(value)) return 'is a number that is larger than 64-bit floating point holds; send it as text';
  if (value === 0) {
    const [mantissa = ''] = token.split(/e/i, 1);
    return /[1-9]/.test(mantissa)
      ? 'is a number that is too small for 64-bit floating point; send it as text'
      : undefined;
  }
  const size = Math.abs(value);
  if (size <= maxPlain && size >= minNormal) return sameNumber(size, token) ? undefined : beyond;
  return decimalOf(token) === decimalOf(String(value)) ? undefined : beyond;
}

const beyond = 'is a number that 64-bit floating point does not hold exactly; send it as text';

/**
 * Returns true if the integer `token` was parsed without change. `size` is the absolute value of the parsed number, at
 * most 2^53. Among all integers, only 2^53 + 1 is rounded to another integer of this range (2^53).
 */
function sameNumber(size: number, token: string): boolean {
  return size !== maxPlain || decimalOf(token.replace(/^-/, '')) === decimalOf(String(maxPlain));
}

/**
 * Returns a text that consists of the sign, the significant digits and the exponent of the last digit. Equal numbers
 * have equal texts.
 */
function decimalOf(token: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(token) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  return `${sign}${significant}e${String(Number(exponent) - fraction.length + digits.length - significant.length)}`;
}
