const MiB = 1024 * 1024;

/** Limits of the scan of one artifact. An archive above a limit cannot be scanned completely, so it is not deposited. */
export interface ScanLimits {
  /**
   * Largest total size of all members (the files in an archive) in bytes. Members of archives inside archives count
   * too.
   */
  readonly maxBytes: number;
  /**
   * Largest ratio of unpacked to packed bytes. It is checked only if there are more than `freeBytes` unpacked bytes,
   * because a small text may compress better.
   */
  readonly maxRatio: number;
  readonly freeBytes: number;
  readonly maxMembers: number;
  /** Largest number of levels of archives inside archives. A tar.gz archive counts as two levels. */
  readonly maxDepth: number;
}

export const scanLimits: ScanLimits = {
  maxBytes: 4096 * MiB,
  maxRatio: 200,
  freeBytes: 32 * MiB,
  maxMembers: 200_000,
  maxDepth: 8,
};

/** Counts the members and bytes that the scan of one artifact has read. Throws when a limit is exceeded. */
export class ScanBudget {
  readonly #limits: ScanLimits;
  /** Size of the artifact in bytes, if known. */
  readonly #packedBytes: number | undefined;
  #bytes = 0;
  #members = 0;

  constructor(limits: ScanLimits, packedBytes: number | undefined) {
    this.#limits = limits;
    this.#packedBytes = packedBytes;
  }

  takeMember(): void {
    this.#members += 1;
    const { maxMembers } = this.#limits;
    if (this.#members > maxMembers) throw new Error(`it has more than ${maxMembers} members`);
  }

  takeBytes(bytes: number): void {
    this.#bytes += bytes;
    this.requireRoom(0);
  }

  /**
   * Throws if `bytes` more bytes would exceed a limit. An archive declares the sizes of its members. They are passed to
   * this method before anything is unpacked.
   */
  requireRoom(bytes: number): void {
    const total = this.#bytes + bytes;
    const { maxBytes } = this.#limits;
    if (total > maxBytes) throw new Error(`its members have more than ${maxBytes} bytes`);
    if (this.#packedBytes !== undefined) this.requireRatio(total, this.#packedBytes);
  }

  requireRatio(unpackedBytes: number, packedBytes: number): void {
    const { freeBytes, maxRatio } = this.#limits;
    if (unpackedBytes > freeBytes && unpackedBytes > packedBytes * maxRatio) {
      throw new Error(`it unpacks to more than ${maxRatio} times its size`);
    }
  }

  requireDepth(depth: number): void {
    const { maxDepth } = this.#limits;
    if (depth > maxDepth) throw new Error(`it has more than ${maxDepth} archives inside one another`);
  }
}
