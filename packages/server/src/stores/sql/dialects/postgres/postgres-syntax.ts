import { PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, sql } from 'kysely';
import type { SqlSyntax } from '../../engine/sql-syntax.ts';
import { compileOnly } from '../compile-only.ts';

export const postgresSyntax: SqlSyntax = {
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
    // A job is updated several times in its short life, and each update leaves a dead row. The table is vacuumed early,
    // before dead rows slow down index scans.
    busyTableEnd: sql`with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05)`,
  },
  // Chooses the row (slot) of the usage counter that this transaction updates, so that concurrent transactions rarely
  // update the same row. The process ids of connections are close to each other. So with up to 64 connections, most
  // have different slots.
  usageSlot: sql`pg_backend_pid() % 64`,
  locked: (query, others) => (others === 'skip' ? query.forUpdate().skipLocked() : query.forUpdate()),
  shared: (query) => query.forKeyShare(),
  // The list is passed as an array. For a subquery, the planner would estimate a hundred rows, and would then scan the
  // whole table to join them.
  among: (column, list) =>
    sql`${sql.ref(column as string)} = any(array(select json_array_elements_text(${list}::json)))`,
};
