import { ReceiptCounter } from './masking-receipt.ts';
import type { MaskingReceipt } from './masking-receipt.ts';
import { PlaceholderWriter } from './scan/placeholder-writer.ts';
import { SecretScanner } from './scan/secret-scanner.ts';
import type { SecretSet } from './secret-set.ts';

/**
 * Masks the secrets of one stream of bytes. All other bytes pass unchanged, also those that are not UTF-8. The output as a
 * whole does not depend on how the input is cut into chunks.
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

  /** Returns the output that is decided. Bytes that may be the start of a secret come with a later call. */
  write(chunk: Uint8Array): Uint8Array {
    this.#scanner.write(chunk);
    return this.#writer.take(false);
  }

  /** Returns the rest of the output. Must be called once, after the last write. */
  end(): Uint8Array {
    this.#scanner.end();
    return this.#writer.take(true);
  }

  /** Masks with another set from now on, also in the bytes that are held back. */
  replaceSet(set: SecretSet): void {
    this.#scanner.replaceSet(set);
  }

  /** Number of input bytes whose output is not decided. */
  get heldBytes(): number {
    return this.#scanner.heldBytes;
  }

  /** Number of bytes read, decoded, compared and handed to patterns. Tests prove with it that the work is linear. */
  get steps(): number {
    return this.#scanner.steps;
  }

  get receipt(): MaskingReceipt {
    return this.#counter.receipt;
  }
}
