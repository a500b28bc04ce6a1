// Measures the duration of `/healthz` while heavy reads run on a large SQLite database: counting the usage,
// verification, collection (dry run), and lists with combined filters. The server runs in this process. The health
// probe runs in its own thread.
//
//     npm run bench:heavy-reads -- [--rows 1000000] [--seconds 10] [--keep <folder>] [--only usage]
//
// With `--keep`, the database stays in the folder, and a database that is already there is used. So two versions of the
// code can be compared on copies of one database.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { compose, loadConfig, makeLogger, type Server } from '@proofhouse/server';
import Database from 'better-sqlite3';
import { loadBacklog } from '../scripts/soak/load-backlog.ts';
import { HealthProbe } from '../scripts/soak/probe-health.ts';
import { percentile } from './queue/samples.ts';

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '10' },
    keep: { type: 'string' },
    only: { type: 'string' },
  },
});
const rowCount = Number(options.rows);
/** Number of jobs in the queue. They have 21 routes. Half of them are queued, the other half have ended. */
const jobCount = Math.min(rowCount, 200_000);
const forMs = Number(options.seconds) * 1000;
/** Number of artifacts whose bytes exist. Only these are read by verification and collection. */
const filesCount = Math.min(rowCount, 20_000);
const adminToken = 'bench-admin-token-of-forty-characters-00';
const authorization = { authorization: `Bearer ${adminToken}` };
const aimMs = 50;

async function open(folder: string): Promise<Server> {
  const env = {
    PROOFHOUSE_DATA_DIR: folder,
    PROOFHOUSE_PORT: '0',
    PROOFHOUSE_ADMIN_TOKEN: adminToken,
    PROOFHOUSE_MAX_CONNECTIONS: '100',
  };
  return await compose(loadConfig({ env, flags: {} }), { logger: makeLogger('silent') });
}

const json = { ...authorization, 'content-type': 'application/json' };

async function call(server: Server, method: 'GET' | 'POST', url: string, payload?: object) {
  const answer = await server.app.inject({ method, url, headers: json, ...(payload && { payload }) });
  if (answer.statusCode >= 300) throw new Error(`${method} ${url}: ${answer.body}`);
  return answer.json<Record<string, unknown>>();
}

/** Fills a database with copies of one uploaded artifact. So each row has all columns as this version writes them. */
async function seed(folder: string): Promise<void> {
  const server = await open(folder);
  const job = await call(server, 'POST', '/api/queue/jobs', { type: 'exec', payload: { command: 'true' } });
  const address = await server.app.listen({ host: '127.0.0.1', port: 0 });
  const uploaded = await fetch(`${address}/api/queue/jobs/${String(job['id'])}/artifacts/seed.txt`, {
    method: 'PUT',
    headers: { ...authorization, 'content-type': 'application/octet-stream' },
    body: '0123456789',
  });
  const { id } = (await uploaded.json()) as { id: string };
  await server.close();
  const database = new Database(path.join(folder, 'proofhouse.db'));
  database.pragma('synchronous = off');
  insertCopies(database, id);
  database.exec('analyze');
  database.pragma('wal_checkpoint(truncate)');
  const keys = database
    .prepare<[number], string>('select blob_key from artifacts where job_id is null order by id limit ?')
    .pluck()
    .all(filesCount);
  database.close();
  await loadBacklog(`sqlite:${path.join(folder, 'proofhouse.db')}`, jobCount, Date.now());
  const again = await open(folder);
  for (const key of keys) {
    const place = again.blobs.localPath(key) ?? '';
    mkdirSync(path.dirname(place), { recursive: true });
    writeFileSync(place, '0123456789');
  }
  await again.close();
}

