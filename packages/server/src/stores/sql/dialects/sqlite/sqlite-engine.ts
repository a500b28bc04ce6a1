import { closeSync, fstatSync, openSync } from 'node:fs';
import { AppError } from '@proofhouse/core';
import Database from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { systemBootTime, type BootTime } from '../../../../kernel/time/boot-time.ts';
import { systemClock, type Clock } from '../../../../kernel/time/clock.ts';
import type { OnClockJump, StoreTime } from '../../../../kernel/time/store-time.ts';
import { createPrivateFile } from '../../../../kernel/files/private-files.ts';
import { migrate } from '../../migrate.ts';
import type { OnProgress } from '../../migrations/on-progress.ts';
import type { QueueEngine } from '../../queue/queue-dialect.ts';
import type { VerbFactory, WriteFactory } from '../../engine/verb.ts';
import { ProcessTime } from './process-time.ts';
import { readAnchor } from './time-anchor.ts';
import type { Delay } from '../../../../kernel/time/delay.ts';
import { BusyRetry } from './busy-retry.ts';
import { checkWal } from './wal/check-wal.ts';
import { databaseFile } from './database-file.ts';
import { FileGuard, newGeneration } from './file-guard.ts';
import { SqliteConnection } from './sqlite-connection.ts';
import { ScanPool } from './scan-pool.ts';
import { sqliteQueueDialect } from './sqlite-queue-dialect.ts';
import { sqliteSyntax } from './sqlite-syntax.ts';
import { requireNoInterruptedRestore } from './interrupted-restore.ts';
import { WalCheckpoints } from './wal/wal-checkpoints.ts';
import { notOurs, sqliteError } from './sqlite-errors.ts';
import { lockDatabase } from './sqlite-lock.ts';
import { WriteQueue, type AroundTransaction } from './write-queue.ts';

const memory = ':memory:';

/**
 * The `application_id` in the header of Proofhouse database files: "Prof" in ASCII. A file with another id is refused.
 */
const applicationId = 0x50726f66;

export interface SqliteEngineOptions {
  /** Waits between retries while another program holds a lock on the file. Default: the timers of the system. */
  readonly delay?: Delay;
  /** Called with a sentence for the operator when a crash left a damaged WAL, or when the WAL grows large. */
  readonly onNotice?: (notice: string) => void;
  /** Called with a sentence after each part of a long migration. */
  readonly onProgress?: OnProgress;
  readonly clock?: Clock;
  /**
   * Returns the boot id and the uptime of the machine. Default: those of the system if `clock` is the system's clock,
   * else undefined.
   */
  readonly bootTime?: () => BootTime | undefined;
  /** Called when the wall clock was set. */
  readonly onClockJump?: OnClockJump;
  /** Combined size of database and WAL in bytes from which scans run in a thread. Default: 4 MiB. */
  readonly threadFromBytes?: number;
}

/**
 * A scan of a smaller database runs on the event loop, because reading all of it takes only some milliseconds. A thread
 * costs 80 ms of processor time at its start, and 25 MiB of memory.
 */
const threadFromBytes = 4 * 1024 * 1024;

/**
 * Zero, so that a call on a locked file fails immediately with `SQLITE_BUSY`, and `BusyRetry` runs it again. With a
 * longer busy timeout, SQLite would sleep on the event loop.
 */
const busyTimeoutMs = 0;

/**
 * Opens a database file. Creates the file and migrates its schema if needed. A database named `:memory:` exists as long
 * as the engine.
 */
export async function openSqliteEngine(named: string, options: SqliteEngineOptions = {}): Promise<QueueEngine> {
  const busy = new BusyRetry(options.delay);
  const onNotice = options.onNotice ?? (() => undefined);
  const time = timeOf(options);
  const closers: (() => void)[] = [];
  if (named === memory) return openInMemory({ busy, time }, closers);
  let file = named;
  try {
    file = databaseFile(named);
    // SQLite gives the WAL and its index the file mode of the database. So the database file is created with the right
    // mode first.
    createPrivateFile(file);
    closers.push(lockDatabase(file).release);
    requireNoInterruptedRestore(file);
    await busy.run(() => {
      checkWal(file, onNotice);
    });
    const handle = openSync(file, 'r');
    closers.push(() => {
      closeSync(handle);
    });
    const writer = openWriter(file, closers);
    await busy.run(() => {
      prepareFile(writer, file);
    });
    await busy.run(() => writer.exec('begin immediate'));
    const guard = new FileGuard(file, writer, handle);
    closers.push(() => {
      guard.close();
    });
    await migrateInTransaction(writer, file, options.onProgress);
    guard.end(true);
    const reader = new Database(file, { readonly: true, timeout: busyTimeoutMs });
    closers.push(() => reader.close());
    await busy.run(() => {
      tune(reader);
    });
    const checkpoints = new WalCheckpoints(file, writer, onNotice);
    const requireSameFiles = (): void => guard.requireSameFiles();
    const scans = new ScanPool({ file, clock: options.clock ?? systemClock, requireSameFiles });
    const connections = { writer: new SqliteConnection(writer), reader: new SqliteConnection(reader) };
    time.resume(connections.reader.drive(readAnchor));
    const fromBytes = options.threadFromBytes ?? threadFromBytes;
    const isLarge = (): boolean => fstatSync(handle).size + guard.logBytes >= fromBytes;
    return new SqliteEngine({
      file,
      ...connections,
      busy,
      time,
      inFile: { guard, checkpoints, scans, isLarge },
      closers,
    });
  } catch (error) {
    for (const close of closers.reverse()) close();
    throw sqliteError(error, file);
  }
}

