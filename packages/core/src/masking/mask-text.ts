import type { MaskingReceipt } from './masking-receipt.ts';
import { MaskingStream } from './masking-stream.ts';
import type { SecretSet } from './secret-set.ts';

const encoder = new TextEncoder();

export interface MaskedText {
  readonly text: string;
  readonly receipt: MaskingReceipt;
}

/**
 * Returns the text with all secrets masked. A text without secrets is returned unchanged. In a text with secrets, lone
 * surrogates are also replaced by U+FFFD.
 */
export function maskText(set: SecretSet, text: string): MaskedText {
  const stream = new MaskingStream(set);
  const input = encoder.encode(text);
  const parts = [stream.write(input), stream.end()];
  const { receipt } = stream;
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const masked = parts.map((part) => decoder.decode(part, { stream: true })).join('') + decoder.decode();
  return { text: masked === text.toWellFormed() ? text : masked, receipt };
}
