import type { MaskingReceipt } from '@proofhouse/core';
import type { SecretMask } from '@proofhouse/client/masking';
import type { CommandContext } from '../command-context.ts';
import { printable } from './printable.ts';

/**
 * Returns a text with the masked rules and variables and their numbers, such as `github-token 1, known:DB_PASSWORD 3`.
 */
export function countsText({ masked }: MaskingReceipt): string {
  return masked.map(({ rule, count }) => `${rule} ${count}`).join(', ');
}

/** Prints a warning for each variable whose value is too short to be masked. */
export function warnOfShortValues(context: CommandContext, mask: SecretMask | undefined): void {
  for (const name of mask?.tooShort ?? []) {
    context.stderr.write(`proofhouse: ${printable(`The value of ${name} is not masked: it is too short.`)}\n`);
  }
}

/** What was masked in a file. Also one line for each part of the file that was not scanned. */
export interface FileMasking {
  readonly receipt: MaskingReceipt;
  readonly unscanned: readonly string[];
}

/**
 * Prints on standard error what was masked in a file. Prints nothing if the whole file was scanned and nothing was
 * masked.
 */
export function printMasking(
  context: CommandContext,
  json: boolean,
  name: string,
  { receipt, unscanned }: FileMasking,
): void {
  if (receipt.masked.length === 0 && unscanned.length === 0) return;
  const lines = json
    ? [JSON.stringify({ name, masked: receipt.masked, unscanned })]
    : maskingLines(name, { receipt, unscanned }).map((line) => `proofhouse: ${printable(line)}`);
  context.stderr.write(lines.map((line) => `${line}\n`).join(''));
}

export function maskingLines(name: string, { receipt, unscanned }: FileMasking): string[] {
  const counts = countsText(receipt);
  return [...(counts === '' ? [] : [`Masked in ${name}: ${counts}`]), ...unscanned.map((line) => `${name}: ${line}`)];
}
