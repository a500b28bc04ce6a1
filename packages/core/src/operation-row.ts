import { z } from 'zod';
import type { AuditRule, Operation, Repeatable } from './operation.ts';

const nothing = z.strictObject({});

export interface OperationDefaults {
  door: 'api';
  request: 'none';
  response: 'json';
  status: 200;
  lease: false;
  repeatable: Repeatable;
  audit: 'none' | AuditRule;
  params: typeof nothing;
  query: typeof nothing;
  body: typeof nothing;
  errors: readonly [];
}

const defaults = {
  door: 'api',
  request: 'none',
  response: 'json',
  status: 200,
  lease: false,
  params: nothing,
  query: nothing,
  body: nothing,
  errors: [],
} as const;

/**
 * Returns one row of the operations table with its defaults. The result keeps the literal types of the fields, so that
 * the compiler checks handlers and client methods against the row. `repeatable` defaults to `by-nature` for GET and to
 * `no` for every other method. `audit` defaults to `none` for GET and to an entry without fields for every other method.
 */
export function operation<
  const Row extends Partial<Operation> & Pick<Operation, 'method' | 'path' | 'action' | 'summary' | 'output'>,
>(row: Row): Omit<OperationDefaults, keyof Row> & Row {
  const repeatable: Repeatable = row.method === 'GET' ? 'by-nature' : 'no';
  const audit = row.method === 'GET' ? 'none' : {};
  return { ...defaults, repeatable, audit, ...row };
}

/** Returns the schema of one page of a list on /api. `nextCursor` is null on the last page. */
export const page = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });

/** Path parameters of operations on one job. */
export const jobParams = z.strictObject({ jobId: z.string() });

/** Errors of operations that check the lease of a job. */
export const leaseErrors = ['job_not_found', 'lease_lost', 'job_state_conflict'] as const;

/** Errors of operations that store the bytes of an upload. */
export const byteErrors = [
  'precondition_failed',
  'invalid_artifact_name',
  'invalid_digest',
  'digest_mismatch',
  'secret_found',
  'artifact_too_large',
  'storage_full',
] as const;
