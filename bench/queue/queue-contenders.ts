// Starts the measured queues. Each has its own process and database, and all use one disk. The queues on Postgres share
// one Postgres server. All queues run during the whole benchmark, and those that are not measured are idle.
import path from 'node:path';
import process from 'node:process';
import type { RunningPostgres } from '../../scripts/engines/postgres.ts';
import { adminToken } from '../contenders.ts';
import { startProcess } from '../start-process.ts';
import { MeasuredProcess } from './measured-process.ts';
import { databasesWith, type Engine, type Place } from './queue-databases.ts';
import type { Mode, QueueOrder, QueueResult } from './queue-order.ts';

export interface Contender {
  readonly name: string;
  /** Number of jobs in the tables of the queue in addition to the measured jobs (the backlog). */
  readonly backlog: number;
  readonly modes: readonly Mode[];
  /** Process id of the HTTP server. Undefined if the queue is called in process. */
  readonly serverPid?: number;
  run(order: QueueOrder): Promise<QueueResult>;
  stop(): Promise<void>;
}

export interface Setting {
  readonly folder: string;
  readonly postgres: RunningPostgres;
  readonly backlogs: readonly number[];
  /** Largest number of workers in the run. */
  readonly workers: number;
  /** Starts only contenders whose names contain this text. */
  readonly only: string;
  readonly signal: AbortSignal;
}

const allModes: readonly Mode[] = ['one by one', 'overlapping', 'batches'];

export const engines: readonly Engine[] = ['sqlite', 'postgres'];
export const graphileWorker = 'graphile-worker';
export const pgBoss = 'pg-boss';
const bareHttp = 'bare node:http, keeps nothing';

export type Door = 'HTTP' | 'in process';
export const allDoors: readonly Door[] = ['HTTP', 'in process'];

export function proofhouseName(door: Door, engine: Engine): string {
  return `proofhouse, ${door}, ${engine === 'sqlite' ? 'SQLite' : 'Postgres'}`;
}

/**
 * Starts all contenders and adds each one to `started`. If one of them fails to start, the caller must stop those in
 * `started`.
 */
export async function startContenders(setting: Setting, started: Contender[]): Promise<void> {
  const isWanted = (name: string): boolean => name.toLowerCase().includes(setting.only.toLowerCase());
  for (const engine of engines) {
    const doors = allDoors.filter((door) => isWanted(proofhouseName(door, engine)));
    for (const backlog of doors.length === 0 ? [] : setting.backlogs) {
      setting.signal.throwIfAborted();
      const places = await databasesWith(engine, backlog, doors.length, setting);
      const modes: readonly Mode[] = backlog === 0 ? allModes : ['one by one'];
      for (const [index, door] of doors.entries()) {
        const described = { name: proofhouseName(door, engine), backlog, modes };
        started.push(await startProofhouse(door, described, places[index] ?? {}));
      }
      process.stderr.write(`ready: ${engine} with a backlog of ${String(backlog)}\n`);
    }
  }
  if (isWanted(bareHttp)) {
    started.push(await startHttp({ name: bareHttp, backlog: 0, modes: allModes }, {}, 'bare-queue.ts'));
  }
  for (const name of [graphileWorker, pgBoss].filter(isWanted)) {
    const env = {
      BENCH_DATABASE_URL: await setting.postgres.createDatabase(),
      BENCH_CONNECTIONS: String(Math.max(10, setting.workers + 2)),
    };
    // graphile-worker has no mode `overlapping`, because it always claims the next job while it completes the previous
    // one.
    const modes = allModes.filter((mode) => mode !== 'overlapping' || name !== graphileWorker);
    started.push(await startMeasured({ name, backlog: 0, modes }, name, env));
  }
}

type Described = Pick<Contender, 'name' | 'backlog' | 'modes'>;

function startProofhouse(door: Door, described: Described, place: Place): Promise<Contender> {
  return door === 'HTTP' ? startHttp(described, place) : startMeasured(described, 'proofhouse-in-process', place);
}

async function startMeasured(described: Described, script: string, env: Place): Promise<Contender> {
  const measured = await MeasuredProcess.start(script, env);
  return { ...described, run: (order) => measured.run(order), stop: () => measured.stop() };
}

/** Starts an HTTP server and its load generator. `script` is the name of a file in `../servers`. */
async function startHttp(described: Described, place: Place, script = 'proofhouse.ts'): Promise<Contender> {
  const server = await startProcess({
    command: process.execPath,
    args: [path.join(import.meta.dirname, '../servers', script)],
    env: { PROOFHOUSE_PORT: '0', PROOFHOUSE_ADMIN_TOKEN: adminToken, ...place },
  });
  try {
    const load = await MeasuredProcess.start('proofhouse-http', { BENCH_PORT: String(server.port) });
    return {
      ...described,
      serverPid: server.pid,
      run: (order) => load.run(order),
      stop: async () => {
        await load.stop();
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
