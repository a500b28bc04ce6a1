import { byteSet } from './byte-sets.ts';
import type { PatternNode } from './pattern-syntax.ts';

/** Matches a byte if `set` has a 1 for it. The program then continues at the instruction `next`. */
interface ByteInstruction {
  readonly kind: 'byte';
  readonly set: Uint8Array;
  readonly next: number;
}

/**
 * Continues at `next` if `set` has a 1 for the next byte. The byte is not consumed. At the end of the text, `atEnd`
 * decides.
 */
interface ConditionInstruction {
  readonly kind: 'condition';
  readonly set: Uint8Array;
  readonly atEnd: boolean;
  readonly next: number;
}

/** Continues at each of the listed instructions. */
interface ForkInstruction {
  readonly kind: 'fork';
  readonly nexts: readonly number[];
}

export type Instruction = ByteInstruction | ConditionInstruction | ForkInstruction | { readonly kind: 'match' };

/** A nondeterministic automaton over bytes. */
export interface PatternProgram {
  readonly instructions: readonly Instruction[];
  readonly start: number;
}

/** A repetition becomes at most this number of copies. Further repetitions are not limited. */
const mostCopies = 256;
/** If a repetition has at most this number of optional copies, its upper limit is exact. */
const mostOptional = 3;
const largestProgram = 8192;

/**
 * Compiles a pattern to a program. The program accepts each text that the pattern matches. It may accept other texts,
 * because the upper limits of most repetitions are omitted. Throws a RangeError if the program is too large.
 */
export function compilePattern(node: PatternNode, flags: string): PatternProgram {
  const compiler = new PatternCompiler(flags);
  const start = compiler.compile(node, compiler.add({ kind: 'match' }));
  return { instructions: compiler.instructions, start };
}

class PatternCompiler {
  readonly instructions: Instruction[] = [];
  readonly #flags: string;

  constructor(flags: string) {
    this.#flags = flags;
  }

  add(instruction: Instruction): number {
    if (this.instructions.length >= largestProgram) throw new RangeError('the pattern is too large for a gate');
    return this.instructions.push(instruction) - 1;
  }

  /**
   * Adds the instructions of a node. After them, the program continues at the instruction `next`. Returns the first of
   * them.
   */
  compile(node: PatternNode, next: number): number {
    switch (node.kind) {
      case 'character':
        return this.add({ kind: 'byte', set: byteSet(node.source, this.#flags), next });
      case 'sequence':
        return node.parts.reduceRight((after, part) => this.compile(part, after), next);
      case 'choice':
        return this.add({ kind: 'fork', nexts: node.options.map((option) => this.compile(option, next)) });
      case 'repeat':
        return this.#repeat(node.part, node.min, node.max, next);
      case 'next':
        return this.#condition(node.sources, node.isNegative, next);
    }
  }

  #repeat(part: PatternNode, min: number, max: number, next: number): number {
    let first = next;
    if (max - min <= mostOptional) {
      for (let copy = min; copy < max; copy += 1) {
        first = this.add({ kind: 'fork', nexts: [this.compile(part, first), next] });
      }
    } else {
      const nexts = [next];
      first = this.add({ kind: 'fork', nexts });
      nexts.push(this.compile(part, first));
    }
    for (let copy = 0; copy < Math.min(min, mostCopies); copy += 1) first = this.compile(part, first);
    return first;
  }

  #condition(sources: readonly string[], isNegative: boolean, next: number): number {
    const sets = sources.map((source) => byteSet(source, this.#flags));
    const set = Uint8Array.from({ length: 256 }, (_, byte) =>
      sets.some((each) => each[byte] === 1) === isNegative ? 0 : 1,
    );
    return this.add({ kind: 'condition', set, atEnd: isNegative, next });
  }
}
