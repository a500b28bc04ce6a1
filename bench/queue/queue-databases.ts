// Creates databases with a backlog. Loading a backlog is slow, so it is loaded once for each engine and size, and the
// database is then copied.
import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { compose, loadConfig, makeLogger } from '@proofhouse/server';
import pg from 'pg';
import type { RunningPostgres } from '../../scripts/engines/postgres.ts';
import { loadBacklog } from '../../scripts/soak/load-backlog.ts';

export type Engine = 'sqlite' | 'postgres';

/** Environment variables that tell a Proofhouse server where its database is. */
export type Place = Readonly<Record<string, string>>;

/** Creates `count` equal databases, each with a backlog of `jobs` jobs. */
export async function databasesWith(
  engine: Engine,
  jobs: number,
  count: number,
  { folder, postgres }: { readonly folder: string; readonly postgres: RunningPostgres },
): Promise<Place[]> {
  const name = `${engine}_${String(jobs)}`;
  const places: Place[] = [];
  for (let copy = 0; copy < count; copy++) {
    const dataDir = path.join(folder, `${name}_${String(copy)}`);
    mkdirSync(dataDir, { recursive: true });
    const place = { PROOFHOUSE_DATA_DIR: dataDir, PROOFHOUSE_LOG_LEVEL: 'warn' };
    if (engine === 'sqlite') places.push(place);
    else places.push({ ...place, PROOFHOUSE_DATABASE_URL: pathOnServer(postgres.url, `${name}_${String(copy)}`) });
  }
  const [first, ...others] = places;
  if (first === undefined) return [];
  if (engine === 'postgres') await postgres.createDatabase(`${name}_0`);
  await prepare(first, jobs);
  for (const [index, other] of others.entries()) {
    if (engine === 'sqlite') copyFileSync(databaseFile(first), databaseFile(other));
    else await copyDatabase(postgres.url, `${name}_0`, `${name}_${String(index + 1)}`);
  }
  return places;
}

async function prepare(place: Place, jobs: number): Promise<void> {
  const server = await compose(loadConfig({ env: place, flags: {} }), { logger: makeLogger('silent') });
  const { databaseUrl } = server.config;
  await server.close();
  await loadBacklog(databaseUrl, jobs, Date.now());
}

async function copyDatabase(url: string, from: string, to: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`create database ${to} template ${from} strategy file_copy`);
  } finally {
    await client.end();
  }
}

function databaseFile(place: Place): string {
  return path.join(place['PROOFHOUSE_DATA_DIR'] ?? '', 'proofhouse.db');
}

function pathOnServer(url: string, database: string): string {
  const place = new URL(url);
  place.pathname = `/${database}`;
  return place.href;
}
