import { AppError, fieldError } from '../app-error.ts';

/**
 * Returns the version of a record that a request expects, or undefined if it expects none. `ifMatch` is the header
 * `If-Match`: the version as entity tag, such as `"3"`, or `*` for any version. `inBody` is the body field
 * `expectedVersion`. Errors: `bad_request` (another header), `invalid_request` (header and body differ).
 */
export function expectedVersionOf(ifMatch: unknown, inBody: number | undefined): number | undefined {
  if (ifMatch === undefined || (typeof ifMatch === 'string' && ifMatch.trim() === '*')) return inBody;
  const digits = typeof ifMatch === 'string' ? /^\s*"?([1-9]\d{0,14})"?\s*$/.exec(ifMatch)?.[1] : undefined;
  if (digits === undefined) {
    throw new AppError('bad_request', 'If-Match must be "*" or the version of the record in quotes, such as "3".');
  }
  const inHeader = Number(digits);
  if (inBody !== undefined && inBody !== inHeader)
    throw fieldError('expectedVersion', 'differs from the header If-Match');
  return inHeader;
}
