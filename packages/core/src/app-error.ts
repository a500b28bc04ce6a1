import { errorTable, type ErrorCode } from './error-codes.ts';

/**
 * The error of one field. `path` says where the field is in the document or request. `message` says what is wrong with
 * the field.
 */
export interface FieldError {
  readonly path: string;
  readonly message: string;
  readonly line?: number;
}

export interface AppErrorOptions {
  /** Errors of single fields, sent as `errors[]` of the problem document. */
  readonly errors?: readonly FieldError[];
  /** Extra members of the problem document: ids and numbers, never secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/**
 * The only error class of Proofhouse. `message` is for a person: it names the object of the error and the next step.
 * `code` selects the row of the error table, which determines the HTTP status and everything else. Expected outcomes
 * are returned as values, not thrown.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly errors: readonly FieldError[];
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.errors = options.errors ?? [];
    this.details = options.details ?? {};
  }

  get status(): number {
    return errorTable[this.code].http;
  }

  get exitCode(): number {
    return errorTable[this.code].exit;
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable;
  }
}

/** Returns an `invalid_request` error for one field, with the path of the field in `errors[]`. */
export function fieldError(path: string, message: string): AppError {
  return new AppError('invalid_request', `${path}: ${message}.`, { errors: [{ path, message }] });
}

export function isAppError(value: unknown, code?: ErrorCode): value is AppError {
  return value instanceof AppError && (code === undefined || value.code === code);
}
