import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { systemClock, type Clock } from '../../../../kernel/time/clock.ts';
import type { OnClockJump, StoreTime } from '../../../../kernel/time/store-time.ts';
import { migrate } from '../../migrate.ts';
import type { OnProgress } from '../../migrations/on-progress.ts';
import type { QueueEngine } from '../../queue/queue-dialect.ts';
import { Undo, type VerbFactory, type WriteFactory } from '../../engine/verb.ts';
import { DatabaseTime } from './database-time.ts';
import { PostgresHintChannel } from './hint-channel.ts';
import { CorkedSocket } from './corked-socket.ts';
import { postgresQueueDialect } from './postgres-queue-dialect.ts';
import { postgresSyntax } from './postgres-syntax.ts';
import { isUnprepared, isWorthAnotherTry, postgresError, postgresPlace } from './postgres-errors.ts';
import { renewReadOnly } from './read-only-role.ts';
import { runInSnapshot, runInTransaction, runReads } from './postgres-transaction.ts';
import { SharedConnection } from './shared-connection.ts';

export interface PostgresOptions {
  readonly maxConnections?: number;
  /** Called with a sentence after each part of a long migration. */
  readonly onProgress?: OnProgress;
  readonly clock?: Clock;
  /** True if `clock` replaces the database's clock, for tests. */
  readonly fixedTime?: boolean;
  /** Called when somebody set the database's clock, or when the monotonic clock of this process jumped. */
  readonly onClockJump?: OnClockJump;
  /** Time in ms within which the database must answer a query. Default: 35 s. */
  readonly silentMs?: number;
}

const connectWithinMs = 10_000;
/** Statement timeout in ms. No statement takes so long, and a person would not wait longer. */
const statementWithinMs = 30_000;
/**
 * Default time within which the database must answer a query. It is longer than the statement timeout. So a connection
 * that does not answer in this time is dead, and is closed.
 */
const silentMs = statementWithinMs + 5000;
/** Idle time after which TCP keep-alive probes a connection, so that a vanished peer is detected. */
const keepAliveMs = 10_000;
const mostTries = 5;
/**
 * Number of connections for `read`, in addition to those for transactions. A page of a list takes some milliseconds, so
 * four connections are enough for many callers.
 */
const readConnections = 4;
/**
 * Number of connections for scans, in addition to the pools for all other calls. The number is small, because each scan
 * keeps a processor of the database busy.
 */
const scanConnections = 2;
/** Statement timeout of scans. It bounds their snapshots, because an open snapshot prevents the removal of dead rows. */
const scanWithinMs = 120_000;

/**
 * Planner settings of the connections for transactions and look-ups. Their statements should read a few rows through an
 * index. For a new or fast-growing table, the planner has too few statistics to choose such a plan, and a prepared
 * statement keeps its plan. A plan that reads the whole table halved the claim rate.
 *
 * `jit` is off for this reason: the planner gives a very high cost to a forbidden plan step that it cannot avoid, and a
 * high cost starts the JIT compiler.
 *
 * Lists, searches and scans run on other connections, with the settings of the server. For many rows, a bitmap scan or
 * a hash join can be the best plan. The settings are connection options, because `set local` statements would cost each
 * transaction time. Each connection has its own plan cache, so no plan is used that was cached under other settings.
 */
export const plannerSettings = ['enable_seqscan', 'enable_bitmapscan', 'enable_hashjoin', 'enable_mergejoin', 'jit']
  .map((name) => `-c ${name}=off`)
  .join(' ');

/** Smallest number of dead rows in the table of jobs for which `tidy` vacuums it. */
const fewestDead = 1000;
/**
 * The pause after a vacuum is the duration of the vacuum times this number. The vacuum of a million jobs takes a third
 * of a second.
 */
const restShare = 20;
const vacuum = {
  text: 'vacuum (skip_locked, truncate off, index_cleanup on, parallel 0) jobs',
  query_timeout: 3_600_000,
};

/** Type id of `int8`. Such columns contain times and sizes within Number.MAX_SAFE_INTEGER, so they become numbers. */
const int8: number = pg.types.builtins.INT8;
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === int8 ? Number : (pg.types.getTypeParser as (oid: number, format?: string) => unknown)(oid, format),
};

export async function openPostgresEngine(url: string, options: PostgresOptions = {}): Promise<QueueEngine> {
  const place = postgresPlace(url);
  const connection = {
    connectionString: url,
    connectionTimeoutMillis: connectWithinMs,
    application_name: 'proofhouse',
  };
  try {
    await migrateAlone(connection, place, options.onProgress);
  } catch (error) {
    throw postgresError(error, place);
  }
  const pools = openPools(connection, options);
  const clock = options.clock ?? systemClock;
  const time = new DatabaseTime(clock, {
    given: options.fixedTime ?? false,
    onJump: options.onClockJump ?? (() => undefined),
  });
  const engine = new PostgresEngine(pools, new PostgresHintChannel(url), clock, time);
  try {
    await engine.askTime();
    return engine;
  } catch (error) {
    await engine.close();
    throw postgresError(error, place);
  }
}

/** The connections of an engine. Each pool opens connections when they are needed. */
interface Pools {
  /** The pool for transactions and look-ups. */
  readonly indexed: pg.Pool;
  readonly reads: pg.Pool;
  readonly scans: pg.Pool;
}

function openPools(
  connection: pg.PoolConfig,
  { maxConnections = 10, silentMs: silentFor = silentMs }: PostgresOptions,
): Pools {
  const settings = {
    ...connection,
    types,
    pipeline: true,
    stream: () => new CorkedSocket(),
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveMs,
    idle_in_transaction_session_timeout: statementWithinMs,
  };
  const short = { ...settings, statement_timeout: statementWithinMs, query_timeout: silentFor };
  const long = {
    ...settings,
    statement_timeout: scanWithinMs,
    query_timeout: scanWithinMs + silentFor - statementWithinMs,
  };
  const pools = {
    indexed: new pg.Pool({ ...short, max: maxConnections, options: plannerSettings }),
    reads: new pg.Pool({ ...short, max: readConnections }),
    scans: new pg.Pool({ ...long, max: scanConnections }),
  };
  for (const pool of Object.values(pools)) survive(pool);
  return pools;
}

// Adds a listener for the event `error`, which broken connections emit. Without a listener, the event would end the
// process. Queries on a broken connection are rejected, and the pool replaces idle connections.
function survive(pool: pg.Pool): void {
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
}

/**
 * Migrates the schema and renews the grants of read-only roles, on a connection of its own. That connection has no
 * statement timeout, because a large table takes long to change.
 */
async function migrateAlone(connection: pg.PoolConfig, place: string, onProgress?: OnProgress): Promise<void> {
  const pool = new pg.Pool({ ...connection, max: 1 });
  survive(pool);
  try {
    await migrate(new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) }), postgresSyntax, place, {
      onProgress,
    });
    const client = await pool.connect();
    try {
      await renewReadOnly(client);
    } finally {
      client.release();
    }
  } finally {
    await pool.end();
  }
}

class PostgresEngine implements QueueEngine {
  readonly dialect = postgresQueueDialect;
  readonly durable = true;
  readonly hintChannel: PostgresHintChannel;
  readonly #pools: Pools;
  readonly #shared: SharedConnection;
  readonly #clock: Clock;
  readonly #time: DatabaseTime;
  #tidyAgainAt = -Infinity;

  constructor(pools: Pools, hintChannel: PostgresHintChannel, clock: Clock, time: DatabaseTime) {
    this.#pools = pools;
    this.#shared = new SharedConnection(pools.indexed, clock);
    this.#clock = clock;
    this.#time = time;
    this.hintChannel = hintChannel;
  }

