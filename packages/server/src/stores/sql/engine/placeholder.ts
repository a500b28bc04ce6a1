import { ValueNode, type Expression, type OperationNode } from 'kysely';

/**
 * Stands in a statement for a value that is known only when the statement runs. The class has a private field, so
 * TypeScript compares it by name. It accepts no other expression in the place of a placeholder, and no placeholder in
 * the place of a value.
 */
export class Placeholder<out Value> implements Expression<Value> {
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  /** Exists only for the type of the value, which the query builder needs. Always undefined. */
  get expressionType(): Value | undefined {
    return undefined;
  }

  toOperationNode(): OperationNode {
    return ValueNode.create(this);
  }

  get name(): string {
    return this.#name;
  }
}

/** One placeholder for each property of `Params`, the parameters of a statement. */
export type Placeholders<Params> = { readonly [Name in keyof Params]: Placeholder<Params[Name]> };

/** Returns an object whose every property is a placeholder with the name of the property. */
export function namedPlaceholders<Params extends object>(): Placeholders<Params> {
  const everyName = new Proxy({}, { get: (_target, name) => new Placeholder(String(name)) });
  return everyName as Placeholders<Params>;
}

/** Returns one placeholder for each of these columns, to be passed to `values` or `set` of the query builder. */
export function placeholdersOf<Row extends object, Column extends keyof Row>(
  params: Placeholders<Row>,
  columns: readonly Column[],
): Placeholders<Pick<Row, Column>> {
  return Object.fromEntries(columns.map((column) => [column, params[column]])) as unknown as Placeholders<
    Pick<Row, Column>
  >;
}
