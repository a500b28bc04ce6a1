import { copyFileSync, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { AppError } from '@proofhouse/core';
import Database from 'better-sqlite3';
import type {
  CopyFacts,
  DatabaseArchive,
  InstallOptions,
  NamedBlob,
  RestoreTarget,
} from '../../../../backup/database-archive.ts';
import { syncPath } from '../../../../kernel/files/durable-files.ts';
import { createPrivateFile } from '../../../../kernel/files/private-files.ts';
import { schemaVersions } from '../../migrate.ts';
import { ownedBlobs } from '../../owned-blobs.ts';
import { BusyRetry } from './busy-retry.ts';
import { checkWal } from './wal/check-wal.ts';
import { databaseFile, requireOneName } from './database-file.ts';
import { newGeneration } from './file-guard.ts';
import { restoreBegun } from './interrupted-restore.ts';
import { notOurs, sqliteError } from './sqlite-errors.ts';
import { lockDatabase } from './sqlite-lock.ts';

/** The oldest schema whose records contain the keys of the blobs that they own. */
const oldestSchema = '0003-experiments-groups-retention';

/** Copies SQLite databases. A server may have the database open, or a crash may have left it. */
export class SqliteArchive implements DatabaseArchive {
  readonly file: string;
  readonly #busy = new BusyRetry();

  constructor(file: string) {
    this.file = path.resolve(file);
  }

  async copyTo(place: string, onNotice: (notice: string) => void): Promise<CopyFacts> {
    if (!existsSync(this.file)) throw new AppError('not_found', `There is no database ${this.file}.`);
    try {
      requireOneName(this.file);
      await this.#checkWal(onNotice);
      createPrivateFile(place);
      await this.#live((database) => {
        requireSchema(database, this.file);
        // `vacuum into` reads in one transaction. So it does not block writers, and a commit does not make it start
        // again.
        database.prepare('vacuum into ?').run(place);
      });
      return seal(place);
    } catch (error) {
      throw sqliteError(error, this.file);
    }
  }

  async stillNamed(keys: readonly string[]): Promise<ReadonlySet<string>> {
    const found = await this.#live((database) =>
      database
        .prepare<[string], string>(
          `select key from ${ownedBlobs(requireSchema(database, this.file))} where key in (select value from json_each(?))`,
        )
        .pluck()
        .all(JSON.stringify(keys)),
    );
    return new Set(found);
  }

  *namedBlobs(copy: string): Iterable<NamedBlob> {
    const database = new Database(copy, { readonly: true });
    try {
      yield* database
        .prepare<[], NamedBlob>(
          `select key, sha256, size_bytes as "sizeBytes" from ${ownedBlobs(requireSchema(database, copy))} order by key`,
        )
        .iterate();
    } finally {
      database.close();
    }
  }

  inspectCopy(copy: string): CopyFacts {
    const database = openCopy(copy);
    try {
      return factsOf(database, copy);
    } catch (error) {
      throw sqliteError(error, copy);
    } finally {
      database.close();
    }
  }

  takeOver(): RestoreTarget {
    try {
      const file = databaseFile(this.file);
      const lock = lockDatabase(file);
      return new SqliteTarget(file, lock.release);
    } catch (error) {
      throw sqliteError(error, this.file);
    }
  }

  // Checks the WAL that a crash may have left. The check is skipped while a server has the database open, because that
  // server did it at its start.
  async #checkWal(onNotice: (notice: string) => void): Promise<void> {
    let release: () => void;
    try {
      ({ release } = lockDatabase(this.file));
    } catch (error) {
      if (error instanceof AppError) return;
      throw error;
    }
    try {
      await this.#busy.run(() => {
        checkWal(this.file, onNotice);
      });
    } finally {
      release();
    }
  }

  async #live<Result>(look: (database: Database.Database) => Result): Promise<Result> {
    return this.#busy.run(() => {
      // If a WAL exists, the connection is read-only, because a writable one would run a checkpoint when it closes. If
      // none exists, the connection is writable, because a read-only one would create a WAL and its index and leave
      // both behind.
      const readonly = existsSync(`${this.file}-wal`);
      const database = new Database(this.file, { readonly, fileMustExist: true, timeout: 0 });
      try {
        return look(database);
      } finally {
        database.close();
      }
    });
  }
}

class SqliteTarget implements RestoreTarget {
  readonly #file: string;
  readonly release: () => void;

  constructor(file: string, release: () => void) {
    this.#file = file;
    this.release = release;
  }

  get existing(): readonly string[] {
    const size = (place: string): number => statSync(place, { throwIfNoEntry: false })?.size ?? 0;
    const places = ['', '-wal', '-shm', '-journal'].map((end) => `${this.#file}${end}`);
    return places.some((place) => !place.endsWith('-shm') && size(place) > 0)
      ? places.filter((place) => existsSync(place))
      : [];
  }