function insertCopies(database: Database.Database, seedId: string): void {
  const columns = database.prepare<[], string>("select name from pragma_table_info('artifacts')").pluck().all();
  const digits = "'abcdefghijklmnopqrstuvwxyz234567'";
  const letter = (shift: number): string => `substr(${digits}, 1 + ((n >> ${String(shift)}) & 31), 1)`;
  const fresh: Readonly<Record<string, string>> = {
    id: "printf('00000000-0000-7000-8000-%012x', n)",
    uri: "'artifact://bench/' || n",
    // The folder of a blob depends on the first characters of its key. These vary here, so that all folders are used.
    blob_key: `${[0, 5, 10, 15, 20].map(letter).join(' || ')} || substr(blob_key, 6)`,
    type: "case n % 4 when 0 then 'log' when 1 then 'diff' when 2 then 'report' else 'other' end",
    job_id: 'null',
    name: 'null',
    created_by: "case n % 2 when 0 then 'maker-even' else 'maker-odd' end",
    created_at: `created_at - ${String(rowCount)} + n`,
    blob_size_bytes: '10',
  };
  const values = columns.map((column) => fresh[column] ?? column).join(', ');
  for (let from = 0; from < rowCount; from += 100_000) {
    const to = Math.min(rowCount, from + 100_000);
    database.exec(
      `with recursive s(n) as (select ${String(from + 1)} union all select n + 1 from s where n < ${String(to)})
       insert into artifacts (${columns.join(', ')}) select ${values} from s, artifacts where id = '${seedId}'`,
    );
  }
}

type Work = () => Promise<unknown>;

function worksOf(server: Server): Readonly<Record<string, Work>> {
  const slices = (url: string, body: object): Work => {
    let cursor: unknown = null;
    let calls = 0;
    return async () => {
      const answer = await call(server, 'POST', url, { ...body, cursor });
      // One call handles a slice of 500 records. So 40 slices cover the 20,000 artifacts whose bytes exist. After 40
      // calls, the next call starts from the beginning.
      cursor = calls++ % 40 === 39 ? null : answer['nextCursor'];
    };
  };
  let after: unknown;
  return {
    nothing: () => new Promise((resolve) => setTimeout(resolve, 10)),
    usage: () => server.storage.usage.sample(),
    verification: slices('/api/storage/verify', { sample: 1, repair: false }),
    'collection, dry run': slices('/api/storage/gc', { dryRun: true, yesRemoveMost: true }),
    'lists, combined filters': async () => {
      // No artifact matches both filters. So each page examines the largest number of records that a page may examine.
      const query = `createdBy=maker-even&type=diff&limit=200${typeof after === 'string' ? `&cursor=${after}` : ''}`;
      after = (await call(server, 'GET', `/api/artifacts?${query}`))['nextCursor'];
    },
    'queue depths': () => server.store.jobs.depths(10_000),
  };
}

/**
 * Waits for the next iteration of the event loop, as a server does between two requests. If the reads followed each
 * other in microtasks, they would block the event loop, however short each read is.
 */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function measure(url: string, works: readonly Work[]): Promise<{ times: number[]; runs: number }> {
  const probe = HealthProbe.start(url);
  // The health probe runs in a thread. This pause lets the thread start and connect. Otherwise the first answer would
  // take longer than the others.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const until = performance.now() + forMs;
  let runs = 0;
  const loops = works.map(async (work) => {
    while (performance.now() < until) {
      await work();
      runs += 1;
      await nextTurn();
    }
  });
  await Promise.all(loops);
  return { times: (await probe.stop()).slice(1), runs };
}

const folder = options.keep ?? mkdtempSync(path.join(os.tmpdir(), 'proofhouse-heavy-'));
try {
  mkdirSync(folder, { recursive: true });
  if (!existsSync(path.join(folder, 'proofhouse.db'))) await seed(folder);
  const server = await open(folder);
  try {
    const address = await server.app.listen({ host: '127.0.0.1', port: 0 });
    const works = worksOf(server);
    const lines = [
      '| while | runs/s | health p50, ms | p99, ms | longest, ms |',
      '| --- | ---: | ---: | ---: | ---: |',
    ];
    const only = options.only;
    for (const [name, chosen] of [
      ...Object.entries(works).map(([each, work]) => [each, [work]] as const),
      ['all of them', Object.values(works)] as const,
    ]) {
      if (only !== undefined && only !== name) continue;
      const { times, runs } = await measure(`${address}/healthz`, chosen);
      const [p50, p99, longest] = [0.5, 0.99, 1].map((share) => percentile(times, share));
      if ((p99 ?? 0) >= aimMs) process.exitCode = 1;
      const cells = [((runs * 1000) / forMs).toFixed(1), p50?.toFixed(1), p99?.toFixed(1), longest?.toFixed(1)];
      lines.push(`| ${name} | ${cells.join(' | ')} |`);
      process.stderr.write(`${lines.at(-1) ?? ''}\n`);
    }
    process.stdout.write(`${lines.join('\n')}\n`);
  } finally {
    await server.close();
  }
} finally {
  if (options.keep === undefined) rmSync(folder, { recursive: true, force: true });
}