  read<Result>(verb: VerbFactory<Result>): Promise<Result> {
    return mapErrors(() => this.#withOwn((client) => runReads(client, verb), this.#pools.reads));
  }

  look<Result>(verb: VerbFactory<Result>): Promise<Result> {
    return mapErrors(async () => {
      try {
        return await this.#shared.use((client) => runReads(client, verb));
      } catch (error) {
        // This read was not executed. An earlier query on the shared connection failed to prepare its statement. So the
        // read runs again on its own connection.
        if (!isUnprepared(error)) throw error;
        return await this.#withOwn((client) => runReads(client, verb));
      }
    });
  }

  scan<Result>(verb: VerbFactory<Result>): Promise<Result> {
    return mapErrors(() => this.#withOwn((client) => runInSnapshot(client, verb), this.#pools.scans));
  }

  async write<Result>(verb: WriteFactory<Result>): Promise<Result> {
    return this.#withClient(async (client) => {
      for (let tries = 1; ; tries++) {
        try {
          return await runInTransaction(client, verb, this.#time);
        } catch (error) {
          if (tries === mostTries || !isWorthAnotherTry(error)) throw error;
        }
      }
    });
  }

  /**
   * Vacuums the table of jobs. Each claim begins to read at the start of the index `jobs_ready`, where claimed rows
   * leave dead entries. Some thousands of dead entries make claims three times slower. Autovacuum runs only once a
   * minute, and it skips the indexes of a large table until many pages of the table have dead rows. The pause between
   * vacuums grows with the size of the table.
   */
  async tidy(): Promise<void> {
    if (this.#clock.monotonic() < this.#tidyAgainAt) return;
    const count = "select n_dead_tup as dead from pg_stat_all_tables where relid = 'jobs'::regclass";
    try {
      await this.#withClient(async (client) => {
        const { dead = 0 } = (await client.query<{ dead: number }>(count)).rows[0] ?? {};
        if (dead >= fewestDead) await this.#vacuum(client);
      });
    } catch {
      // An error of the vacuum is ignored. The next sweep vacuums again, and errors of the database are reported by
      // other calls.
    }
  }

  async #vacuum(client: pg.PoolClient): Promise<void> {
    const begun = this.#clock.monotonic();
    try {
      await client.query('set statement_timeout = 0');
      await client.query(vacuum);
      await client.query('reset statement_timeout');
    } finally {
      const ended = this.#clock.monotonic();
      this.#tidyAgainAt = ended + restShare * (ended - begun);
    }
  }

  async ping(): Promise<void> {
    await this.#withClient((client) => client.query('select count(*) from (select 1 from settings limit 1) as one'));
  }

  time(): StoreTime {
    return this.#time.time;
  }

  async askTime(): Promise<void> {
    await this.#withClient((client) => this.#time.ask(client));
  }

  async now(): Promise<number> {
    const time = 'select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now';
    const answer = await this.#withClient((client) => client.query<{ now: number }>(time));
    return answer.rows[0]?.now ?? 0;
  }

  async close(): Promise<void> {
    if (this.#pools.indexed.ending) return;
    await Promise.all([this.hintChannel.close(), ...Object.values(this.#pools).map((pool: pg.Pool) => pool.end())]);
  }

  #withClient<Result>(action: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    return mapErrors(() => this.#withOwn(action));
  }

  // Runs the action on a connection of the pool that no other call uses meanwhile. If the action fails, the connection
  // is closed, because its state is unknown.
  async #withOwn<Result>(
    action: (client: pg.PoolClient) => Promise<Result>,
    pool: pg.Pool = this.#pools.indexed,
  ): Promise<Result> {
    const client = await pool.connect();
    let failed = true;
    try {
      const result = await action(client);
      failed = false;
      return result;
    } finally {
      client.release(failed);
    }
  }
}

/**
 * Runs `action` and maps its errors to `AppError` for callers. The message names neither the host nor the database. The
 * cause of the error names both, but is only logged.
 */
async function mapErrors<Result>(action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (error) {
    throw error instanceof Undo ? error : postgresError(error, 'The database');
  }
}
