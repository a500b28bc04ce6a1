import type { Kysely, SelectQueryBuilder } from 'kysely';
import type { RecordBlob } from '../../../kernel/blob-owners.ts';
import type {
  Conflict,
  CountedKind,
  CounterName,
  Insert,
  NamedKind,
  RecordKind,
  RecordKinds,
  Update,
} from '../../../kernel/commit.ts';
import { textList } from '../engine/sql-syntax.ts';
import type { Database, Queries } from '../engine/schema.ts';
import { placeholdersOf, type Placeholders } from '../engine/placeholder.ts';
import { statementsBy } from '../engine/statement.ts';
import { first, put, rows, run, type Verb } from '../engine/verb.ts';
import type { BlobChanges, OwnerName } from './record-blobs.ts';
import { recordTables, type AnyRecordTable } from './record-table.ts';

/** The record kinds that preconditions can name, except `job`. */
export type NamedRecordKind = Exclude<NamedKind, 'job'>;

/** The fields of a record that the lock phase (the first step of a commit) reads. */
export interface LockedRecord {
  readonly id: string;
  /** The version of the record. Undefined if records of this kind have no version. */
  readonly version?: number;
  /**
   * The value of the column that hides a record; null if the record is visible. Undefined if records of the kind cannot
   * be hidden.
   */
  readonly hidden?: number | null;
  /** The values of counters, by the names of their columns. */
  readonly [column: string]: unknown;
}

type AnyRow = Readonly<Record<string, unknown>>;

function tableOf<Kind extends RecordKind>(kind: Kind): AnyRecordTable<RecordKinds[Kind]> {
  return recordTables[kind] as unknown as AnyRecordTable<RecordKinds[Kind]>;
}

/**
 * Drops the types of tables and columns from the query builder. It cannot infer them from `recordTables`, although the
 * entries there are typed.
 */
function untyped(db: Queries): Kysely<Record<string, AnyRow>> {
  return db as unknown as Kysely<Record<string, AnyRow>>;
}

/**
 * Inserts a record. The statement's key has three parts: the record kind, what to do if the record exists, and the
 * names of all columns joined by commas.
 */
const insertRow = statementsBy((key: `${RecordKind}:${'fail' | 'ignore'}:${string}`, db, p: Placeholders<AnyRow>) => {
  const [kind, taken, columns] = key.split(':') as [RecordKind, 'fail' | 'ignore', string];
  const { table, key: keyColumns } = tableOf(kind);
  return untyped(db)
    .insertInto(table)
    .values(placeholdersOf(p, columns.split(',')))
    .$if(taken === 'ignore', (query) => query.onConflict((on) => on.columns([...keyColumns]).doNothing()));
});

const updateRow = statementsBy((kind: RecordKind, db, p: Placeholders<AnyRow & { readonly before: number }>) => {
  const { table, changeable = [] } = tableOf(kind);
  return untyped(db)
    .updateTable(table)
    .set(placeholdersOf<AnyRow, string>(p, [...changeable, 'version']))
    .where('id', '=', p['id'])
    .where('version', '=', p.before);
});

const raiseCounter = statementsBy((key: `${CountedKind}:${string}`, db, p: Placeholders<{ readonly id: string }>) => {
  const [kind, column] = key.split(':') as [CountedKind, string];
  return untyped(db)
    .updateTable(tableOf(kind).table)
    .set((eb) => ({ [column]: eb(column, '+', 1) }))
    .where('id', '=', p.id);
});

const findRow = statementsBy((kind: RecordKind, db, p: Placeholders<{ readonly id: string }>) => {
  const { table, hiddenBy } = tableOf(kind);
  const row = untyped(db).selectFrom(table).selectAll().where('id', '=', p.id);
  return hiddenBy === undefined ? row : row.where(hiddenBy, 'is', null);
});

/**
 * Reads and locks the row of one record. The row may not be locked yet, because a commit with one change has no lock
 * phase.
 */
const lockRow = statementsBy((kind: RecordKind, db, p: Placeholders<{ readonly id: string }>, syntax) => {
  const query = untyped(db).selectFrom(tableOf(kind).table).selectAll().where('id', '=', p.id);
  return syntax.locked(query, 'wait');
});

