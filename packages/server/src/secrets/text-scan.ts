import {
  maxSecretMarks,
  mayContainSecret,
  SecretScan,
  type SecretFinding,
  type SecretSet,
  type TextEncoding,
} from '@proofhouse/core';
import { Utf16Narrowing } from './utf16-narrowing.ts';
import { Utf8Check } from './utf8-check.ts';

/** The secrets of one text. */
export interface ScannedText {
  /**
   * The secrets that were found. The list has at most `maxSecretMarks`. Their offsets are in bytes of the stored text.
   */
  readonly secrets: readonly SecretFinding[];
  /** Number of further secrets that were found but are not in `secrets`. */
  readonly omitted: number;
}

/**
 * The options of a scan. If `confirmed` is true, only those secrets count that pass the stricter test of their rule,
 * such as a checksum.
 */
export interface ScanOptions {
  readonly confirmed: boolean;
}

/** The result of the scan of one content. */
export interface TextScanResult extends ScannedText {
  /** False if the content is not valid in its encoding. It was still scanned for secrets in ASCII. */
  readonly isValid: boolean;
}

/** Scans the bytes of one content, chunk by chunk. */
export class TextScan {
  readonly #scan: SecretScan;
  readonly #check: Utf8Check | Utf16Narrowing;

  constructor(set: SecretSet, encoding: TextEncoding, options: ScanOptions) {
    this.#scan = new SecretScan(set, { ...options, maxFindings: maxSecretMarks });
    this.#check = encoding === 'utf-8' ? new Utf8Check() : new Utf16Narrowing(encoding);
  }

  write(chunk: Uint8Array): void {
    if (this.#check instanceof Utf16Narrowing) {
      this.#scan.write(this.#check.write(chunk));
      return;
    }
    this.#check.write(chunk);
    this.#scan.write(chunk);
  }

  /**
   * Returns the secrets. `isCutShort` is true if only the beginning of the content was scanned. Its last character may
   * then be incomplete.
   */
  end(isCutShort: boolean): TextScanResult {
    const unitBytes = this.#check instanceof Utf8Check ? 1 : 2;
    const { findings, total } = this.#scan.end();
    return {
      secrets: findings.map(({ rule, offset }) => ({ rule, offset: offset * unitBytes })),
      omitted: total - findings.length,
      isValid: this.#check.isValid && (isCutShort || this.#check.isComplete),
    };
  }
}

const nothing: ScannedText = { secrets: [], omitted: 0 };

/** Scans one text. Offsets are in bytes of UTF-8. */
export function scanText(set: SecretSet, text: string, options: ScanOptions): ScannedText {
  if (!mayContainSecret(set, text)) return nothing;
  const scan = new TextScan(set, 'utf-8', options);
  scan.write(Buffer.from(text, 'utf8'));
  const { secrets, omitted } = scan.end(true);
  return { secrets, omitted };
}