// Opens a database in memory, with one connection for reads and writes. No read can run inside the transaction of a
// flush, because a flush is synchronous.
async function openInMemory(
  { busy, time }: Pick<EngineParts, 'busy' | 'time'>,
  closers: (() => void)[],
): Promise<QueueEngine> {
  const writer = openWriter(memory, closers);
  prepareFile(writer, memory);
  writer.exec('begin immediate');
  await migrateInTransaction(writer, memory);
  const connection = new SqliteConnection(writer);
  const connections = { writer: connection, reader: connection };
  return new SqliteEngine({ file: memory, ...connections, busy, time, inFile: undefined, closers });
}

function timeOf({ clock = systemClock, bootTime, onClockJump = () => undefined }: SqliteEngineOptions): ProcessTime {
  // The clock of a test has no relation to the uptime of this machine. So the boot time is read only if `clock` is the
  // system's clock.
  const ofClock = clock === systemClock ? systemBootTime : () => undefined;
  return new ProcessTime({ clock, bootTime: bootTime ?? ofClock, onJump: onClockJump });
}

function openWriter(file: string, closers: (() => void)[]): Database.Database {
  const database = new Database(file, { timeout: busyTimeoutMs });
  closers.push(() => database.close());
  return database;
}

function prepareFile(database: Database.Database, file: string): void {
  const isNew = database.prepare('select count(*) from sqlite_schema').pluck().get() === 0;
  const marked = database.pragma('application_id', { simple: true }) === applicationId;
  if (!isNew && !marked) throw notOurs(file);
  // The database file itself must contain the first generation. So it is written before the WAL mode is set.
  nameGeneration(database);
  database.pragma('journal_mode = wal');
  if (!marked) database.pragma(`application_id = ${String(applicationId)}`);
  database.pragma('synchronous = full');
  database.pragma('foreign_keys = on');
  database.pragma('journal_size_limit = 67108864');
  tune(database);
  checkpoint(database);
}

function nameGeneration(database: Database.Database): void {
  if (database.pragma('user_version', { simple: true }) !== 0) return;
  database.pragma(`user_version = ${String(newGeneration())}`);
}

// Runs a checkpoint. Ignores a failure, such as a full disk, because the commits are durable in the WAL and the next
// start reads them.
function checkpoint(database: Database.Database): void {
  try {
    database.pragma('wal_checkpoint(truncate)');
  } catch {
    return;
  }
}

function tune(database: Database.Database): void {
  database.pragma('cache_size = -65536');
  database.pragma('temp_store = memory');
}

// Migrates in the transaction that the caller must have begun, and commits it. Kysely runs SQLite migrations outside a
// transaction, and a crash during one would leave a file that neither version can read.
async function migrateInTransaction(database: Database.Database, file: string, onProgress?: OnProgress): Promise<void> {
  const db = new Kysely<unknown>({ dialect: new SqliteDialect({ database }) });
  try {
    await migrate(db, sqliteSyntax, file, { onProgress });
    database.exec('commit');
  } catch (error) {
    if (database.inTransaction) database.exec('rollback');
    throw error;
  }
}

/** The parts of an engine that exist only if the database is a file. */
interface InFile {
  readonly guard: FileGuard;
  readonly checkpoints: WalCheckpoints;
  readonly scans: ScanPool;
  /** Returns true if the database is so large that a scan could block the event loop. */
  readonly isLarge: () => boolean;
}

interface EngineParts {
  readonly file: string;
  readonly writer: SqliteConnection;
  readonly reader: SqliteConnection;
  readonly busy: BusyRetry;
  readonly time: ProcessTime;
  /** Undefined for a database in memory. */
  readonly inFile: InFile | undefined;
  readonly closers: (() => void)[];
}

