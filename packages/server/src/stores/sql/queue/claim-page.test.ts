// Compares the SQL in docs/how-a-claim-runs.md with the statements that a claim sends to SQLite and Postgres.
import Database from 'better-sqlite3';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterEach, expect, inject, it, vi } from 'vitest';
import { insert } from '../../../kernel/commit.ts';
import { claimIds, commitOf, newCredential, newJob, start } from '../../contract/records.ts';
import { openPostgresEngine } from '../dialects/postgres/postgres-engine.ts';
import { migratedDatabase } from '../dialects/postgres/testing/test-database.ts';
import { openSqliteEngine } from '../dialects/sqlite/sqlite-engine.ts';
import { SqlMetadataStore } from '../sql-metadata-store.ts';
import { formatSql } from '../testing/format-sql.ts';
import { watchSteps } from '../testing/watch-steps.ts';
import type { QueueEngine } from './queue-dialect.ts';

const page = path.resolve(import.meta.dirname, '../../../../../../docs/how-a-claim-runs.md');
const stale = `docs/how-a-claim-runs.md shows other SQL than claims send. To write the SQL into the page, run:
npx vitest run --project packages packages/server/src/stores/sql/queue/claim-page.test.ts -u`;

/** The statements that were sent so far in the current case, in order. */
let sent: string[] = [];

afterEach(() => {
  vi.restoreAllMocks();
});

/**
 * Records the statements in the driver. The list then also contains statements that the engine adds to those of a verb.
 */
function recordSqlite(): void {
  const memory = new Database(':memory:');
  const prototype: Database.Statement = Object.getPrototypeOf(memory.prepare('select 1'));
  memory.close();
  for (const name of ['run', 'get', 'all'] as const) {
    const original = prototype[name];
    vi.spyOn(prototype, name).mockImplementation(function (this: Database.Statement, ...values: unknown[]) {
      sent.push(this.source);
      return original.apply(this, values);
    });
  }
}

/** Records the statements in the Postgres driver; see `recordSqlite`. */
function recordPostgres(): void {
  const prototype = pg.Client.prototype as { query(query: string | { text: string }, ...rest: unknown[]): unknown };
  const original = prototype.query;
  vi.spyOn(prototype, 'query').mockImplementation(function (this: pg.Client, query, ...rest) {
    sent.push(typeof query === 'string' ? query : query.text);
    return original.call(this, query, ...rest);
  });
}

type Recorded = ReadonlyMap<string, readonly string[]>;

/** Runs the cases that docs/how-a-claim-runs.md describes. Returns the statements of each case. */
async function runCases(engine: QueueEngine): Promise<Recorded> {
  const store = new SqlMetadataStore(engine);
  // This store plays the role of a second server. The caches of the first store do not contain what it writes.
  const other = new SqlMetadataStore(engine);
  const cases = new Map<string, readonly string[]>();
  const record = async <Result>(name: string, run: () => Promise<Result>): Promise<Result> => {
    sent = [];
    const result = await run();
    cases.set(name, sent);
    sent = [];
    return result;
  };
  const enqueue = async (over: Parameters<typeof newJob>[0] = {}): Promise<string> => {
    const job = newJob(over);
    await other.jobs.enqueue(job, undefined);
    return job.id;
  };
  const now = start + 1000;
  const claim = (over: Parameters<typeof claimIds>[2] = {}) => claimIds(store, 'w', { leaseMs: 1e9, now, ...over });
  const readRoutes = () => claim({ types: [] });

  const credential = newCredential();
  await store.commit(commitOf([insert('credential', credential)]));
  await record('credential', () => store.workers.findCredentialBySecret(credential.secretSha256));

  const only = await enqueue();
  await readRoutes();
  expect(await record('a job is ready', () => claim())).toEqual([only]);
  expect(await record('nothing is ready', () => claim())).toEqual([]);

  await enqueue();
  await claim({ leaseMs: 60_000 });
  const delayed = await enqueue({ nextAttemptAt: now + 20_000 });
  await enqueue({ requiredCapabilities: ['gpu'] });
  expect(await record('something is due', () => claim({ now: now + 70_000 }))).toEqual([delayed]);

  const pair = [await enqueue(), await enqueue()];
  const claimed = await record('two claims at once', () => Promise.all([claim(), claim()]));
  expect(claimed.flat()).toEqual(pair);

  const needing = (name: string) => enqueue({ requiredCapabilities: [name] });
  const [first, second] = [await needing('a'), await needing('b')];
  await readRoutes();
  expect(await record('few routes', () => claim({ capabilities: ['a', 'b'] }))).toEqual([first]);
  for (const name of ['c', 'd', 'e']) await needing(name);
  await readRoutes();
  expect(await record('many routes', () => claim({ capabilities: ['a', 'b', 'c', 'd', 'e'] }))).toEqual([second]);

  await store.close();
  return cases;
}

