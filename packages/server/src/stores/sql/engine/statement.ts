import type { Compilable } from 'kysely';
import { sha256Hex } from '../../../kernel/secret.ts';
import type { SqlSyntax } from './sql-syntax.ts';
import { namedPlaceholders, Placeholder, type Placeholders } from './placeholder.ts';
import type { Queries } from './schema.ts';

type Build<Params, Row> = (queries: Queries, params: Placeholders<Params>, syntax: SqlSyntax) => Compilable<Row>;

/**
 * A query that is built and compiled once for each SQL syntax, and runs many times. `build` receives a placeholder for
 * each parameter. At each run, the values of the parameters replace the placeholders.
 */
export class Statement<Params extends object, Row> {
  readonly #build: Build<Params, Row>;
  readonly #compiled = new Map<SqlSyntax, CompiledStatement>();

  constructor(build: Build<Params, Row>) {
    this.#build = build;
  }

  compiled(syntax: SqlSyntax): CompiledStatement {
    const known = this.#compiled.get(syntax);
    if (known !== undefined) return known;
    const { sql, parameters } = this.#build(syntax.queries, namedPlaceholders<Params>(), syntax).compile();
    const made = new CompiledStatement(sql, parameters);
    this.#compiled.set(syntax, made);
    return made;
  }

  /** Returns the rows of a result of this statement, with the type `Row`. */
  rowsOf(rows: readonly unknown[]): Row[] {
    return rows as Row[];
  }
}

/** A parameter of a statement: the name of a value that the caller gives, or a constant. */
interface Parameter {
  readonly name: string | undefined;
  readonly constant: unknown;
}

/** SQL text with the positions of its parameters. */
export class CompiledStatement {
  readonly sql: string;
  /**
   * Name of the prepared statement on the database server. It is a hash of the SQL, so all processes use the same name.
   */
  readonly name: string;
  readonly #parameters: readonly Parameter[];

  constructor(sql: string, parameters: readonly unknown[]) {
    this.sql = sql;
    this.name = `ph_${sha256Hex(sql).slice(0, 24)}`;
    this.#parameters = parameters.map((parameter) =>
      parameter instanceof Placeholder
        ? { name: parameter.name, constant: undefined }
        : { name: undefined, constant: parameter },
    );
  }

  arguments(params: object): unknown[] {
    const values = params as Readonly<Record<string, unknown>>;
    return this.#parameters.map(({ name, constant }) => storable(name === undefined ? constant : values[name]));
  }
}

/**
 * Replaces NUL characters in a text by the replacement character, because Postgres cannot store NUL. All engines do
 * this, so that they store and find the same texts. JSON texts never contain NUL, because JSON escapes it.
 */
function storable(value: unknown): unknown {
  return typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value;
}

/**
 * Creates a statement. The call is `statement<Params>()(build)`, so that the caller gives the type of the parameters
 * and TypeScript infers the type of the rows.
 */
export function statement<Params extends object>(): <Row>(build: Build<Params, Row>) => Statement<Params, Row> {
  return (build) => new Statement(build);
}

/**
 * Returns a function that creates one statement for each key and caches it. Used for queries whose SQL depends on the
 * key. The number of keys must be bounded, because no statement is ever evicted.
 */
export function statementsBy<Key extends string, Params extends object, Row>(
  build: (key: Key, queries: Queries, params: Placeholders<Params>, syntax: SqlSyntax) => Compilable<Row>,
): (key: Key) => Statement<Params, Row> {
  const made = new Map<Key, Statement<Params, Row>>();
  return (key) => {
    const known = made.get(key);
    if (known !== undefined) return known;
    const fresh = new Statement<Params, Row>((queries, params, syntax) => build(key, queries, params, syntax));
    made.set(key, fresh);
    return fresh;
  };
}
