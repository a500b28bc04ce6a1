import { z } from 'zod';
import { errorCodes, errorTable, type ErrorCode } from './error-codes.ts';
import type { AppError, FieldError } from './app-error.ts';
import { visibleText } from './values/visible-text.ts';

/** The body of every failed answer on /api: RFC 9457, with our `code` and, for fields, `errors[]`. */
export const problemSchema = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(errorCodes as [ErrorCode, ...ErrorCode[]]),
    requestId: z.string().optional(),
    errors: z.array(z.object({ path: z.string(), message: z.string(), line: z.int().optional() })).optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof problemSchema>;

/**
 * Renders an error as a problem document. The message is for the caller; the cause is only logged. Messages may contain
 * input of the caller and are shown in terminals, so hidden characters are escaped.
 */
export function problemOf(error: AppError, requestId?: string): Problem {
  const row = errorTable[error.code];
  return {
    ...error.details,
    type: `urn:proofhouse:error:${error.code}`,
    title: row.sentence,
    status: row.http,
    detail: visibleText(error.message),
    code: error.code,
    ...(requestId === undefined ? {} : { requestId }),
    ...(error.errors.length === 0 ? {} : { errors: error.errors.map(shownField) }),
  };
}

function shownField(field: FieldError): FieldError {
  return { ...field, path: visibleText(field.path), message: visibleText(field.message) };
}