/**
 * For these cases the page shows only additional statements. It omits those of the usual case, which is a claim of one
 * claimable job.
 */
const variants = ['two claims at once', 'few routes', 'many routes'];

function withoutUsual(cases: Recorded): Recorded {
  const usual = new Set(cases.get('a job is ready'));
  const shown = [...cases].map(([name, statements]) => {
    return [
      name,
      variants.includes(name) ? [...new Set(statements.filter((text) => !usual.has(text)))] : statements,
    ] as const;
  });
  return new Map(shown.filter(([, statements]) => statements.length > 0));
}

async function casesOnSqlite(): Promise<ReadonlyMap<string, string>> {
  recordSqlite();
  const folder = await mkdtemp(path.join(os.tmpdir(), 'proofhouse-claim-page-'));
  const cases = await runCases(await openSqliteEngine(path.join(folder, 'x.db')));
  await rm(folder, { recursive: true });
  return new Map([...withoutUsual(cases)].map(([name, statements]) => [name, shownTogether(statements)]));
}

async function casesOnPostgres(server: string): Promise<ReadonlyMap<string, string>> {
  recordPostgres();
  const { url, drop } = await migratedDatabase(server);
  const engine = await openPostgresEngine(url);
  const awaited = new Set<string>();
  const watched = watchSteps(engine, () => ({ unanswered, statement }) => {
    if (!unanswered) awaited.add(statement.compiled(engine.dialect).sql);
  });
  const cases = withoutUsual(await runCases(watched));
  await drop();
  const shown = (name: string, statements: readonly string[]) =>
    variants.includes(name) ? shownTogether(statements) : inRoundTrips(statements, awaited);
  return new Map([...cases].map(([name, statements]) => [name, shown(name, statements)]));
}

function shownTogether(statements: readonly string[]): string {
  return statements
    .map((text) => {
      const formatted = formatSql(text);
      expect(formatted.replaceAll(/\s/g, '')).toBe(text.replaceAll(/\s/g, ''));
      return `${formatted};`;
    })
    .join('\n\n');
}

/** Groups the statements by round trip. A group ends with a statement whose result the verb awaits. */
function inRoundTrips(statements: readonly string[], awaited: ReadonlySet<string>): string {
  const trips: string[][] = [[]];
  for (const [index, text] of statements.entries()) {
    trips.at(-1)?.push(text);
    if (awaited.has(text) && index + 1 < statements.length) trips.push([]);
  }
  return trips.map((texts, index) => `-- Round trip ${index + 1}\n\n${shownTogether(texts)}`).join('\n\n');
}

/** Matches a block of SQL in the page. A comment above the block names the engine and the case. */
const block = /(?<=<!-- sql on (\w+): ([\w ]+) -->\n\n```sql\n)[^]*?(?=\n```\n)/g;

it('docs/how-a-claim-runs.md shows the statements that claims send', { timeout: 120_000 }, async () => {
  const server = inject('postgresUrl');
  const recorded = new Map([['SQLite', await casesOnSqlite()]]);
  if (server !== undefined) recorded.set('Postgres', await casesOnPostgres(server));
  const text = await readFile(page, 'utf8');
  for (const [engine, cases] of recorded) {
    const names = [...text.matchAll(block)].filter((match) => match[1] === engine).map((match) => match[2]);
    expect(names.toSorted(), `the blocks of ${engine}`).toEqual([...cases.keys()].toSorted());
  }
  const shown = text.replaceAll(block, (old, engine: string, name: string) => recorded.get(engine)?.get(name) ?? old);
  await expect(shown, stale).toMatchFileSnapshot(page);
});
