import { SqliteAdapter, SqliteIntrospector, sql } from 'kysely';
import { compileOnly } from '../compile-only.ts';
import type { SqlDialect } from '../../queue/queue-dialect.ts';
import { takeOneByOne } from '../../records/idempotency.ts';
import { insertOneByOne, writeOneByOne } from '../../queue/job-writes.ts';
import { outlookThenHeads } from '../../queue/due-times.ts';
import { sqliteReadyHeads } from './ready-heads.ts';
import type { Verb } from '../../engine/verb.ts';
import { SteadyQueryCompiler } from './steady-query-compiler.ts';

// eslint-disable-next-line require-yield -- a verb that has nothing to ask.
function* alwaysMyTurn(): Verb<boolean> {
  return true;
}

/** One writer, so rows need no locks. */
export const sqliteDialect: SqlDialect = {
  kind: 'sqlite',
  queries: compileOnly({
    createAdapter: () => new SqliteAdapter(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SteadyQueryCompiler(),
  }),
  columns: {
    text: 'text',
    integer: 'integer',
    tableEnd: sql`strict`,
    clusteredTableEnd: sql`strict, without rowid`,
    busyTableEnd: sql`strict`,
  },
  locked: (query) => query,
  among: (column, list) => sql`${sql.ref(column as string)} in (select value from json_each(${list}))`,
  readyHeads: sqliteReadyHeads,
  outlookAndHeads: (routes, count, known) => outlookThenHeads(known, () => sqliteReadyHeads(routes, count)),
  turn: alwaysMyTurn,
  writeJobs: writeOneByOne,
  insertEvents: insertOneByOne,
  takeKeys: takeOneByOne,
};