class SqliteEngine implements QueueEngine {
  readonly dialect = sqliteQueueDialect;
  readonly durable: boolean;
  readonly hintChannel = undefined;
  readonly #writer: SqliteConnection;
  readonly #reader: SqliteConnection;
  readonly #queue: WriteQueue;
  readonly #busy: BusyRetry;
  readonly #time: ProcessTime;
  readonly #inFile: InFile | undefined;
  readonly #closers: (() => void)[];
  #closing: Promise<void> | undefined;

  constructor({ file, writer, reader, busy, time, inFile, closers }: EngineParts) {
    this.durable = file !== memory;
    this.#writer = writer;
    this.#reader = reader;
    this.#busy = busy;
    this.#time = time;
    this.#inFile = inFile;
    this.#queue = new WriteQueue(writer, busy.delay, inFile && aroundTransaction(inFile));
    this.#closers = closers;
  }

  async read<Result>(verb: VerbFactory<Result>): Promise<Result> {
    return this.#mapErrors(() => this.#read(verb));
  }

  look<Result>(verb: VerbFactory<Result>): Promise<Result> {
    return this.read(verb);
  }

  async scan<Result>(verb: VerbFactory<Result>): Promise<Result> {
    return this.#mapErrors(async () => {
      // No second connection can open a database in memory, so its scans cannot run in a thread. A second connection
      // would need a shared cache, which this build of SQLite lacks.
      if (this.#inFile?.isLarge() !== true) return this.#read(verb);
      const { scans, guard } = this.#inFile;
      const result = await scans.run(verb);
      if (guard.lost !== undefined) throw guard.lost;
      return result;
    });
  }

  async write<Result>(verb: WriteFactory<Result>): Promise<Result> {
    return this.#mapErrors(() => {
      this.#time.follow((move) => this.#queue.run(move));
      return this.#queue.run(() => verb(this.#time.time));
    });
  }

  // SQLite needs no vacuum here, so only the time anchor is written. A failure is ignored, because the next write fails
  // for the same cause and its caller receives the error.
  async tidy(): Promise<void> {
    const anchor = this.durable ? this.#time.anchor() : undefined;
    if (anchor !== undefined) await this.#queue.run(anchor).catch(() => undefined);
  }

  async ping(): Promise<void> {
    const look = (): unknown => this.#reader.database.prepare('select count(*) from settings').get();
    await this.#mapErrors(() => {
      this.#inFile?.guard.requireSameFiles();
      return this.#busy.run(look);
    });
  }

  time(): StoreTime {
    return this.#time.time;
  }

  async now(): Promise<number> {
    const time = "select cast(unixepoch('subsec') * 1000 as integer)";
    return this.#mapErrors(() => this.#reader.database.prepare<[], number>(time).pluck().get() ?? 0);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#queue.drain();
    await Promise.all([this.#inFile?.checkpoints.close(), this.#inFile?.scans.close()]);
    try {
      if (this.#reader !== this.#writer) this.#reader.database.close();
      if (this.durable && this.#inFile?.guard.lost === undefined) checkpoint(this.#writer.database);
      this.#inFile?.guard.beforeClose();
    } finally {
      for (const close of this.#closers.reverse()) close();
    }
  }

  #read<Result>(verb: VerbFactory<Result>): Result | Promise<Result> {
    return this.#busy.run(() => this.#reader.drive(verb));
  }

  #isClosed(): boolean {
    return this.#closing !== undefined;
  }

  async #mapErrors<Result>(action: () => Result | Promise<Result>): Promise<Result> {
    if (this.#isClosed()) throw closed();
    const lost = this.#inFile?.guard.lost;
    if (lost !== undefined) throw lost;
    try {
      return await action();
    } catch (error) {
      // A read may wait for a lock until the connection has been closed. It then throws a TypeError. Writes always end
      // before the connection is closed.
      if (error instanceof TypeError && this.#isClosed()) throw closed();
      throw sqliteError(error);
    }
  }
}

function aroundTransaction({ guard, checkpoints }: InFile): AroundTransaction {
  return {
    begin: () => {
      guard.begin();
    },
    end: (committed) => {
      guard.end(committed);
      if (committed) checkpoints.committed(guard.logBytes);
      // The files were replaced, or another server opened them. The checkpoint thread must therefore stop writing to
      // them.
      if (guard.lost !== undefined) void checkpoints.close();
    },
  };
}

function closed(): AppError {
  return new AppError('unavailable', 'The database is closed.');
}
