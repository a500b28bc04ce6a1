/** A content of which any range of bytes can be read. */
export interface RandomAccess {
  readonly sizeBytes: number;
  readRange(from: number, to: number): AsyncIterable<Uint8Array>;
}
