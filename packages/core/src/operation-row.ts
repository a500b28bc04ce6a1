import { z } from 'zod';
import type { Operation } from './operation.ts';

const nothing = z.strictObject({});

export interface OperationDefaults {
  door: 'api';
  request: 'none';
  response: 'json';
  status: 200;
  lease: false;
  idempotent: false;
  params: typeof nothing;
  query: typeof nothing;
  body: typeof nothing;
  errors: readonly [];
}

const defaults: OperationDefaults = {
  door: 'api',
  request: 'none',
  response: 'json',
  status: 200,
  lease: false,
  idempotent: false,
  params: nothing,
  query: nothing,
  body: nothing,
  errors: [],
};

/** One row of a table of operations: keeps the row's own types, so that routes and client methods are checked against them. */
export function operation<
  const Row extends Partial<Operation> & Pick<Operation, 'method' | 'path' | 'action' | 'summary' | 'output'>,
>(row: Row): Omit<OperationDefaults, keyof Row> & Row {
  return { ...defaults, ...row };
}

/** The answer of a list on /api. */
export const page = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });
