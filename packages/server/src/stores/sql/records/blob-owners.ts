import { sql } from 'kysely';
import type { BlobOwner, BlobOwners, BlobOwnerState, UsageCount } from '../../../kernel/blob-owners.ts';
import type { BlobOwnerRow } from '../engine/schema.ts';
import { readUpTo, type SqlEngine } from '../engine/sql-engine.ts';
import { textList } from '../engine/sql-syntax.ts';
import { statement } from '../engine/statement.ts';
import { put, rows, type Verb } from '../engine/verb.ts';
import { addUsage } from './record-blobs.ts';

const statesOf = statement<{ keys: string }>()((db, p, syntax) =>
  db.selectFrom('blob_owners').select(['key', 'state']).where(syntax.among('key', p.keys)),
);

const ownedAfter = statement<{ key: string; limit: number }>()((db, p) =>
  db
    .selectFrom('blob_owners')
    .selectAll()
    .where('key', '>', p.key)
    .where('state', '=', sql.lit<'owned'>('owned'))
    .orderBy('key')
    .limit(p.limit),
);

interface CountRow {
  readonly kind: string;
  readonly type: string;
  readonly count: number;
  readonly size_bytes: number;
}

const sums = sql`cast(sum(count) as bigint) as count, cast(sum(size_bytes) as bigint) as size_bytes`;
const isAny = sql`sum(count) <> 0 or sum(size_bytes) <> 0`;

const usage = statement<object>()((db) => ({
  compile: () =>
    sql<CountRow>`select kind, type, ${sums} from storage_usage group by kind, type having ${isAny}
      order by kind, type`.compile(db),
}));

/**
 * Compares the usage counters with a count of the owned blobs. One statement reads both, so both come from one
 * snapshot, even while uploads commit.
 */
const drift = statement<object>()((db) => ({
  compile: () =>
    sql<CountRow>`select kind, type, ${sums} from (
        select kind, type, count(*) as count, sum(size_bytes) as size_bytes from blob_owners where state = 'owned'
          group by kind, type
        union all select kind, type, -count, -size_bytes from storage_usage
      ) as both_counts group by kind, type having ${isAny} order by kind, type`.compile(db),
}));

/**
 * Locks a row that exists only for this lock. So concurrent repairs run one after another, and the second repair finds
 * no difference.
 */
const lockRepair = statement<object>()((db) =>
  db
    .insertInto('storage_usage')
    .values({ kind: '', type: '', slot: 0, count: 0, size_bytes: 0 })
    .onConflict((on) => on.columns(['kind', 'type', 'slot']).doUpdateSet({ count: 0 })),
);

function* repair(): Verb<void> {
  yield* put(lockRepair, {});
  for (const found of yield* rows(drift, {})) yield* put(addUsage, found);
}

export class SqlBlobOwners implements BlobOwners {
  readonly #engine: SqlEngine;

  constructor(engine: SqlEngine) {
    this.#engine = engine;
  }

  statesOf(keys: readonly string[]): Promise<ReadonlyMap<string, BlobOwnerState>> {
    return readUpTo(this.#engine, keys.length, function* () {
      const found = yield* rows(statesOf, { keys: textList(keys) });
      return new Map(found.map(({ key, state }) => [key, state]));
    });
  }

  listOwned(afterKey: string | undefined, limit: number): Promise<BlobOwner[]> {
    return readUpTo(this.#engine, limit, function* () {
      return (yield* rows(ownedAfter, { key: afterKey ?? '', limit })).map(ownerFromRow);
    });
  }

  usage(): Promise<UsageCount[]> {
    return this.#engine.read(function* () {
      return (yield* rows(usage, {})).map(countFromRow);
    });
  }

  usageDrift(): Promise<UsageCount[]> {
    return this.#engine.scan(function* () {
      return (yield* rows(drift, {})).map(countFromRow);
    });
  }

  repairUsage(): Promise<void> {
    return this.#engine.write(repair);
  }
}

function ownerFromRow({ key, kind, id, type, sha256, size_bytes, state }: BlobOwnerRow): BlobOwner {
  return { key, kind, id, type, sha256, sizeBytes: size_bytes, state };
}

function countFromRow({ kind, type, count, size_bytes }: CountRow): UsageCount {
  return { kind, type, count, sizeBytes: size_bytes };
}
