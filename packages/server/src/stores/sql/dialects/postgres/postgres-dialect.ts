import { PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, sql } from 'kysely';
import type { SqlDialect } from '../../queue/queue-dialect.ts';
import { compileOnly } from '../compile-only.ts';
import { postgresInsertEvents, postgresTakeKeys, postgresWriteJobs } from './bulk-writes.ts';
import { postgresOutlookAndHeads, postgresReadyHeads } from './ready-heads.ts';
import { postgresTurn } from './turns.ts';

export const postgresDialect: SqlDialect = {
  kind: 'postgres',
  queries: compileOnly({
    createAdapter: () => new PostgresAdapter(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  }),
  columns: {
    text: sql`text collate "C"`,
    integer: sql`bigint`,
    tableEnd: sql``,
    clusteredTableEnd: sql``,
    // Jobs change several times in a short life: dead rows must go before they slow the index scans down.
    busyTableEnd: sql`with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05)`,
  },
  locked: (query, others) => (others === 'skip' ? query.forUpdate().skipLocked() : query.forUpdate()),
  // As an array: a subquery would be taken for a hundred rows, and be joined by a scan.
  among: (column, list) =>
    sql`${sql.ref(column as string)} = any(array(select json_array_elements_text(${list}::json)))`,
  readyHeads: postgresReadyHeads,
  outlookAndHeads: postgresOutlookAndHeads,
  turn: postgresTurn,
  writeJobs: postgresWriteJobs,
  insertEvents: postgresInsertEvents,
  takeKeys: postgresTakeKeys,
};
