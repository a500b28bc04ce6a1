import type { TextEncoding } from '@proofhouse/core';
import type { TextScanResult } from './text-scan.ts';

export type ContentSlices = readonly Uint8Array<ArrayBuffer>[];

/** All bytes of a text. */
export interface WholeText {
  readonly encoding: TextEncoding;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * A request to a thread that scans for secrets. `scan` identifies one scan. `texts` scans whole texts. `begin` starts
 * the scan of a content, to which `write`, `end` and `abort` then belong. `continue` continues a request that the
 * thread has interrupted.
 */
export type SecretRequest =
  | {
      readonly kind: 'texts';
      readonly scan: number;
      readonly texts: readonly WholeText[];
      readonly confirmed: boolean;
    }
  | {
      readonly kind: 'begin';
      readonly scan: number;
      readonly encoding: TextEncoding;
      readonly chunks: ContentSlices;
    }
  | { readonly kind: 'write'; readonly scan: number; readonly chunks: ContentSlices }
  | { readonly kind: 'continue'; readonly scan: number }
  | { readonly kind: 'end'; readonly scan: number; readonly isCutShort: boolean }
  | { readonly kind: 'abort'; readonly scan: number };

/** The result of a scan in a thread. */
export interface ThreadResult extends TextScanResult {
  /** True if the scan took too long and was ended before the end of its text. */
  readonly isLate: boolean;
}

/**
 * The answer to a request. When a request of the kind `texts` or `end` is finished, `value` is its result. For `texts`
 * it is a list.
 */
export interface SecretAnswer {
  readonly isFinished: boolean;
  readonly value: ThreadResult | readonly ThreadResult[] | undefined;
}
