import { z } from 'zod';
import { errorCodes, errorTable, type ErrorCode } from './error-codes.ts';
import type { AppError, FieldError } from './app-error.ts';
import { visibleText } from './values/visible-text.ts';

/**
 * Schema of the body of every error answer on /api. It follows RFC 9457 and adds the members `code` and, for wrong
 * fields, `errors[]`.
 */
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
 * Returns an error as a problem document. It contains the message but not the cause, which is only logged. Hidden
 * characters are escaped, because a message may contain input of the caller and may be shown in a terminal.
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
