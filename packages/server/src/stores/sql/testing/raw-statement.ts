import { statement, type Statement } from '../engine/statement.ts';

/** Returns a literal SQL statement without parameters. */
export function rawStatement<Row>(sql: string): Statement<object, Row> {
  return statement<object>()<Row>((db) => ({
    compile: () => ({ ...db.selectFrom('settings').compile(), sql }),
  }));
}
