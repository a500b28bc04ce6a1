import { statement, type Statement } from '../engine/statement.ts';

/** Returns a statement for the given SQL text. It has no parameters. */
export function rawStatement<Row>(sql: string): Statement<object, Row> {
  return statement<object>()<Row>((db) => ({
    compile: () => ({ ...db.selectFrom('settings').compile(), sql }),
  }));
}
