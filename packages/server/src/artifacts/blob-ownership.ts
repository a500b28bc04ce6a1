/** `kept`: a record names the bytes. `released`: the record that named them was purged, and they may go. */
export type BlobOwnership = 'kept' | 'released';
