/** The exports of each file in fuzz/targets/. */
export interface FuzzTarget {
  /** Parses the bytes as the server or the client would. Throws if the parser violates one of its guarantees. */
  readonly fuzz: (data: Buffer) => void | Promise<void>;
  /** Tokens of the format. With them, the fuzzer need not find the tokens byte by byte. */
  readonly words: readonly string[];
  /** Inputs that the fuzzer starts with and mutates. */
  readonly seeds: readonly (string | Buffer)[];
}
