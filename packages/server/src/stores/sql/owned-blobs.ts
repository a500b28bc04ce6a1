/**
 * Returns SQL for a table `owned` (key, sha256, size_bytes) of the blobs that records own. Schemas before 0013 have no
 * table `blob_owners`, and only artifacts have blobs. Used by tools that read a database without migrating it.
 */
export function ownedBlobs(schema: string): string {
  const rows =
    schema < '0013'
      ? 'select blob_key as key, blob_sha256 as sha256, blob_size_bytes as size_bytes from artifacts where purged_at is null'
      : "select key, sha256, size_bytes from blob_owners where state = 'owned'";
  return `(${rows}) as owned`;
}
