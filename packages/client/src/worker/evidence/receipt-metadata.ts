import { maxMetadataBytes, type MaskingReceipt } from '@proofhouse/core';

type Metadata = Readonly<Record<string, unknown>>;

/**
 * Returns the metadata of an artifact with the receipts of its masking in the field `masked`. The most frequent rule or
 * known value is first. Entries that do not fit into the metadata are counted in `maskedMore`. If nothing was masked,
 * returns the metadata unchanged.
 */
export function metadataWithReceipt(
  metadata: Metadata | undefined,
  receipts: readonly (MaskingReceipt | undefined)[],
): Metadata | undefined {
  const masked = merged(receipts);
  for (let kept = masked.length; kept > 0; kept -= 1) {
    const maskedMore = masked.slice(kept).reduce((sum, { count }) => sum + count, 0);
    const whole = { ...metadata, masked: masked.slice(0, kept), ...(maskedMore === 0 ? {} : { maskedMore }) };
    if (Buffer.byteLength(JSON.stringify(whole)) <= maxMetadataBytes) return whole;
  }
  return metadata;
}

function merged(receipts: readonly (MaskingReceipt | undefined)[]): MaskingReceipt['masked'] {
  const counts = new Map<string, number>();
  for (const receipt of receipts) {
    for (const { rule, count } of receipt?.masked ?? []) counts.set(rule, (counts.get(rule) ?? 0) + count);
  }
  return [...counts].map(([rule, count]) => ({ rule, count })).sort((a, b) => b.count - a.count);
}
