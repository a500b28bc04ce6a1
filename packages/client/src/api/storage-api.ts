import { requireProgress, type CallOptions, type CallOutput } from '../transport/call.ts';
import type { OperationCaller } from '../transport/operation-caller.ts';

export type StorageUsage = CallOutput<'storageUsage'>;
export type CollectedSlice = CallOutput<'collectStorage'>;
export type VerifiedSlice = CallOutput<'verifyStorage'>;

/** A slice hashes 256 MiB, or one larger blob, from a disk that may be slow. */
const sliceMs = 15 * 60_000;

/**
 * Usage, collection and verification of stored bytes, for the admin. Long work is done in slices, and each result is
 * returned when it is done.
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
   * Removes bytes that retention releases or that no record names; with `dryRun` only lists them. Errors: `storage_policy`
   * when so many old bytes were never named by a record that the database may be the wrong one; `yesRemoveMost` removes
   * them.
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
