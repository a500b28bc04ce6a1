import { ReceiptCounter } from './masking-receipt.ts';
import type { MaskingReceipt } from './masking-receipt.ts';
import { PlaceholderWriter } from './scan/placeholder-writer.ts';
import { SecretScanner } from './scan/secret-scanner.ts';
import type { SecretSet } from './secret-set.ts';

export interface MaskedText {
  readonly text: string;
  readonly receipt: MaskingReceipt;
}

/** Returns the text with all secrets masked. All other characters stay the same, also lone surrogates. */
export function maskText(set: SecretSet, text: string): MaskedText {
  const counter = new ReceiptCounter();
  const writer = new PlaceholderWriter();
  const isWhole = text.isWellFormed();
  const bytes = encoder.encode(text);
  const exact = isWhole ? bytes : bytesWithSurrogates(text);
  // The encoder replaces each lone surrogate by U+FFFD, which has three bytes too. So both arrays have the same offsets.
  let at = 0;
  const scanner = new SecretScanner(set, {
    clear: (_bytes, from, to) => writer.clear(exact, at, (at += to - from)),
    masked: (_bytes, from, to) => writer.masked(exact, at, (at += to - from)),
    found: (rule) => counter.add(rule),
  });
  scanner.write(bytes);
  scanner.end();
  const output = writer.take(true);
  const masked = isWhole ? decoder.decode(output) : textWithSurrogates(output);
  return { text: masked === text ? text : masked, receipt: counter.receipt };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const loneSurrogate = /([\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff])/;
/** The first byte of each surrogate in WTF-8. The second byte of a surrogate is at least 0xA0, and of other characters less. */
const firstOfSurrogate = 0xed;

/** Encodes a text as WTF-8, which is UTF-8 with three bytes for each lone surrogate. */
function bytesWithSurrogates(text: string): Uint8Array {
  return joined(
    text.split(loneSurrogate).map((part, index) => {
      if (index % 2 === 0) return encoder.encode(part);
      const code = part.charCodeAt(0);
      return Uint8Array.of(firstOfSurrogate, 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
    }),
  );
}

function textWithSurrogates(bytes: Uint8Array): string {
  let text = '';
  let done = 0;
  for (let at = bytes.indexOf(firstOfSurrogate); at !== -1; at = bytes.indexOf(firstOfSurrogate, at + 1)) {
    const [, second = 0, third = 0] = bytes.subarray(at, at + 3);
    if (second < 0xa0 || (third & 0xc0) !== 0x80) continue;
    text += decoder.decode(bytes.subarray(done, at));
    text += String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f));
    done = at + 3;
  }
  return text + decoder.decode(bytes.subarray(done));
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
