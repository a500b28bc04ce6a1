// Measures graphile-worker, which runs its workers itself. The benchmark adds jobs whose task does nothing. It measures
// the time until the last job is deleted from the table of jobs.
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger, makeWorkerUtils, runTaskList, type TaskList } from 'graphile-worker';
import pg from 'pg';
import type { DrainOrder, FillOrder, Mode } from '../queue-order.ts';
import { serveOrders } from '../serve-orders.ts';

const connectionString = process.env['BENCH_DATABASE_URL'] ?? '';
const logger = new Logger(() => (level, message) => {
  if ((level as string) === 'error') process.stderr.write(`graphile-worker: ${message}\n`);
});
// The documentation of graphile-worker recommends two connections more than workers.
const pgPool = new pg.Pool({ connectionString, max: Number(process.env['BENCH_CONNECTIONS']) });
// An 'error' event without a handler would end the process. graphile-worker also logs a warning unless both handlers
// exist.
pgPool.on('error', () => undefined);
pgPool.on('connect', (client) => client.on('error', () => undefined));
const utils = await makeWorkerUtils({ pgPool, logger });
await utils.migrate();

/**
 * Options for batches, as the documentation of graphile-worker describes them. One query fetches many jobs, and they
 * are completed together.
 */
const batching = { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 };

async function fill({ jobs, workers }: FillOrder) {
  let begun = 0;
  const start = performance.now();
  const work = async (): Promise<void> => {
    while (begun++ < jobs) await utils.addJob('nothing', { command: 'true' });
  };
  await Promise.all(Array.from({ length: workers }, work));
  return { jobs, ms: performance.now() - start, claimMs: [] };
}

async function drain({ jobs, workers, mode }: DrainOrder) {
  let done = 0;
  const finished = Promise.withResolvers<undefined>();
  const tasks: TaskList = {
    nothing: () => {
      if (++done === jobs) finished.resolve(undefined);
    },
  };
  const start = performance.now();
  const pool = startWorkers(tasks, workers, mode);
  await finished.promise;
  // Waits until the table of jobs is empty. graphile-worker writes the completion of a job after its task, while it
  // fetches the next jobs. So completions may still be missing when all tasks have run.
  while (await isLeft()) await sleep(1);
  const ms = performance.now() - start;
  await pool.gracefulShutdown('measured');
  return { jobs, ms, claimMs: [] };
}

function startWorkers(tasks: TaskList, workers: number, mode: Mode) {
  const preset = { worker: { concurrentJobs: workers, ...(mode === 'batches' ? batching : {}) } };
  return runTaskList({ preset, concurrency: workers, noHandleSignals: true, logger, pgPool }, tasks, pgPool);
}

async function isLeft(): Promise<boolean> {
  const { rowCount } = await pgPool.query('select 1 from graphile_worker._private_jobs limit 1');
  return rowCount !== 0;
}

serveOrders({
  fill,
  drain,
  stop: async () => {
    await utils.release();
    await pgPool.end();
  },
});
