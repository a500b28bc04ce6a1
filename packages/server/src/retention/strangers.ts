/** Old blobs, and how many of them no record ever named. */
export interface BlobCensus {
  readonly old: number;
  readonly strangers: number;
}

/** So many strangers are removed unasked, whatever their share: uploads that were cut off leave some. */
const mostStrangers = 100;
const mostShare = 0.2;

/**
 * Why these strangers are not removed unasked, or undefined: so many are the mark of another database, not of cut-off uploads.
 * A database in memory begins anew at each start and knows none of the blobs before it.
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
