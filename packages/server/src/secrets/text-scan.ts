import { maxSecretMarks, mayContainSecret, SecretScan, type SecretFinding, type SecretSet } from '@proofhouse/core';
import type { TextEncoding } from './text-encoding.ts';
import { Utf16Narrowing } from './utf16-narrowing.ts';
import { Utf8Check } from './utf8-check.ts';

/** The secrets of one text. */
export interface ScannedText {
  /** The secrets, at most `maxSecretMarks`. Their offsets are in bytes of the text as it is stored. */
  readonly secrets: readonly SecretFinding[];
  /** Number of secrets that were found and are not in `secrets`. */
  readonly omitted: number;
}

/**
 * The options of a scan. If `confirmed` is true, a secret counts only if it also passes the stricter test of its rule,
 * such as a checksum.
 */
export interface ScanOptions {
  readonly confirmed: boolean;
}

/** Scans the bytes of one content, chunk by chunk, for as long as they are valid in their encoding. */
export class TextScan {
  readonly #scan: SecretScan;
  readonly #check: Utf8Check | Utf16Narrowing;
  #isValid = true;

  constructor(set: SecretSet, encoding: TextEncoding, options: ScanOptions) {
    this.#scan = new SecretScan(set, { ...options, maxFindings: maxSecretMarks });
    this.#check = encoding === 'utf-8' ? new Utf8Check() : new Utf16Narrowing(encoding);
  }

  /**
   * Scans a chunk. Returns false if this chunk or an earlier one is not valid in the encoding. Chunks after an invalid
   * one are ignored.
   */
  write(chunk: Uint8Array): boolean {
    if (!this.#isValid) return false;
    if (this.#check instanceof Utf8Check) {
      this.#isValid = this.#check.write(chunk);
      if (this.#isValid) this.#scan.write(chunk);
      return this.#isValid;
    }
    const narrowed = this.#check.write(chunk);
    this.#isValid = narrowed !== undefined;
    if (narrowed !== undefined) this.#scan.write(narrowed);
    return this.#isValid;
  }

  /**
   * Returns the secrets, or undefined if the content is not valid in its encoding. `isCutShort` is true if only the
   * beginning of the content was scanned, so that its last character may be incomplete.
   */
  end(isCutShort: boolean): ScannedText | undefined {
    if (!this.#isValid || !(isCutShort || this.#check.isComplete)) return undefined;
    const unitBytes = this.#check instanceof Utf8Check ? 1 : 2;
    const { findings, total } = this.#scan.end();
    return {
      secrets: findings.map(({ rule, offset }) => ({ rule, offset: offset * unitBytes })),
      omitted: total - findings.length,
    };
  }
}

const nothing: ScannedText = { secrets: [], omitted: 0 };

/** Scans one text. Offsets are in bytes of UTF-8. */
export function scanText(set: SecretSet, text: string, options: ScanOptions): ScannedText {
  const bytes = Buffer.from(text, 'utf8');
  if (!mayContainSecret(set, bytes)) return nothing;
  const scan = new TextScan(set, 'utf-8', options);
  scan.write(bytes);
  return scan.end(true) ?? nothing;
}
