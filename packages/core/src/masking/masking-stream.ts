import { ReceiptCounter } from './masking-receipt.ts';
import type { MaskingReceipt } from './masking-receipt.ts';
import { PlaceholderWriter } from './scan/placeholder-writer.ts';
import { SecretScanner } from './scan/secret-scanner.ts';
import type { SecretSet } from './secret-set.ts';

/**
 * Masks the secrets of one stream of bytes. All other bytes pass unchanged, even if they are not UTF-8. The output does
 * not depend on how the input is divided into chunks.
 */
export class MaskingStream {
  readonly #counter = new ReceiptCounter();
  readonly #writer = new PlaceholderWriter();
  readonly #scanner: SecretScanner;

  constructor(set: SecretSet) {
    const writer = this.#writer;
    this.#scanner = new SecretScanner(set, {
      clear: (bytes, from, to) => writer.clear(bytes, from, to),
      masked: (bytes, from, to) => writer.masked(bytes, from, to),
      found: (rule) => this.#counter.add(rule),
    });
  }

  /**
   * Returns the output bytes that later input cannot change any more. Other bytes may belong to a secret, so a later
   * call returns them.
   */
  write(chunk: Uint8Array): Uint8Array {
    this.#scanner.write(chunk);
    return this.#writer.take(false);
  }

  /** Returns the remaining output. Must be called exactly once, after the last call of `write`. */
  end(): Uint8Array {
    this.#scanner.end();
    return this.#writer.take(true);
  }

  /** Uses another set of secrets for all further bytes. This includes bytes that were written and not yet returned. */
  replaceSet(set: SecretSet): void {
    this.#scanner.replaceSet(set);
  }

  /** Number of input bytes that were written, and whose output was not returned yet. */
  get heldBytes(): number {
    return this.#scanner.heldBytes;
  }

  /**
   * Total number of bytes that were read, decoded, compared, or passed to patterns. Tests use it to check that the work
   * is linear in the length of the input.
   */
  get steps(): number {
    return this.#scanner.steps;
  }

  get receipt(): MaskingReceipt {
    return this.#counter.receipt;
  }
}
