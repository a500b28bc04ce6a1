// Reads the plans of statements, and decides which lines they must not contain.
import pg from 'pg';
import { plannerSettings } from '../dialects/postgres/postgres-engine.ts';
import type { CompiledStatement } from '../engine/statement.ts';
import type { EngineMethod } from './watch-steps.ts';

/** The value of a parameter. */
export type Value = string | number | null;

/**
 * A statement that the store ran. It has the parameters of one of its executions, and the names of the engine methods
 * that ran it.
 */
export interface Seen {
  readonly compiled: CompiledStatement;
  readonly values: readonly Value[];
  readonly methods: Set<EngineMethod>;
}

// Scans that a plan may contain:
// - a walk along an index in the order of a list, which ends at the limit of the list;
// - a walk along an index that contains only leased or only delayed jobs;
// - the merged page of a list by several statuses;
// - a scan of a small intermediate table that the statement itself names;
// - a scan of `storage_usage`, which has at most some hundred rows and is read only by a timer.
const walk = String.raw`\w+ USING (COVERING )?INDEX \w+_(newest|leased|delayed|front|in_order)$`;
const scan = new RegExp(
  String.raw`^SCAN (?!CONSTANT|storage_usage|ready_routes|json_each|page|kept|heads|branch|holding|\(subquery|\d|${walk})`,
);

export function sqliteObjection(detail: string, text: string): boolean {
  return scan.test(detail) || (detail.includes('TEMP B-TREE FOR ORDER BY') && !text.includes('"page"'));
}

/**
 * Returns true if a plan must not contain this line. Forbidden are table scans and sorts of more than 2000 rows.
 * Sorting the few rows of one worker or one page is cheaper than an index walk, but a backlog has many rows. (Postgres
 * estimates a hundred rows for a JSON list.)
 */
function literalObjection(line: string): boolean {
  if (seqScan.test(line)) return true;
  const sorted = /(?:^|->)\s*Sort .*rows=(\d+)/.exec(line);
  return sorted !== null && Number(sorted[1]) > 2000;
}

const seqScan = /Seq Scan on (?!settings|job_routes|storage_usage)/;

/**
 * Matches statements that read few rows: a row by its key, the credentials of one worker, the groups of one member, or
 * a page with a limit.
 */
const fewRows = [
  /^(update|select).* where "id" = \$\d+ and "version" = /,
  /^with recursive "holding"/,
  /\) as "page" where/,
  // The artifacts of one job have few different creators. So most rows that a filter by creator reads also match it.
  /^select \* from "artifacts" where "job_id" = \$1 (and "name" = \$2 )?and "created_by" = /,
];

/**
 * Returns true if the generic plan of a statement (its plan for any parameter values) must not contain this line.
 * Forbidden are table scans and filters by a parameter. A filter reads rows and then discards some of them, whereas a
 * fitting index would not read them. The estimated number of rows is not checked, because without the values it is only
 * a guess.
 */
function genericObjection(line: string, text: string): boolean {
  return seqScan.test(line) || (/^\s*(Join )?Filter: .*\$\d/.test(line) && !fewRows.some((words) => words.test(text)));
}

interface Planned {
  readonly text: string;
  readonly lines: readonly string[];
  readonly objection: (line: string, text: string) => boolean;
}

/** Returns the plans that the statements get with their recorded values and the default planner settings. */
export function literalPlans(url: string, seen: ReadonlyMap<string, Seen>): Promise<Planned[]> {
  return plansOn(url, seen, literalObjection, ({ compiled, values }) => [
    `explain ${compiled.sql.replaceAll(/\$(\d+)/g, (_, n: string) => literalOf(values[Number(n) - 1]))}`,
  ]);
}

/**
 * Postgres plans the first five executions of a prepared statement with their values. Later it may use a generic plan.
 */
const customPlans = 5;

/**
 * Returns the plans of prepared statements, with the planner settings of the connections that run them. For a statement
 * of transactions and look-ups, this is the generic plan. For a statement of lists and scans, these are the plans of
 * its first five executions. After these, Postgres chooses between a generic and a custom plan.
 */
export async function preparedPlans(url: string, seen: ReadonlyMap<string, Seen>): Promise<Planned[]> {
  const plansWith = (settings: string, executions: number, methods: readonly EngineMethod[]): Promise<Planned[]> => {
    const tuned = new URL(url);
    tuned.searchParams.set('options', settings);
    const used = [...seen].filter(([, statement]) => methods.some((method) => statement.methods.has(method)));
    return plansOn(tuned.href, new Map(used), genericObjection, ({ compiled, values }) => [
      `prepare asked as ${compiled.sql}`,
      ...Array.from(
        { length: executions },
        () => `explain execute asked${values.length === 0 ? '' : `(${values.map(literalOf).join()})`}`,
      ),
      'deallocate asked',
    ]);
  };
  return [
    ...(await plansWith(`${plannerSettings} -c plan_cache_mode=force_generic_plan`, 1, ['write', 'look'])),
    ...(await plansWith('', customPlans + 1, ['read', 'scan'])),
  ];
}

async function plansOn(
  url: string,
  seen: ReadonlyMap<string, Seen>,
  objection: Planned['objection'],
  asking: (statement: Seen) => readonly string[],
): Promise<Planned[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const plans: Planned[] = [];
    for (const [text, statement] of seen) {
      const lines: string[] = [];
      for (const question of asking(statement)) {
        const { rows } = await client.query<{ 'QUERY PLAN': string }>(question);
        lines.push(...rows.map((row) => row['QUERY PLAN']));
      }
      plans.push({ text, lines, objection });
    }
    return plans;
  } finally {
    await client.end();
  }
}

function literalOf(value: Value | undefined): string {
  if (value === null || value === undefined) return 'null';
  return typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;
}
