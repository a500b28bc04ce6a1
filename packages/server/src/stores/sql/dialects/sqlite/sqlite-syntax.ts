import { SelectQueryNode, sql, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import type { SqlSyntax } from '../../engine/sql-syntax.ts';
import { compileOnly } from '../compile-only.ts';

/**
 * Writes the parameters of selects as `(select ?)`. The planner may use the value of a plain parameter. SQLite then
 * plans the select again for each new value, and planning costs three times as much as the execution. The planner
 * cannot use the value of a subquery, so SQLite keeps the plan.
 */
class StablePlanCompiler extends SqliteQueryCompiler {
  protected override getCurrentParameterPlaceholder(): string {
    return this.nodeStack.some((node) => SelectQueryNode.is(node)) ? '(select ?)' : '?';
  }
}

export const sqliteSyntax: SqlSyntax = {
  kind: 'sqlite',
  queries: compileOnly({
    createAdapter: () => new SqliteAdapter(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new StablePlanCompiler(),
  }),
  columns: {
    text: 'text',
    integer: 'integer',
    tableEnd: sql`strict`,
    clusteredTableEnd: sql`strict, without rowid`,
    busyTableEnd: sql`strict`,
  },
  usageSlot: sql`0`,
  // SQLite has only one writer, so rows need no locks.
  locked: (query) => query,
  shared: (query) => query,
  among: (column, list) => sql`${sql.ref(column as string)} in (select value from json_each(${list}))`,
};
