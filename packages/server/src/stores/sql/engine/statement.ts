import type { Compilable } from 'kysely';
import { sha256Hex } from '../../../kernel/secret.ts';
import type { SqlSyntax } from './sql-syntax.ts';
import type { Queries } from './schema.ts';

/** Stands for a value that is known only when the statement runs. */
class Placeholder {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

const placeholders = new Proxy({}, { get: (_target, name) => new Placeholder(String(name)) });

type Build<Params, Row> = (queries: Queries, params: Params, syntax: SqlSyntax) => Compilable<Row>;

/**
 * A query that is built and compiled once for each syntax and run many times. While it is built its
 * parameters are placeholders that claim to have the types of the values; they may only be handed on.
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
    const { sql, parameters } = this.#build(syntax.queries, placeholders as Params, syntax).compile();
    const made = new CompiledStatement(sql, parameters);
    this.#compiled.set(syntax, made);
    return made;
  }

  /** The rows of this statement's answer, by their type. */
  rowsOf(rows: readonly unknown[]): Row[] {
    return rows as Row[];
  }
}

/** SQL text with the places of its parameters. */
export class CompiledStatement {
  readonly sql: string;
  /** The same in every process: names the prepared statement on the server. */
  readonly name: string;
  readonly #parameters: readonly unknown[];

  constructor(sql: string, parameters: readonly unknown[]) {
    this.sql = sql;
    this.name = `ph_${sha256Hex(sql).slice(0, 24)}`;
    this.#parameters = parameters;
  }

  arguments(params: object): unknown[] {
    const values = params as Readonly<Record<string, unknown>>;
    return this.#parameters.map((parameter) =>
      storable(parameter instanceof Placeholder ? values[parameter.name] : parameter),
    );
  }
}

/**
 * Postgres cannot keep NUL in a text. JSON never contains one (it is escaped there); in any other text
 * it becomes the replacement character, on every engine, so that they keep and find the same.
 */
function storable(value: unknown): unknown {
  return typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value;
}

/** `statement<Params>()(build)`: the parameters are named, the rows are inferred. */
export function statement<Params extends object>(): <Row>(build: Build<Params, Row>) => Statement<Params, Row> {
  return (build) => new Statement(build);
}

/** Statements that differ in their shape: one is made for each key. Keys must come from a closed set. */
export function statementsBy<Key extends string, Params extends object, Row>(
  build: (key: Key, queries: Queries, params: Params, syntax: SqlSyntax) => Compilable<Row>,
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

/** The placeholders of these columns, to be inserted or set. */
export function placeholdersOf<Row extends object, Column extends keyof Row>(
  params: Row,
  columns: readonly Column[],
): Pick<Row, Column> {
  return Object.fromEntries(columns.map((column) => [column, params[column]])) as Pick<Row, Column>;
}
