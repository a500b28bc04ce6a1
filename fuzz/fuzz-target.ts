/** The exports of every file in fuzz/targets/. */
export interface FuzzTarget {
  /** Parses the bytes as the server or the client would. Throws when a guarantee of the parser does not hold. */
  readonly fuzz: (data: Buffer) => void | Promise<void>;
  /** Tokens of the format, so that the fuzzer need not find them byte by byte. */
  readonly words: readonly string[];
  /** Initial inputs for mutation. */
  readonly seeds: readonly (string | Buffer)[];
}
