import { SelectQueryNode, SqliteQueryCompiler } from 'kysely';

/**
 * SQLite may plan a select anew whenever a parameter that the planner looked at is bound, which costs
 * three times what running it does. It cannot look into `(select ?)`, and so keeps the plan.
 */
export class SteadyQueryCompiler extends SqliteQueryCompiler {
  protected override getCurrentParameterPlaceholder(): string {
    return this.nodeStack.some((node) => SelectQueryNode.is(node)) ? '(select ?)' : '?';
  }
}
