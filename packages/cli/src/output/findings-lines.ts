import type { SecretFindings } from '@proofhouse/core';

/** Returns one line for each secret that the server found in a record, and for each part that it did not scan. */
export function findingsLines({ secrets, omitted, unscanned }: SecretFindings): string[] {
  return [
    ...secrets.map(({ field, rule, offset }) => `${field}: ${rule} at byte ${String(offset)}`),
    ...(omitted === 0 ? [] : [`and ${String(omitted)} more`]),
    ...unscanned.map(
      ({ field, fromByte, reason }) => `${field}: not scanned from byte ${String(fromByte)} (${reason})`,
    ),
  ];
}
