// Fills a migrated database with the jobs of many months, by bulk SQL, in seconds. One half of the jobs has ended. The
// other half is claimable, but needs capabilities that no worker has. In claim order it precedes the jobs that a test
// adds later.
import { createHash } from 'node:crypto';
import Database from 'better-sqlite3';
import pg from 'pg';

/**
 * Number of different capabilities that the claimable jobs of the backlog need. Each capability makes one route that a
 * claim must skip.
 */
export const backlogRoutes = 20;

/** SQL expressions that differ between the two engines. */
interface Words {
  /** Returns the SQL of a table with the numbers from 1 to `count` in the column `n`. */
  readonly series: (count: number) => string;
  /** SQL expression that makes the id of a job from the column `n`. */
  readonly id: string;
}

const words: Readonly<Record<'postgres' | 'sqlite', Words>> = {
  postgres: {
    series: (count) => `generate_series(1, ${String(count)}) as n`,
    id: "lpad(to_hex(n), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0')",
  },
  sqlite: {
    series: (count) =>
      `(with recursive s(n) as (select 1 union all select n + 1 from s where n < ${String(count)}) select n from s)`,
    id: "printf('%08x-0000-7000-8000-%012x', n, n)",
  },
};

/** Returns the id of a claimable job of the backlog that no worker may claim. `number` counts from 1. */
export function ineligibleJobId(number: number): string {
  const hex = (number * 2).toString(16);
  return `${hex.padStart(8, '0')}-0000-7000-8000-${hex.padStart(12, '0')}`;
}

/**
 * Inserts `jobs` jobs and their events. `now` is the creation time of the last job. No other process may have the
 * database open.
 */
export async function loadBacklog(databaseUrl: string, jobs: number, now: number): Promise<void> {
  if (jobs === 0) return;
  if (databaseUrl.startsWith('sqlite:')) {
    const database = new Database(databaseUrl.slice('sqlite:'.length));
    // Durability is not needed. If the load is interrupted, it is repeated with an empty database.
    database.pragma('synchronous = off');
    for (const text of statements(words.sqlite, jobs, now)) database.exec(text);
    database.pragma('wal_checkpoint(truncate)');
    database.close();
    return;
  }
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    for (const text of statements(words.postgres, jobs, now)) await client.query(text);
    // Vacuums now. Otherwise autovacuum would run within a minute, during a measurement.
    await client.query('vacuum analyze');
  } finally {
    await client.end();
  }
}

function statements({ series, id }: Words, jobs: number, now: number): string[] {
  const routes = Array.from({ length: backlogRoutes }, (_, number) => routeOf([`none-${String(number)}`]));
  const finishedRoute = routeOf([]).id;
  const createdAt = `${String(now - jobs)} + n`;
  const listed = routes
    .map((route, number) => `(${String(number)}, '${route.id}', '${route.capabilities}')`)
    .join(', ');
  const columns =
    'id, type, category, status, ready, route_id, priority, required_capabilities, created_by, claimed_by, lease_id, ' +
    'attempt, max_attempts, started_at, finished_at, ended_by, created_at, updated_at, last_seq, payload';
  const payload = '\'{"command":"true"}\'';
  return [
    `with route(number, id, capabilities) as (values ${listed}),
        last(number) as (select coalesce(max(number), 0) from job_routes)
      insert into job_routes (id, type, repository, capabilities, number)
      select route.id, 'exec', null, route.capabilities, last.number + 1 + route.number from route, last`,
    `with route(number, id, capabilities) as (values ${listed})
      insert into jobs (${columns})
      select ${id}, 'exec', 'work', 'queued', 1, route.id, 9, '["none-' || route.number || '"]', 'backlog', null, null,
        1, 3, null, null, null, ${createdAt}, ${createdAt}, 1, ${payload}
      from ${series(jobs)} join route on route.number = (n / 2) % ${String(backlogRoutes)} where n % 2 = 0`,
    `insert into jobs (${columns})
      select ${id}, 'exec', 'work', 'succeeded', 0, '${finishedRoute}', 0, '[]', 'backlog', 'worker-x', 'lease-' || n,
        1, 3, ${createdAt}, ${createdAt}, 'complete', ${createdAt}, ${createdAt}, 3, ${payload}
      from ${series(jobs)} where n % 2 = 1`,
    `insert into job_events (job_id, seq, kind, level, message, created_at)
      select id, number, kind, 'info', message, jobs.created_at
      from jobs join (select 1 as number, 'queued' as kind, 'Queued.' as message
        union all select 2, 'claimed', 'Claimed by worker-x.' union all select 3, 'completed', 'Completed.') as event
        on number <= jobs.last_seq where jobs.created_by = 'backlog'`,
  ];
}

/**
 * Returns the route of jobs with these capabilities. Computes the id as the server does: a hash of the requirements.
 */
function routeOf(capabilities: readonly string[]): { id: string; capabilities: string } {
  const text = JSON.stringify(['exec', null, capabilities]);
  return {
    id: createHash('sha256').update(text).digest('hex').slice(0, 24),
    capabilities: JSON.stringify(capabilities),
  };
}
