/**
 * Returns a SQL query for all blobs that records own. It has the columns key, sha256 and size_bytes. Before schema 0013
 * only artifacts had blobs, and the table `blob_owners` did not exist. Used by tools that read a database without
 * migrating it.
 */
export function ownedBlobs(schema: string): string {
  const rows =
    schema < '0013'
      ? 'select blob_key as key, blob_sha256 as sha256, blob_size_bytes as size_bytes from artifacts where purged_at is null'
      : "select key, sha256, size_bytes from blob_owners where state = 'owned'";
  return `(${rows}) as owned`;
}
