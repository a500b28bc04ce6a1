import { SecretScanner } from './scan/secret-scanner.ts';
import type { ScannerOptions } from './scan/secret-scanner.ts';
import type { SecretSet } from './secret-set.ts';

/** The position of a secret. `offset` is counted in bytes from the beginning of the stream. */
export interface SecretFinding {
  readonly rule: string;
  readonly offset: number;
}

export interface SecretScanOptions extends ScannerOptions {
  /** Largest number of findings in the list. Further ones are only counted. */
  readonly maxFindings?: number;
}

export interface SecretScanResult {
  readonly findings: readonly SecretFinding[];
  /** Number of all findings, including those that are not in the list. */
  readonly total: number;
}

const defaultMaxFindings = 1000;

/**
 * Finds the secrets of one stream of bytes. They are the secrets that a `MaskingStream` with the same set would mask.
 */
export class SecretScan {
  readonly #findings: SecretFinding[] = [];
  readonly #scanner: SecretScanner;
  #total = 0;

  constructor(set: SecretSet, options: SecretScanOptions = {}) {
    const max = options.maxFindings ?? defaultMaxFindings;
    const sink = {
      clear: ignoreBytes,
      masked: ignoreBytes,
      found: (rule: string, offset: number) => {
        this.#total += 1;
        if (this.#findings.length < max) this.#findings.push({ rule, offset });
      },
    };
    this.#scanner = new SecretScanner(set, sink, options);
  }

  write(chunk: Uint8Array): void {
    this.#scanner.write(chunk);
  }

  /** Returns the result. Must be called once, after the last call of `write`. */
  end(): SecretScanResult {
    this.#scanner.end();
    return { findings: this.#findings, total: this.#total };
  }
}

function ignoreBytes(): void {
  // Does nothing, because a scan has no output.
}
