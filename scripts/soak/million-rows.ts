// Measures claims, lists and `why` with a million other jobs in the tables. Also finds statements that do more than an
// index search for a few rows. The environment variable SOAK_ROWS sets another number of jobs.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { compose, loadConfig, makeLogger, type Server } from '@proofhouse/server';
import { startPostgres } from '../engines/postgres.ts';
import { exerciseQueue, type Timings } from './exercise-queue.ts';
import { loadBacklog } from './load-backlog.ts';
import { objectionsOnPostgres, objectionsOnSqlite } from './query-plans.ts';
import { recordStatements, type Recorded } from './record-statements.ts';

const rows = Number(process.env['SOAK_ROWS'] ?? 1_000_000);

interface Found {
  readonly store: string;
  readonly empty: Timings;
  readonly full: Timings;
  readonly statements: number;
  readonly objections: readonly string[];
}

async function withServer<T>(env: Record<string, string>, work: (server: Server) => Promise<T>): Promise<T> {
  const server = await compose(loadConfig({ env, flags: {} }), { logger: makeLogger('silent') });
  try {
    return await work(server);
  } finally {
    await server.close();
  }
}

async function look(
  store: string,
  env: Record<string, string>,
  objectionsOf: (databaseUrl: string, seen: readonly Recorded[]) => readonly string[] | Promise<readonly string[]>,
): Promise<Found> {
  const { databaseUrl, empty } = await withServer(env, async ({ jobs, config }) => ({
    databaseUrl: config.databaseUrl,
    empty: await exerciseQueue(jobs, rows, false),
  }));
  const start = performance.now();
  await loadBacklog(databaseUrl, rows, Date.now());
  process.stderr.write(`${store}: loaded in ${String(Math.round((performance.now() - start) / 1000))} s\n`);
  const { full, seen } = await withServer(env, async ({ jobs }) => {
    // The recording begins only here, so that it omits the statements of the start of the server.
    const recording = recordStatements();
    try {
      return { full: await exerciseQueue(jobs, rows, true), seen: recording.seen() };
    } finally {
      recording.stop();
    }
  });
  const objections = await objectionsOf(databaseUrl, seen);
  return { store, empty, full, statements: seen.length, objections };
}

function report(found: readonly Found[]): string {
  const count = rows.toLocaleString('en');
  const stores = found.map(({ store }) => `${store}, empty | ${store}, ${count}`);
  const lines = [`| p50 in ms | ${stores.join(' | ')} |`, `| --- |${found.map(() => ' ---: | ---: |').join('')}`];
  for (const name of Object.keys(found[0]?.full ?? {})) {
    const cells = found.flatMap(({ empty, full }) => [empty[name], full[name]]);
    lines.push(`| ${name} | ${cells.map((value) => value?.toFixed(2) ?? '').join(' | ')} |`);
  }
  const plans = found.map(({ store, statements, objections }) =>
    objections.length === 0
      ? `- ${store}: of ${String(statements)} statements none scans a table or sorts a backlog.`
      : `- ${store}: of ${String(statements)} statements ${String(objections.length)} do more than walk an index:\n` +
        objections.map((objection) => `  - \`${objection}\``).join('\n'),
  );
  return [...lines, '', ...plans].join('\n');
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'proofhouse-rows-'));
const postgres = await startPostgres();
try {
  const env = { PROOFHOUSE_DATA_DIR: folder };
  const database = await postgres.createDatabase();
  const found = [
    await look('SQLite', env, objectionsOnSqlite),
    await look('Postgres', { ...env, PROOFHOUSE_DATABASE_URL: database }, objectionsOnPostgres),
  ];
  process.stdout.write(`RESULT\n${report(found)}\n`);
} finally {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
