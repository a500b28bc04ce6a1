/** A part of a regular expression. It contains only what a gate needs. */
export type PatternNode =
  /** One character. `source` is its regular expression, such as `a`, `\d` or `[^"]`. */
  | { readonly kind: 'character'; readonly source: string }
  | { readonly kind: 'sequence'; readonly parts: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly options: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly part: PatternNode; readonly min: number; readonly max: number }
  /**
   * A condition on the next character, which is not consumed. The character must match one of `sources`. If
   * `isNegative` is true, it must match none of them, or the text must end.
   */
  | { readonly kind: 'next'; readonly sources: readonly string[]; readonly isNegative: boolean };

const nothing: PatternNode = { kind: 'sequence', parts: [] };
const escapedCharacter = /\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[^A-Za-z0-9]|[dDwWsStrnvf0](?!\d))/y;
const bracketed = /\[(?:[^\]\\]|\\.)*\]/sy;
const quantifier = /(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})\??/y;

/**
 * Parses the source of a regular expression. The result matches every text that the expression matches, and may match
 * other texts, because it omits lookbehinds, and lookaheads for more than one character. Throws a SyntaxError for
 * unknown syntax.
 */
export function parsePattern(source: string): PatternNode {
  const parser = new PatternParser(source);
  const node = parser.choice();
  if (!parser.isAtEnd) throw parser.unknownSyntax();
  return node;
}

class PatternParser {
  readonly #source: string;
  readonly #groups = new Map<string, PatternNode>();
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#source.length;
  }

  unknownSyntax(): SyntaxError {
    return new SyntaxError(`a gate cannot read the pattern at index ${this.#at}: ${this.#source}`);
  }

  choice(): PatternNode {
    const options = [this.#sequence()];
    while (this.#take('|')) options.push(this.#sequence());
    return options.length === 1 ? (options[0] ?? nothing) : { kind: 'choice', options };
  }

  #sequence(): PatternNode {
    const parts: PatternNode[] = [];
    while (!this.isAtEnd && !'|)'.includes(this.#source[this.#at] ?? '')) parts.push(this.#repeated(this.#atom()));
    return parts.length === 1 ? (parts[0] ?? nothing) : { kind: 'sequence', parts };
  }

  #repeated(part: PatternNode): PatternNode {
    const match = this.#match(quantifier);
    if (match === null) return part;
    const [, sign, least, comma, most] = match;
    if (sign !== undefined)
      return { kind: 'repeat', part, min: sign === '+' ? 1 : 0, max: sign === '?' ? 1 : Infinity };
    const min = Number(least);
    const limit = most === undefined || most === '' ? Infinity : Number(most);
    return { kind: 'repeat', part, min, max: comma === undefined ? min : limit };
  }

  #atom(): PatternNode {
    if (this.#take('(')) return this.#group();
    if (this.#take('^') || this.#take('$') || this.#take(String.raw`\b`) || this.#take(String.raw`\B`)) return nothing;
    const name = this.#match(/\\k<([A-Za-z0-9]+)>/y)?.[1];
    if (name !== undefined) return this.#reference(name);
    const text = (this.#match(bracketed) ?? this.#match(escapedCharacter) ?? this.#match(/[^\\[*+?{]/y))?.[0];
    if (text === undefined) throw this.unknownSyntax();
    return { kind: 'character', source: text };
  }

  /** A reference matches the text of its group. So it is replaced by the pattern of the group. */
  #reference(name: string): PatternNode {
    const group = this.#groups.get(name);
    if (group === undefined) throw this.unknownSyntax();
    return group;
  }

  #group(): PatternNode {
    const start = this.#match(/\?(?:[:=!]|<[=!]|<([A-Za-z0-9]+)>)/y);
    const node = this.choice();
    if (!this.#take(')')) throw this.unknownSyntax();
    const name = start?.[1];
    if (name !== undefined) this.#groups.set(name, node);
    if (start?.[0] === '?=' || start?.[0] === '?!') return lookahead(node, start[0] === '?!');
    return start?.[0] === '?<=' || start?.[0] === '?<!' ? nothing : node;
  }

  #take(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#source);
    if (match !== null) this.#at += match[0].length;
    return match;
  }
}

/** Returns a lookahead, reduced to a condition on the next character. */
function lookahead(node: PatternNode, isNegative: boolean): PatternNode {
  const options = node.kind === 'choice' ? node.options : [node];
  const sources = options.flatMap((option) => (option.kind === 'character' ? [option.source] : []));
  // A negative lookahead fails if one option matches. So the other options can be omitted.
  const isExact = sources.length === options.length;
  return sources.length === 0 || (!isExact && !isNegative) ? nothing : { kind: 'next', sources, isNegative };
}