/** Reads records in the order of their ids. The mode `lock` also locks their rows. The mode `read` takes no locks. */
const lockRows = statementsBy(
  (key: `${NamedRecordKind}:${'lock' | 'read'}`, db, p: Placeholders<{ readonly ids: string }>, syntax) => {
    const [kind, mode] = key.split(':') as [NamedRecordKind, 'lock' | 'read'];
    const { table, changeable, hiddenBy, counters = {} } = tableOf(kind);
    const query = untyped(db)
      .selectFrom(table)
      .select(['id', ...Object.values(counters)])
      .$if(changeable !== undefined, (of) => of.select('version'))
      .$if(hiddenBy !== undefined, (of) => of.select(`${String(hiddenBy)} as hidden`))
      .where(syntax.among('id', p.ids))
      .orderBy('id') as unknown as SelectQueryBuilder<Database, 'artifacts', LockedRecord>;
    return mode === 'read' ? query : syntax.locked(query, 'wait');
  },
);

/** Returns true if records of this kind are never deleted. `exists` then needs no lock. */
export function isPermanent(kind: NamedRecordKind): boolean {
  return tableOf(kind).permanent === true;
}

export function* lockRecords(
  kind: NamedRecordKind,
  ids: readonly string[],
  mode: 'lock' | 'read',
): Verb<readonly LockedRecord[]> {
  return yield* rows(lockRows(`${kind}:${mode}`), { ids: textList(ids) });
}

export function* findRecord<Kind extends NamedRecordKind>(kind: Kind, id: string): Verb<RecordKinds[Kind] | undefined> {
  const row = yield* first(findRow(kind), { id });
  return row === undefined ? undefined : tableOf(kind).fromRow?.(row as never);
}

export function* insertRecord({ record, value, whenTaken }: Insert, blobs: BlobChanges): Verb<Conflict | undefined> {
  const table = tableOf(record);
  const row = table.toRow(value) as AnyRow;
  const columns = Object.keys(row).join(',');
  const after = table.blobs?.(value) ?? [];
  if (whenTaken === 'fail') {
    yield* put(insertRow(`${record}:fail:${columns}`), row);
    yield* blobs.write(ownerOf(record, row), [], after);
    return undefined;
  }
  const statement = insertRow(`${record}:ignore:${columns}`);
  if (whenTaken === 'keep' && after.length === 0) {
    yield* put(statement, row);
    return undefined;
  }
  if ((yield* run(statement, row)) === 1) yield* blobs.write(ownerOf(record, row), [], after);
  else if (whenTaken === 'conflict') return { kind: 'exists', record, id: keyOfRecord(record, row) };
  return undefined;
}

export function* updateRecord({ record, value, version }: Update, blobs: BlobChanges): Verb<Conflict | undefined> {
  const table = tableOf(record);
  const before = table.blobs === undefined ? undefined : yield* first(lockRow(record), { id: value.id });
  const row = table.toRow(value) as AnyRow;
  const changed = yield* run(updateRow(record), { ...row, version: version + 1, before: version });
  if (changed !== 1) return { kind: 'version', record, id: value.id };
  // The blobs come from the stored row and not from `value`, because an update must not change the keys of blobs.
  if (before !== undefined) {
    const after = { ...before, ...changedColumns(record, row) };
    yield* blobs.write(ownerOf(record, row), blobsOfRow(record, before), blobsOfRow(record, after));
  }
  return undefined;
}

function blobsOfRow(kind: RecordKind, row: AnyRow): readonly RecordBlob[] {
  const { blobs, fromRow } = tableOf(kind);
  const value = fromRow?.(row as never);
  return value === undefined ? [] : (blobs?.(value) ?? []);
}

function changedColumns(kind: RecordKind, row: AnyRow): AnyRow {
  return Object.fromEntries((tableOf(kind).changeable ?? []).map((column) => [column, row[column]]));
}

function ownerOf(kind: RecordKind, row: AnyRow): OwnerName {
  return { kind, id: keyOfRecord(kind, row) };
}

export function* raiseRecord({ record, id, counter }: CounterName): Verb<Conflict | undefined> {
  const column = columnOfCounter({ record, counter });
  return (yield* run(raiseCounter(`${record}:${column}`), { id })) === 1 ? undefined : { kind: 'missing', record, id };
}

export function columnOfCounter({ record, counter }: Pick<CounterName, 'record' | 'counter'>): string {
  return recordTables[record].counters[counter];
}

/** Returns the primary key of the record that a change writes, as a text. Changes are sorted by this text. */
export function keyOfChange({ record, value }: Insert | Update): string {
  return keyOfRecord(record, tableOf(record).toRow(value) as AnyRow);
}

function keyOfRecord(kind: RecordKind, row: AnyRow): string {
  return tableOf(kind)
    .key.map((column) => String(row[column]))
    .join(' ');
}
