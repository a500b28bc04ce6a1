import {
  AppError,
  commonErrors,
  errorCodes,
  errorTable,
  isErrorCode,
  type ErrorCode,
  type FieldError,
} from '@proofhouse/core';
import { boundedText } from './bounded-text.ts';
import { parseRetryAfter } from './retry-policy.ts';

/** Largest number of bytes that are read from the body of an error. */
const maxProblemBytes = 256 * 1024;

/**
 * Error codes by HTTP status. Used if the body is no known problem document, because it comes from a proxy or has the
 * code of a newer server.
 */
const codeOfStatus: Readonly<Record<number, ErrorCode>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  408: 'unavailable',
  409: 'version_conflict',
  410: 'artifact_expired',
  413: 'body_too_large',
  415: 'unsupported_media_type',
  416: 'range_not_satisfiable',
  422: 'invalid_request',
  429: 'too_busy',
  501: 'unsupported',
  502: 'unavailable',
  503: 'unavailable',
  504: 'unavailable',
  507: 'storage_full',
};

/**
 * The URL of a failed call, the time of the failure in epoch milliseconds, and the error codes that the operation
 * declares.
 */
export interface FailedCall {
  readonly place: string;
  readonly now: number;
  readonly errors: readonly ErrorCode[];
}

/** Returns the error that describes an unsuccessful response. Never throws. */
export async function failedAnswer(response: Response, { place, now, errors }: FailedCall): Promise<AppError> {
  const problem = parseProblem(await explanationOf(response));
  const retryAfterMs = parseRetryAfter(response.headers.get('retry-after'), now);
  const code = codeOfProblem(problem, errors) ?? codeFor(response.status);
  const message = typeof problem?.['detail'] === 'string' ? problem['detail'] : strangeAnswer(response, code, place);
  return new AppError(code, message, {
    errors: fieldErrors(problem?.['errors']),
    details: { ...detailsOf(problem, code), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
  });
}

/**
 * Returns the error for a redirect. The client follows no redirect, because a POST would become a GET without
 * credentials.
 */
export function redirectedAnswer(response: Response, place: string): AppError {
  response.body?.cancel().catch(() => undefined);
  const location = response.headers.get('location');
  const target = location !== null && URL.canParse(location, place) ? new URL(location, place).origin : 'elsewhere';
  return new AppError('bad_request', `${place} answers that the server is at ${target}. Use that address as the URL.`);
}

/**
 * Returns the error code of a problem document: its `code`, or else a code that has its /v0 `type`. Several codes may
 * have the same type. A code that the operation declares is then preferred.
 */
function codeOfProblem(
  problem: Readonly<Record<string, unknown>> | undefined,
  errors: readonly ErrorCode[],
): ErrorCode | undefined {
  const { code, type } = problem ?? {};
  if (isErrorCode(code)) return code;
  const wireType = typeof type === 'string' ? /^eden:\/\/error\/(.+)$/.exec(type)?.[1] : undefined;
  if (wireType === undefined) return undefined;
  return [...errors, ...commonErrors, ...errorCodes].find((known) => errorTable[known].wireType === wireType);
}

function codeFor(status: number): ErrorCode {
  return codeOfStatus[status] ?? (status >= 500 ? 'internal' : 'bad_request');
}

function strangeAnswer(response: Response, code: ErrorCode, place: string): string {
  const hint = response.status === 404 ? ' Is this the URL of a Proofhouse server?' : '';
  return `${errorTable[code].sentence} ${place} answered ${response.status} without saying more.${hint}`;
}

function detailsOf(problem: Readonly<Record<string, unknown>> | undefined, code: ErrorCode): Record<string, unknown> {
  if (problem === undefined) return {};
  const {
    type: _type,
    title: _title,
    status: _status,
    detail: _detail,
    code: given,
    errors: _errors,
    ...rest
  } = problem;
  return given === code || given === undefined ? rest : { ...rest, serverCode: given };
}

function fieldErrors(value: unknown): FieldError[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((item: unknown) => {
    if (!isObject(item) || typeof item['path'] !== 'string' || typeof item['message'] !== 'string') return [];
    const line = item['line'];
    return [{ path: item['path'], message: item['message'], ...(typeof line === 'number' ? { line } : {}) }];
  });
}

function parseProblem(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// Returns an empty text if the connection broke while the body was read. Then only the status identifies the error.
async function explanationOf(response: Response): Promise<string> {
  return boundedText(response, maxProblemBytes).then(
    ({ text }) => text,
    () => '',
  );
}
