/** What every file of fuzz/targets/ exports. */
export interface FuzzTarget {
  /** Parses the bytes as the server or the client would. Throws when a promise of the parser does not hold. */
  readonly fuzz: (data: Buffer) => void | Promise<void>;
  /** Tokens of the format, so that the fuzzer need not guess them byte by byte. */
  readonly words: readonly string[];
  /** Where mutation begins. */
  readonly seeds: readonly (string | Buffer)[];
}
