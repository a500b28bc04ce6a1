import { accessSync, constants, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { AppError } from '@proofhouse/core';
import { probeFolder } from '../kernel/files/probe-folder.ts';
import { sqlitePath } from './open-metadata-store.ts';
import { postgresError, postgresPlace } from './sql/dialects/postgres/postgres-errors.ts';
import { requireOneName } from './sql/dialects/sqlite/database-file.ts';
import { sqliteError } from './sql/dialects/sqlite/sqlite-errors.ts';
import { lockDatabase } from './sql/dialects/sqlite/sqlite-lock.ts';
import { schemaVersions } from './sql/migrate.ts';
import { ownedBlobs } from './sql/owned-blobs.ts';

/** Facts about a database, read without changing it. */
export interface DatabaseInspection {
  readonly kind: 'sqlite' | 'postgres' | 'memory';
  /** The absolute path of an SQLite database. */
  readonly file?: string;
  /** True if the file does not exist and can be created. */
  readonly missing?: boolean;
  /** Name of the last migration. Undefined if no migration has run. */
  readonly schema: string | undefined;
  /** The text of the database setting `store`, unparsed. Undefined if the database does not have this setting. */
  readonly store?: string | undefined;
  /** Keys of some of the blobs that records own. Used to check whether a blob storage belongs to this database. */
  readonly blobKeys?: readonly string[];
  /** True if a server has the database open. Always false on engines that several servers may share. */
  readonly inUse: boolean;
  /** The database's time, epoch ms. Undefined if the database uses the clock of this machine. */
  readonly now: number | undefined;
}

export type SchemaAge = 'none' | 'older' | 'current' | 'newer';

export function schemaAge(schema: string | undefined): SchemaAge {
  if (schema === undefined) return 'none';
  if (schema === schemaVersions.at(-1)) return 'current';
  return schemaVersions.includes(schema) ? 'older' : 'newer';
}

const withinMs = 10_000;
/** The facts that are found by queries on the tables. The others are found without a query. */
type Contents = Pick<DatabaseInspection, 'schema' | 'store' | 'blobKeys'>;

const storeSetting = "select value from settings where name = 'store'";
/** Returns a query for the keys of some owned blobs, in a column `key`. */
function someBlobKeys(schema: string): string {
  return `select key from ${ownedBlobs(schema)} order by key limit 100`;
}

/**
 * Returns true if a database with this schema can have a store id and purged artifacts (artifacts whose bytes retention
 * removed).
 */
function knowsPurges(schema: string | undefined): schema is string {
  return schema !== undefined && schema >= '0003';
}

const lastStep = 'select name from kysely_migration order by name desc limit 1';

/**
 * Reads facts about the database at the URL, and checks that a server could write to it. Errors: `unavailable`,
 * `internal` (the database is damaged, or is not a Proofhouse database), `invalid_request`.
 */
export async function inspectDatabase(url: string): Promise<DatabaseInspection> {
  if (/^postgres(ql)?:/i.test(url)) return inspectPostgres(url);
  if (!/^sqlite:/i.test(url)) throw new AppError('invalid_request', 'There is no database of this kind.');
  const named = sqlitePath(url);
  if (named === ':memory:') return { kind: 'memory', schema: undefined, inUse: false, now: undefined };
  const file = resolve(named);
  try {
    // SQLite creates the WAL and the lock file in this folder, so the folder must be writable.
    const folder = probeFolder(dirname(file));
    if (!folder.missing) requireOneName(join(folder.path, basename(file)));
    const missing = !isThere(file);
    if (missing) return { kind: 'sqlite', file, missing, schema: undefined, inUse: false, now: undefined };
    accessSync(file, constants.R_OK | constants.W_OK);
    return { kind: 'sqlite', file, ...(await lookIntoSqlite(file)), inUse: isInUse(file), now: undefined };
  } catch (error) {
    throw sqliteError(error, file);
  }
}

function isThere(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}

async function lookIntoSqlite(file: string): Promise<Contents> {
  const { default: Database } = await import('better-sqlite3');
  // If a WAL exists, the connection is read-only, else it is writable. Without a WAL, either connection would create
  // the WAL and its index, but only a writable one removes both when it closes.
  const database = new Database(file, { readonly: isThere(`${file}-wal`), fileMustExist: true });
  try {
    const found = database.pragma('quick_check(1)', { simple: true });
    if (found !== 'ok')
      throw new AppError('internal', `The database ${file} is damaged (${String(found)}); restore a backup.`);
    const tables = database.prepare("select count(*) from sqlite_schema where name = 'kysely_migration'");
    if (tables.pluck().get() === 0) return { schema: undefined };
    const schema = database.prepare<[], string>(lastStep).pluck().get();
    if (!knowsPurges(schema)) return { schema };
    const store = database.prepare<[], string>(storeSetting).pluck().get();
    return { schema, store, blobKeys: database.prepare<[], string>(someBlobKeys(schema)).pluck().all() };
  } finally {
    database.close();
  }
}

// Returns true if another process holds the lock file. A server locks it as long as it has the database open. After a
// crash, the kernel releases the lock.
function isInUse(file: string): boolean {
  if (!isThere(`${file}.lock`)) return false;
  try {
    lockDatabase(file).release();
    return false;
  } catch (error) {
    if (error instanceof AppError) return true;
    throw error;
  }
}

async function inspectPostgres(url: string): Promise<DatabaseInspection> {
  try {
    const { default: pg } = await import('pg');
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: withinMs,
      statement_timeout: withinMs,
      application_name: 'proofhouse doctor',
    });
    // A broken connection emits the event `error`. Without a listener, this event would end the process. The pending
    // query is rejected as well.
    client.on('error', () => undefined);
    await client.connect();
    try {
      const time = 'select (extract(epoch from clock_timestamp()) * 1000)::float8 as now';
      const { rows: times } = await client.query<{ now: number }>(time);
      const { rows: tables } = await client.query<{ found: boolean }>(
        "select to_regclass('kysely_migration') is not null as found",
      );
      const steps = tables[0]?.found === true ? (await client.query<{ name: string }>(lastStep)).rows : [];
      const schema = steps[0]?.name;
      const found = { kind: 'postgres', schema, inUse: false, now: times[0]?.now } as const;
      if (!knowsPurges(schema)) return found;
      const { rows: stores } = await client.query<{ value: string }>(storeSetting);
      const { rows: keys } = await client.query<{ key: string }>(someBlobKeys(schema));
      return { ...found, store: stores[0]?.value, blobKeys: keys.map((row) => row.key) };
    } finally {
      await client.end();
    }
  } catch (error) {
    throw postgresError(error, postgresPlace(url));
  }
}
