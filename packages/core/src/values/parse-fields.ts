import type { z } from 'zod';
import { AppError, type FieldError } from '../app-error.ts';
import { fieldWords } from './field-words.ts';
import { opaqueSchema } from './wire-values.ts';

/**
 * Returns the value that the schema parses. Throws `invalid_request`. `prefix` is put before the path of each field
 * error.
 */
export function parseFields<Schema extends z.ZodType>(schema: Schema, value: unknown, prefix = ''): z.output<Schema> {
  const result = schema.safeParse(value, { error: fieldWords(value) });
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap((issue) => fieldErrors(issue, prefix));
  const shown = errors.slice(0, 3).map((error) => `${error.path}: ${error.message}`);
  throw new AppError('invalid_request', `The request is not valid: ${shown.join('; ')}.`, { errors });
}

/**
 * Returns a lease id or an idempotency key. Throws `invalid_request` if a header cannot contain it. `name` is the name
 * of the field or header in the error.
 */
export function opaqueValue(name: string, value: unknown): string | undefined {
  if (value === undefined || opaqueSchema.safeParse(value).success) return value as string | undefined;
  throw new AppError('invalid_request', `${name} must be 1 to 255 printable characters without spaces.`, {
    errors: [{ path: name, message: 'is not usable' }],
  });
}

function fieldErrors(issue: z.core.$ZodIssue, prefix: string): FieldError[] {
  const path = `${prefix}${issue.path.map(String).join('.')}`;
  if (issue.code === 'unrecognized_keys') {
    const at = path === prefix ? prefix : `${path}.`;
    return issue.keys.map((key) => ({ path: `${at}${key.slice(0, 80)}`, message: 'is not a known field' }));
  }
  return [{ path: path === '' ? 'body' : path, message: issue.message }];
}
