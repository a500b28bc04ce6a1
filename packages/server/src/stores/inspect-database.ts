import { accessSync, constants, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { AppError } from '@proofhouse/core';
import { lookAtFolder } from '../kernel/look-at-folder.ts';
import { sqlitePath } from './open-metadata-store.ts';
import { postgresError } from './sql/dialects/postgres/postgres-errors.ts';
import { requireOneName } from './sql/dialects/sqlite/database-file.ts';
import { sqliteError } from './sql/dialects/sqlite/sqlite-errors.ts';
import { lockDatabase } from './sql/dialects/sqlite/sqlite-lock.ts';
import { schemaVersions } from './sql/migrate.ts';

/** What a database is, found without changing it. */
export interface DatabaseInspection {
  readonly kind: 'sqlite' | 'postgres' | 'memory';
  /** The absolute path of an SQLite database. */
  readonly file?: string;
  /** The file is not there yet, and can be made. */
  readonly missing?: boolean;
  /** Its last migration; undefined where there is none yet. */
  readonly schema: string | undefined;
  /** A server has it open. Only told where one server has it to itself. */
  readonly inUse: boolean;
  /** Its time, epoch ms, where that is not this machine's. */
  readonly now: number | undefined;
}

export type SchemaAge = 'none' | 'older' | 'current' | 'newer';

export function schemaAge(schema: string | undefined): SchemaAge {
  if (schema === undefined) return 'none';
  if (schema === schemaVersions.at(-1)) return 'current';
  return schemaVersions.includes(schema) ? 'older' : 'newer';
}

const withinMs = 10_000;
const lastStep = 'select name from kysely_migration order by name desc limit 1';

/** Looks at the database of a URL, and whether a server could write in it. Errors: `unavailable`, `internal` (not ours, or damaged), `invalid_request`. */
export async function inspectDatabase(url: string): Promise<DatabaseInspection> {
  if (/^postgres(ql)?:/i.test(url)) return inspectPostgres(url);
  if (!/^sqlite:/i.test(url)) throw new AppError('invalid_request', 'There is no database of this kind.');
  const named = sqlitePath(url);
  if (named === ':memory:') return { kind: 'memory', schema: undefined, inUse: false, now: undefined };
  const file = resolve(named);
  try {
    // Its log and its lock lie beside it.
    const folder = lookAtFolder(dirname(file));
    if (!folder.missing) requireOneName(join(folder.path, basename(file)));
    const missing = !isThere(file);
    if (missing) return { kind: 'sqlite', file, missing, schema: undefined, inUse: false, now: undefined };
    accessSync(file, constants.R_OK | constants.W_OK);
    return { kind: 'sqlite', file, schema: await sqliteSchema(file), inUse: isInUse(file), now: undefined };
  } catch (error) {
    throw sqliteError(error, file);
  }
}

function isThere(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}

async function sqliteSchema(file: string): Promise<string | undefined> {
  const { default: Database } = await import('better-sqlite3');
  // A reader that may not write leaves log and index behind where there were none; one that may removes them as it goes.
  const database = new Database(file, { readonly: isThere(`${file}-wal`), fileMustExist: true });
  try {
    const tables = database.prepare("select count(*) from sqlite_schema where name = 'kysely_migration'");
    if (tables.pluck().get() === 0) return undefined;
    return database.prepare<[], string>(lastStep).pluck().get();
  } finally {
    database.close();
  }
}

// Whoever has the database open holds its lock, and one who crashed holds it no more.
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
    // A connection that breaks tells its query, too.
    client.on('error', () => undefined);
    await client.connect();
    try {
      const time = 'select (extract(epoch from clock_timestamp()) * 1000)::float8 as now';
      const { rows: times } = await client.query<{ now: number }>(time);
      const { rows: tables } = await client.query<{ found: boolean }>(
        "select to_regclass('kysely_migration') is not null as found",
      );
      const steps = tables[0]?.found === true ? (await client.query<{ name: string }>(lastStep)).rows : [];
      return { kind: 'postgres', schema: steps[0]?.name, inUse: false, now: times[0]?.now };
    } finally {
      await client.end();
    }
  } catch (error) {
    throw postgresError(error, 'The Postgres database');
  }
}
