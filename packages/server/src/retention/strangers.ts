/** The number of old blobs, and the number of strangers among them (blobs that no record ever referred to). */
export interface BlobCensus {
  readonly old: number;
  readonly strangers: number;
}

/**
 * So many strangers may be removed automatically, whatever their share of the old blobs. Interrupted uploads leave some
 * blobs that no record ever referred to.
 */
const mostStrangers = 100;
/** Strangers may be removed automatically if they are at most this share of the old blobs, whatever their number. */
const mostShare = 0.2;

/**
 * Returns the reason why strangers must not be removed automatically, or undefined if they may be removed. Many
 * strangers mean that the blobs probably belong to another database. A database in memory is empty after each start and
 * has no record of earlier blobs, so then no stranger may be removed.
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
