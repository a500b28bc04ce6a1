import { compilePattern } from './pattern-program.ts';
import type { PatternProgram } from './pattern-program.ts';
import { parsePattern } from './pattern-syntax.ts';

/** Special values in the table of transitions. All larger values are states. */
const unknown = 0;
/** The state of a gate when the pattern does not match, whatever bytes follow. */
export const dead = 1;
/** The state of a gate when the pattern may match, whatever bytes follow. */
export const matched = 2;
const firstRow = 3;
/** If a gate would need more states, it does not reject the text. */
const mostStates = 2048;
/** Largest number of bytes that a gate reads. A pattern that must read more bytes runs without a gate. */
const mostBytes = 48;

/**
 * Decides fast that a pattern does not match at a position. A gate is a deterministic automaton that accepts every text
 * that the pattern matches, and also other texts. It ignores lookbehinds, long lookaheads and most upper limits of
 * repetitions. It reads each byte once. A state is created only when a text needs it.
 */
export class PatternGate {
  readonly #program: PatternProgram;
  readonly #classes = new Uint8Array(256);
  /** For each class of bytes, one byte of the class. The last class is the end of the text. */
  readonly #samples: number[] = [];
  readonly #width: number;
  /**
   * The transitions. A state is the index of its row in the table. Its transition for a class is at that index plus the
   * class.
   */
  #table: Uint32Array;
  /**
   * The instructions of each state, in ascending order. Forks (branches that read no byte) are replaced by the
   * instructions to which they lead.
   */
  readonly #states = new Map<number, readonly number[]>();
  readonly #stateOf = new Map<string, number>();
  /** The state before the first byte. */
  readonly start: number;

  private constructor(program: PatternProgram) {
    this.#program = program;
    this.#findClasses();
    this.#width = this.#samples.length + 1;
    this.#table = new Uint32Array(firstRow + 8 * this.#width);
    this.start = this.#target([program.start]);
  }

  /** Returns the gate of a pattern, or undefined if the pattern contains syntax that gates do not support. */
  static of(pattern: RegExp): PatternGate | undefined {
    if (/[msuv]/.test(pattern.flags)) return undefined;
    try {
      return new PatternGate(compilePattern(parsePattern(pattern.source), pattern.ignoreCase ? 'i' : ''));
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
      throw error;
    }
  }

  /**
   * Returns 0 if the pattern may match at `from` in a text that ends at `to`. Otherwise returns a number of bytes.
   * After so many bytes it is certain that the pattern does not match, whatever bytes follow. The end of the text
   * counts as a byte.
   */
  bytesToReject(bytes: Uint8Array, from: number, to: number): number {
    let state = this.start;
    if (state < firstRow) return state === dead ? 1 : 0;
    const last = Math.min(to, from + mostBytes);
    for (let at = from; at < last; at += 1) {
      const column = this.#classes[bytes[at] ?? 0] ?? 0;
      const next = this.#table[state + column] ?? unknown;
      state = next === unknown ? this.#addTransition(state, column) : next;
      if (state < firstRow) return state === dead ? at - from + 1 : 0;
    }
    if (last < to) return 0;
    return this.atEnd(state) === matched ? 0 : to - from + 1;
  }

  /** Returns the state after the bytes from `from` to `to`. */
  advance(before: number, bytes: Uint8Array, from: number, to: number): number {
    let state = before;
    for (let at = from; at < to && state >= firstRow; at += 1) {
      const column = this.#classes[bytes[at] ?? 0] ?? 0;
      const next = this.#table[state + column] ?? unknown;
      state = next === unknown ? this.#addTransition(state, column) : next;
    }
    return state;
  }

  /** Returns `dead` or `matched`, if the text ends in a state. */
  atEnd(state: number): number {
    if (state < firstRow) return state;
    const column = this.#width - 1;
    const next = this.#table[state + column] ?? unknown;
    return next === unknown ? this.#addTransition(state, column) : next;
  }

  /** Divides the bytes into classes. All instructions treat the bytes of a class in the same way. */
  #findClasses(): void {
    const sets = new Set<Uint8Array>();
    for (const instruction of this.#program.instructions) if ('set' in instruction) sets.add(instruction.set);
    const classOf = new Map<string, number>();
    for (let byte = 0; byte < 256; byte += 1) {
      const key = Array.from(sets, (set) => set[byte]).join('');
      if (!classOf.has(key)) this.#samples.push(byte);
      classOf.set(key, classOf.get(key) ?? classOf.size);
      this.#classes[byte] = classOf.get(key) ?? 0;
    }
  }

  #addTransition(state: number, column: number): number {
    const next = this.#transition(this.#states.get(state) ?? [], this.#samples[column]);
    this.#table[state + column] = next;
    return next;
  }

  /** Returns the state after a byte. `byte` is undefined at the end of the text. */
  #transition(state: readonly number[], byte: number | undefined): number {
    const open = new Set(state);
    const nexts: number[] = [];
    // The loop adds instructions to the set and visits these too.
    for (const index of open) {
      const instruction = this.#program.instructions[index];
      if (instruction?.kind === 'match') return matched;
      if (instruction === undefined || instruction.kind === 'fork') continue;
      const isMet =
        byte === undefined ? instruction.kind === 'condition' && instruction.atEnd : instruction.set[byte] === 1;
      if (!isMet) continue;
      if (instruction.kind === 'byte') nexts.push(instruction.next);
      else for (const next of this.#closure([instruction.next])) open.add(next);
    }
    return this.#target(nexts);
  }

  /** Returns the state in which the program continues at these instructions. */
  #target(starts: readonly number[]): number {
    const instructions = this.#closure(starts);
    if (instructions.length === 0) return dead;
    if (instructions.some((index) => this.#program.instructions[index]?.kind === 'match')) return matched;
    const key = instructions.join();
    const known = this.#stateOf.get(key);
    if (known !== undefined) return known;
    if (this.#states.size >= mostStates) return matched;
    const state = firstRow + this.#states.size * this.#width;
    this.#states.set(state, instructions);
    this.#stateOf.set(key, state);
    if (state + this.#width > this.#table.length) {
      const grown = new Uint32Array(2 * (state + this.#width));
      grown.set(this.#table);
      this.#table = grown;
    }
    return state;
  }

  /**
   * Returns the instructions that can be reached without reading a byte, in ascending order. The result contains no
   * forks.
   */
  #closure(starts: readonly number[]): number[] {
    const open = new Set(starts);
    // The loop adds instructions to the set and visits these too.
    for (const index of open) {
      const instruction = this.#program.instructions[index];
      if (instruction?.kind === 'fork') for (const next of instruction.nexts) open.add(next);
    }
    return [...open]
      .filter((index) => this.#program.instructions[index]?.kind !== 'fork')
      .sort((left, right) => left - right);
  }
}
