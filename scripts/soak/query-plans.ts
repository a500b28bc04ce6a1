// Reads the query plans of statements from a database engine. Returns objections to plans that are slow on a table with
// a million rows.
import Database from 'better-sqlite3';
import pg from 'pg';
import type { Recorded } from './record-statements.ts';

/** A number of parameters that no statement of the server reaches. The limit of SQLite is much higher. */
const mostParameters = 64;
/** Largest number of rows that a plan may sort. Sorting one page is fast, sorting a backlog is not. */
const mostSorted = 2000;

export function objectionsOnSqlite(databaseUrl: string, seen: readonly Recorded[]): string[] {
  const database = new Database(databaseUrl.slice('sqlite:'.length), { readonly: true });
  try {
    return seen.flatMap(({ text }) =>
      planOnSqlite(database, text)
        .filter((line) => sqliteObjects(line, text))
        .map((line) => `${line}: ${shortened(text)}`),
    );
  } finally {
    database.close();
  }
}

// Returns the query plan of a statement. The statement needs the right number of values, so all numbers from 0 on are
// tried. The values themselves do not change the plan.
function planOnSqlite(database: Database.Database, text: string): string[] {
  const plan = database.prepare<unknown[], { detail: string }>(`explain query plan ${text}`);
  for (let count = 0; count <= mostParameters; count++) {
    try {
      return plan.all(...Array.from({ length: count }, () => null)).map(({ detail }) => detail);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  throw new Error(`How many values does this take? ${text}`);
}

/**
 * Returns true if a line of a plan is slow. Slow lines are a full scan of a table that grows with the queue, and a sort
 * of more than one page. A scan of an index in the order of a list is allowed, because it ends at the limit of the
 * list.
 */
function sqliteObjects(line: string, text: string): boolean {
  if (/^SCAN (jobs|job_events|artifacts)\b/.test(line)) return !/ USING (COVERING )?INDEX \w+_newest$/.test(line);
  return line.includes('TEMP B-TREE FOR ORDER BY') && !text.includes('"page"');
}

export async function objectionsOnPostgres(databaseUrl: string, seen: readonly Recorded[]): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('analyze');
    const objections: string[] = [];
    for (const { text, values } of seen) {
      const literal = text.replaceAll(/\$(\d+)/g, (_, number: string) => literalOf(values[Number(number) - 1]));
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain ${literal}`);
      const wrong = rows.map((row) => row['QUERY PLAN'].trim()).filter(postgresObjects);
      objections.push(...wrong.map((line) => `${line}: ${shortened(text)}`));
    }
    return objections;
  } finally {
    await client.end();
  }
}

function postgresObjects(line: string): boolean {
  if (/Seq Scan on (jobs|job_events|artifacts)\b/.test(line)) return true;
  const sorted = /(?:^|->)\s*Sort .*rows=(\d+)/.exec(line);
  return sorted !== null && Number(sorted[1]) > mostSorted;
}

function literalOf(value: unknown): string {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? pg.escapeLiteral(value) : 'null';
}

function shortened(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').replaceAll('`', "'").trim();
  return line.length > 160 ? `${line.slice(0, 160)}…` : line;
}
