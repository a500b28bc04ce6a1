import type { BlobOwnerState, RecordBlob } from '../../../kernel/blob-owners.ts';
import type { BlobOwnerRow, UsageRow } from '../engine/schema.ts';
import { placeholdersOf } from '../engine/placeholder.ts';
import { statement } from '../engine/statement.ts';
import { put, type Verb } from '../engine/verb.ts';

const ownerColumns = ['key', 'kind', 'id', 'type', 'sha256', 'size_bytes', 'state'] as const;

const insertOwner = statement<BlobOwnerRow>()((db, p) =>
  db.insertInto('blob_owners').values(placeholdersOf<BlobOwnerRow, keyof BlobOwnerRow>(p, ownerColumns)),
);

const updateOwner = statement<{ key: string; type: string; state: BlobOwnerState }>()((db, p) =>
  db.updateTable('blob_owners').set({ type: p.type, state: p.state }).where('key', '=', p.key),
);

/**
 * Adds to the usage counter of a record kind and a type. Updates the row (slot) of the counter that belongs to this
 * connection. A missing row is inserted.
 */
export const addUsage = statement<Usage>()((db, p, syntax) =>
  db
    .insertInto('storage_usage')
    .values({ kind: p.kind, type: p.type, slot: syntax.usageSlot, count: p.count, size_bytes: p.size_bytes })
    .onConflict((on) =>
      on.columns(['kind', 'type', 'slot']).doUpdateSet((eb) => ({
        count: eb('storage_usage.count', '+', eb.ref('excluded.count')),
        size_bytes: eb('storage_usage.size_bytes', '+', eb.ref('excluded.size_bytes')),
      })),
    ),
);

type Usage = Omit<UsageRow, 'slot'>;

/** Kind and id of the record that owns a blob. */
export interface OwnerName {
  readonly kind: string;
  readonly id: string;
}

/**
 * The changes of blob ownership in one commit. Rows of `blob_owners` are written immediately. Changes of usage counters
 * are summed, and `finish` writes the sums at the end of the commit in the order of their keys. So a counter is locked
 * only briefly, and no deadlock is possible.
 */
export class BlobChanges {
  readonly #usage = new Map<string, Usage>();

  /** Compares the blobs of a record before and after its change, and writes the difference. */
  *write(owner: OwnerName, before: readonly RecordBlob[], after: readonly RecordBlob[]): Verb<void> {
    const old = new Map(before.map((blob) => [blob.key, blob]));
    for (const blob of after) {
      const known = old.get(blob.key);
      old.delete(blob.key);
      if (known === undefined) yield* put(insertOwner, ownerToRow(owner, blob));
      else yield* this.#replace(owner, known, blob);
      this.#count(owner, blob, 1);
    }
    for (const dropped of old.values()) yield* this.#replace(owner, dropped, { ...dropped, state: 'released' });
  }

  /** Writes the changes of the usage counters. These must be the last statements of a commit. */
  *finish(): Verb<void> {
    for (const [, row] of [...this.#usage].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (row.count !== 0 || row.size_bytes !== 0) yield* put(addUsage, row);
    }
  }

  *#replace(owner: OwnerName, before: RecordBlob, after: RecordBlob): Verb<void> {
    this.#count(owner, before, -1);
    const { key, type, state } = after;
    if (before.type !== type || before.state !== state) yield* put(updateOwner, { key, type, state });
  }

  #count({ kind }: OwnerName, { type, sizeBytes, state }: RecordBlob, sign: 1 | -1): void {
    if (state !== 'owned') return;
    const name = `${kind} ${type}`;
    const { count, size_bytes } = this.#usage.get(name) ?? { count: 0, size_bytes: 0 };
    const sum = { kind, type, count: count + sign, size_bytes: size_bytes + sign * sizeBytes };
    this.#usage.set(name, sum);
  }
}

function ownerToRow({ kind, id }: OwnerName, { key, type, sha256, sizeBytes, state }: RecordBlob): BlobOwnerRow {
  return { key, kind, id, type, sha256, size_bytes: sizeBytes, state };
}
