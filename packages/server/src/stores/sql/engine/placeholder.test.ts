// Most tests in this file are checks by the compiler. A line below `@ts-expect-error` must not compile. If the type
// allowed that line, the compiler would report the unused directive.
import { describe, expect, it } from 'vitest';
import { postgresSyntax } from '../dialects/postgres/postgres-syntax.ts';
import { sqliteSyntax } from '../dialects/sqlite/sqlite-syntax.ts';
import { placeholdersOf, type Placeholder } from './placeholder.ts';
import type { Queries } from './schema.ts';
import { statement } from './statement.ts';
import { rows } from './verb.ts';

interface Params {
  readonly name: string;
  readonly value: string;
}

const byName = (db: Queries, name: Placeholder<string>) =>
  db.selectFrom('settings').selectAll().where('name', '=', name);

const find = statement<Params>()((db, p) => byName(db, p.name).where('value', '=', p.value));

describe('a placeholder', () => {
  it('is replaced by the value with its name each time that the statement runs', () => {
    for (const syntax of [sqliteSyntax, postgresSyntax]) {
      const compiled = find.compiled(syntax);
      expect(compiled.arguments({ value: 'v', name: 'n' })).toEqual(['n', 'v']);
      expect(compiled.arguments({ value: 'w', name: 'o\0' })).toEqual(['o\uFFFD', 'w']);
    }
  });

  it('cannot be replaced by a plain value when the statement is built', () => {
    statement<Params>()((db, p) => {
      // @ts-expect-error A value would become a constant of the compiled statement.
      byName(db, 'n');
      // @ts-expect-error The columns of a row of values are no placeholders.
      placeholdersOf({ name: 'n', value: 'v' }, ['name']);
      return byName(db, p.name);
    });
  });

  it('cannot be passed as the value of a parameter', () => {
    statement<Params>()((db, p) => {
      // @ts-expect-error The parameters of a run are values.
      rows(find, { name: p.name, value: 'v' });
      // @ts-expect-error The text of a placeholder does not exist while the statement is built.
      const name: string = p.name;
      expect(name).toBeTypeOf('object');
      return byName(db, p.name);
    }).compiled(sqliteSyntax);
  });

  it('has the type of its value', () => {
    statement<{ readonly limit: number }>()((db, p) => {
      // @ts-expect-error The column is a text and the parameter a number.
      db.selectFrom('settings').where('name', '=', p.limit);
      // @ts-expect-error A placeholder of a number where one of a text is meant.
      byName(db, p.limit);
      // @ts-expect-error The statement has no such parameter.
      byName(db, p.absent);
      return db.selectFrom('settings').selectAll().limit(p.limit);
    });
  });
});