  install(copy: string, { moveTo, revokedAt, now }: InstallOptions): void {
    const staged = `${this.#file}.restore-staged`;
    try {
      this.#requireRoom(moveTo);
      rmSync(staged, { force: true });
      createPrivateFile(staged);
      copyFileSync(copy, staged);
      const database = openCopy(staged);
      try {
        if (revokedAt !== undefined) revokeAllTokens(database, revokedAt);
        startGracePeriod(database, now);
      } finally {
        database.close();
      }
      seal(staged);
      this.#switch(staged, moveTo);
    } catch (error) {
      throw sqliteError(error, this.#file);
    }
  }

  #requireRoom(moveTo: string | undefined): void {
    const [first] = this.existing;
    if (first === undefined) return;
    if (moveTo === undefined) throw new AppError('already_exists', `There is a database already: ${first}.`);
    if (statSync(moveTo).dev !== statSync(path.dirname(this.#file)).dev) {
      throw new AppError(
        'invalid_request',
        `${moveTo} is on another disk than ${this.#file}; name a folder on the same one.`,
      );
    }
    for (const place of this.existing) {
      if (!existsSync(path.join(moveTo, path.basename(place)))) continue;
      throw new AppError('already_exists', `${moveTo} holds a ${path.basename(place)} already; name another folder.`);
    }
  }

  // Replaces the database by the staged copy. The file `restoreBegun` exists from the first rename to the last, and a
  // server refuses to start while it exists.
  #switch(staged: string, moveTo: string | undefined): void {
    const folder = path.dirname(this.#file);
    const begun = restoreBegun(this.#file);
    renameSync(staged, begun);
    syncPath(folder);
    for (const place of this.existing) {
      renameSync(place, path.join(moveTo ?? '', path.basename(place)));
    }
    if (moveTo !== undefined) syncPath(moveTo);
    for (const end of ['-wal', '-shm']) rmSync(`${this.#file}${end}`, { force: true });
    syncPath(folder);
    renameSync(begun, this.#file);
    syncPath(folder);
  }
}

/** Finishes a copy of a database: gives it its own generation, checks it, and syncs it to disk. */
function seal(place: string): CopyFacts {
  const database = openCopy(place);
  let facts: CopyFacts;
  try {
    database.pragma('journal_mode = delete');
    database.pragma(`user_version = ${String(newGeneration())}`);
    facts = factsOf(database, place);
  } finally {
    database.close();
  }
  syncPath(place);
  return facts;
}

function openCopy(place: string): Database.Database {
  return new Database(place, { fileMustExist: true });
}

/** The tables that contain tokens. Their rows have `revoked_at` and `version`. */
const tokenTables = ['credentials', 'user_tokens'];
const sessionTables = ['sessions', 'sign_in_codes'];

/** Returns those of the given tables that the database has. A database of an older version may lack some of them. */
function thoseIn(database: Database.Database, tables: readonly string[]): string[] {
  const found = database.prepare<[string], string>('select name from sqlite_schema where name = ?').pluck();
  return tables.filter((table) => found.get(table) !== undefined);
}

function factsOf(database: Database.Database, place: string): CopyFacts {
  const found = database.pragma('quick_check(1)', { simple: true });
  if (found !== 'ok') throw new AppError('internal', `The database ${place} is damaged (${String(found)}).`);
  const schema = requireSchema(database, place);
  let validTokens = 0;
  for (const table of thoseIn(database, tokenTables)) {
    const valid = database.prepare<[], number>(`select count(*) from ${table} where revoked_at is null`).pluck();
    validTokens += valid.get() ?? 0;
  }
  return { schema, validTokens };
}

function requireSchema(database: Database.Database, place: string): string {
  const tables = database.prepare<[], string>("select name from sqlite_schema where name = 'kysely_migration'").pluck();
  if (tables.get() === undefined) throw notOurs(place);
  const last = 'select name from kysely_migration order by name desc limit 1';
  const schema = database.prepare<[], string>(last).pluck().get() ?? '';
  const at = schemaVersions.indexOf(schema);
  if (at >= schemaVersions.indexOf(oldestSchema)) return schema;
  const next = at === -1 ? 'use the version that wrote it' : 'start this version of the server once';
  throw new AppError('unsupported', `The database ${place} has the schema ${schema} of another version: ${next}.`);
}

function revokeAllTokens(database: Database.Database, revokedAt: number): void {
  database.transaction(() => {
    for (const table of thoseIn(database, tokenTables)) {
      database
        .prepare(`update ${table} set revoked_at = ?, version = version + 1 where revoked_at is null`)
        .run(revokedAt);
    }
    for (const table of thoseIn(database, sessionTables)) database.prepare(`delete from ${table}`).run();
    database.prepare("delete from settings where name = 'admin_token_sha256'").run();
  })();
}

// Starts a grace period, during which automatic collection removes nothing. Blobs that were stored after the backup
// have no record in the restored database, so collection would remove them at once.
function startGracePeriod(database: Database.Database, now: number): void {
  database
    .prepare("update settings set value = json_set(value, '$.since', ?) where name = 'store' and json_valid(value)")
    .run(now);
}
