/** Number of old blobs, and of those that no record ever referred to (strangers). */
export interface BlobCensus {
  readonly old: number;
  readonly strangers: number;
}

/** Up to this number strangers are removed automatically, whatever their share: interrupted uploads leave some. */
const mostStrangers = 100;
const mostShare = 0.2;

/**
 * Returns the reason why these strangers must not be removed automatically, or undefined. So many are a sign of another
 * database, not of interrupted uploads. A database in memory is empty after each start, so it has no record of any
 * earlier blob.
 */
export function strangersRefusal({ old, strangers }: BlobCensus, databaseLasts: boolean): string | undefined {
  if (!databaseLasts && strangers > 0) {
    return (
      `The database is in memory and does not know the blobs of earlier runs, of which ${String(strangers)} may be here. ` +
      'Nothing is removed without --yes-remove-most.'
    );
  }
  if (strangers <= mostStrangers || strangers <= old * mostShare) return undefined;
  const share = String(Math.round((strangers / old) * 100));
  return (
    `${String(strangers)} of ${String(old)} old blobs (${share} %) were never named by any record of this database, which more than ` +
    `${String(mostStrangers)} and ${String(mostShare * 100)} % do not come from uploads that were cut off: is it the database of these ` +
    'blobs, or an older copy? Nothing is removed without --yes-remove-most.'
  );
}
