import { requireProgress, type CallOptions, type CallOutput } from '../transport/call.ts';
import type { OperationCaller } from '../transport/operation-caller.ts';

export type StorageUsage = CallOutput<'storageUsage'>;
export type CollectedSlice = CallOutput<'collectStorage'>;
export type VerifiedSlice = CallOutput<'verifyStorage'>;

/**
 * Milliseconds that the server may take for one slice of a collection or verification. A slice hashes 256 MiB, or one
 * larger blob, and the disk may be slow.
 */
const sliceMs = 15 * 60_000;

/**
 * The client of usage, collection and verification of stored bytes, for the admin. Collection and verification take
 * long, so each call to the server does one slice of the work. The methods yield the result of each slice as soon as
 * the server returns it.
 */
export class StorageApi {
  readonly #caller: OperationCaller;

  constructor(caller: OperationCaller) {
    this.#caller = caller;
  }

  async usage(options: CallOptions = {}): Promise<StorageUsage> {
    return this.#caller.call('storageUsage', options);
  }

  /**
   * Removes orphans, and the bytes of artifacts that are expired by retention. With `dryRun`, only lists them. Throws
   * `storage_policy` if too many old blobs are strangers (no record ever referred to them), because the database may be
   * the wrong one. `yesRemoveMost` removes the bytes even then.
   */
  collect(
    body: { readonly dryRun?: boolean | undefined; readonly yesRemoveMost?: boolean | undefined } = {},
    options: CallOptions = {},
  ): AsyncGenerator<CollectedSlice, void, undefined> {
    return eachSlice((cursor) =>
      this.#caller.call('collectStorage', { body: { ...body, cursor }, ...options }, sliceMs),
    );
  }

  verify(
    body: { readonly sample?: number | undefined; readonly repair?: boolean | undefined } = {},
    options: CallOptions = {},
  ): AsyncGenerator<VerifiedSlice, void, undefined> {
    return eachSlice((cursor) =>
      this.#caller.call('verifyStorage', { body: { ...body, cursor }, ...options }, sliceMs),
    );
  }
}

async function* eachSlice<Slice extends { readonly nextCursor: string | null }>(
  call: (cursor: string | undefined) => Promise<Slice>,
): AsyncGenerator<Slice, void, undefined> {
  let cursor: string | null | undefined;
  do {
    const slice: Slice = await call(cursor ?? undefined);
    yield slice;
    requireProgress(cursor, slice.nextCursor);
    cursor = slice.nextCursor;
  } while (cursor !== null);
}
