/**
 * An Aho-Corasick automaton over bytes without case, with all transitions in one table. The next state is `table[(state
 * << shift) | classes[byte]]`. State 0 is the root. In each state from `firstHit` on, at least one keyword ends.
 */
export interface KeywordAutomaton {
  readonly table: Uint16Array;
  /** The class of each byte: its column in the table. Bytes that occur in no keyword have class 0. */
  readonly classes: Uint8Array;
  readonly shift: number;
  readonly firstHit: number;
  /** For each state, the number of bytes on the way from the root. These bytes are the beginning of a keyword. */
  readonly depths: Uint16Array;
  /**
   * The element at index `n` belongs to the state `firstHit + n`. It lists the keywords that end in this state, longest
   * first, as indexes in the list of keywords.
   */
  readonly hits: readonly Uint16Array[];
}

const largestState = 0xffff;

/**
 * Builds the automaton of the keywords, which are compared without case. Throws a RangeError if it would have more than
 * 65,535 states.
 */
export function buildKeywordAutomaton(keywords: readonly string[]): KeywordAutomaton {
  const folded = keywords.map((keyword) => keyword.toLowerCase());
  const { classes, count } = byteClasses(folded);
  const shift = Math.max(1, Math.ceil(Math.log2(count)));
  const states = 1 + folded.reduce((total, keyword) => total + keyword.length, 0);
  if (states > largestState) throw new RangeError(`the keywords of the masking rules need ${states} states`);
  const trie = new Trie(states, shift, classes);
  folded.forEach((keyword, index) => {
    trie.add(keyword, index);
  });
  return trie.automaton();
}

/** Returns true if the text contains a keyword, in upper or lower case. */
export function containsKeyword({ table, classes, shift, firstHit }: KeywordAutomaton, text: string): boolean {
  let state = 0;
  for (let at = 0; at < text.length; at += 1) {
    // Keywords are ASCII, so a character above 255 is in no keyword and has class 0.
    state = table[(state << shift) | (classes[text.charCodeAt(at)] ?? 0)] ?? 0;
    if (state >= firstHit) return true;
  }
  return false;
}

/** Returns the class of each byte. An upper-case letter has the class of its lower-case letter. */
function byteClasses(folded: readonly string[]): { classes: Uint8Array; count: number } {
  const classes = new Uint8Array(256);
  let count = 1;
  for (const character of new Set(folded.join(''))) {
    const byte = character.charCodeAt(0);
    if (byte > 0x7f) throw new RangeError('a keyword of a masking rule must be ASCII');
    classes[byte] = count;
    if (character >= 'a' && character <= 'z') classes[byte - 32] = count;
    count += 1;
  }
  return { classes, count };
}

class Trie {
  readonly #table: Uint16Array;
  readonly #shift: number;
  readonly #classes: Uint8Array;
  readonly #ends: number[][] = [[]];
  readonly #depths: number[] = [0];

  constructor(states: number, shift: number, classes: Uint8Array) {
    this.#table = new Uint16Array(states << shift);
    this.#shift = shift;
    this.#classes = classes;
  }

  add(keyword: string, index: number): void {
    let state = 0;
    for (let at = 0; at < keyword.length; at += 1) {
      const cell = (state << this.#shift) | (this.#classes[keyword.charCodeAt(at)] ?? 0);
      let next = this.#table[cell] ?? 0;
      if (next === 0) {
        next = this.#ends.push([]) - 1;
        this.#depths.push(at + 1);
        this.#table[cell] = next;
      }
      state = next;
    }
    this.#ends[state]?.push(index);
  }

  automaton(): KeywordAutomaton {
    this.#addFailureTransitions();
    return this.#withHitsLast();
  }

  /** Adds the missing transitions of each state: those of its failure state, in breadth-first order. */
  #addFailureTransitions(): void {
    const table = this.#table;
    const width = 1 << this.#shift;
    const failure = new Uint16Array(this.#ends.length);
    const queue: number[] = [0];
    // The loop appends states to the queue and visits these too.
    for (const state of queue) {
      const fallback = failure[state] ?? 0;
      if (state !== 0) this.#ends[state]?.push(...(this.#ends[fallback] ?? []));
      for (let column = 0; column < width; column += 1) {
        const cell = (state << this.#shift) | column;
        const inherited = state === 0 ? 0 : (table[(fallback << this.#shift) | column] ?? 0);
        const next = table[cell] ?? 0;
        if (next === 0) table[cell] = inherited;
        else {
          failure[next] = inherited;
          queue.push(next);
        }
      }
    }
  }

  /**
   * Renumbers the states so that those in which a keyword ends have the largest numbers. One comparison then shows
   * whether a keyword ends.
   */
  #withHitsLast(): KeywordAutomaton {
    const states = this.#ends.map((_, state) => state);
    const order = [
      ...states.filter((state) => this.#ends[state]?.length === 0),
      ...states.filter((state) => this.#ends[state]?.length !== 0),
    ];
    const renumbered = new Uint16Array(order.length);
    order.forEach((state, index) => (renumbered[state] = index));
    const width = 1 << this.#shift;
    const table = new Uint16Array(order.length * width);
    order.forEach((state, index) => {
      for (let column = 0; column < width; column += 1) {
        table[index * width + column] = renumbered[this.#table[state * width + column] ?? 0] ?? 0;
      }
    });
    const hits = order.map((state) => this.#ends[state] ?? []).filter((ends) => ends.length > 0);
    return {
      table,
      classes: this.#classes,
      shift: this.#shift,
      firstHit: order.length - hits.length,
      depths: Uint16Array.from(order, (state) => this.#depths[state] ?? 0),
      hits: hits.map((ends) => Uint16Array.from(ends)),
    };
  }
}
