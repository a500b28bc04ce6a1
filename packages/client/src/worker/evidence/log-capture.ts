import type { MaskingReceipt } from '@proofhouse/core';
import { MaskFailure, type ByteMask, type SecretMask } from '../../masking/secret-mask.ts';
import type { CapturedLog } from './captured-log.ts';

/** The log of a command that has ended. */
export interface CompleteLog {
  readonly log: CapturedLog;
  readonly masked: MaskingReceipt | undefined;
  /** The reason why masking failed. The log must then not be deposited. */
  readonly maskFailure: MaskFailure | undefined;
}

/**
 * Masks the output of a command before it is written to the log. The log may lose its middle, and this could cut a
 * secret in two. If masking came later, it would not recognize the parts. If the mask fails, the rest of the output is
 * discarded.
 */
export class LogCapture {
  readonly #log: CapturedLog;
  readonly #mask: ByteMask | undefined;
  #failure: MaskFailure | undefined;

  private constructor(log: CapturedLog, mask: ByteMask | undefined) {
    this.#log = log;
    this.#mask = mask;
  }

  /** `mask` is undefined if the output must be written unchanged. */
  static begin(log: CapturedLog, mask: SecretMask | undefined): LogCapture {
    return new LogCapture(log, mask?.stream());
  }

  /** Number of bytes that wait for the disk. */
  get pendingBytes(): number {
    return this.#log.pendingBytes;
  }

  write(piece: Buffer): void {
    if (this.#mask === undefined) this.#log.write(piece);
    else this.#writeMasked((mask) => mask.write(piece));
  }

  /** Resolves when all bytes that were masked so far are on the disk. */
  async settled(): Promise<void> {
    await this.#log.settled();
  }

  /**
   * Writes the last bytes. The mask kept them back because they could be the beginning of a secret. Called after the
   * last `write`.
   */
  async end(): Promise<CompleteLog> {
    this.#writeMasked((mask) => mask.end());
    await this.#log.settled();
    return { log: this.#log, masked: this.#mask?.receipt, maskFailure: this.#failure };
  }

  #writeMasked(step: (mask: ByteMask) => Uint8Array): void {
    if (this.#mask === undefined || this.#failure !== undefined) return;
    try {
      const { buffer, byteOffset, length } = step(this.#mask);
      this.#log.write(Buffer.from(buffer, byteOffset, length));
    } catch (error) {
      this.#failure = MaskFailure.of(error);
    }
  }
}
