import { SelectQueryNode, sql, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import type { SqlSyntax } from '../../engine/sql-syntax.ts';
import { compileOnly } from '../compile-only.ts';

/**
 * Writes parameters of selects as `(select ?)`. SQLite may re-plan a select whenever a parameter that the planner used
 * is bound again, which costs three times its execution; the planner cannot use the value of a subquery, so the plan is
 * stable.
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
  // There is one writer, so rows need no locks.
  locked: (query) => query,
  among: (column, list) => sql`${sql.ref(column as string)} in (select value from json_each(${list}))`,
};
