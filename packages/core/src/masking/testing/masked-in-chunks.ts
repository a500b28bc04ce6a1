import { MaskingStream } from '../masking-stream.ts';
import type { MaskingReceipt } from '../masking-receipt.ts';
import type { SecretSet } from '../secret-set.ts';

export interface MaskedBytes {
  /** The output, with one character for each byte. */
  readonly output: string;
  readonly receipt: MaskingReceipt;
  /** Largest number of bytes that were held back after a write. */
  readonly held: number;
}

/** Masks bytes that are written in chunks of the given sizes. All remaining bytes are the last chunk. */
export function maskedInChunks(
  set: SecretSet,
  input: Uint8Array,
  sizes: Iterable<number> = [],
  atEnd: (stream: MaskingStream) => void = () => undefined,
): MaskedBytes {
  const stream = new MaskingStream(set);
  const parts: Uint8Array[] = [];
  let held = 0;
  let at = 0;
  const write = (to: number) => {
    parts.push(stream.write(input.subarray(at, to)));
    held = Math.max(held, stream.heldBytes);
    at = to;
  };
  for (const size of sizes) {
    if (at >= input.length) break;
    write(Math.min(input.length, at + size));
  }
  write(input.length);
  parts.push(stream.end());
  atEnd(stream);
  return { output: parts.map(byteText).join(''), receipt: stream.receipt, held };
}

/** Masks a text that is written in chunks of `size` bytes. By default the text is one chunk. */
export function masked(set: SecretSet, text: string, size = Infinity): string {
  const input = new TextEncoder().encode(text);
  const { output } = maskedInChunks(set, input, chunksOf(size));
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(output, (byte) => byte.charCodeAt(0)));
}

export function* chunksOf(size: number): Generator<number> {
  while (true) yield size;
}

/** Returns bytes as a text with one character for each byte. */
export function byteText(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
