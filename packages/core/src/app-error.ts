import { errorTable, type ErrorCode } from './error-codes.ts';

/** One wrong field: `path` in the document or request, and what is wrong with it. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
  readonly line?: number;
}

export interface AppErrorOptions {
  /** Field problems, sent as `errors[]`. */
  readonly errors?: readonly FieldError[];
  /** Extra members of the problem document: ids and numbers, never secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/**
 * The one error type. `message` names the thing and the next step, for a person; `code` decides
 * everything else through the error table. Expected outcomes are values, not errors.
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

/** One field is wrong: `invalid_request` with the field's path in `errors[]`. */
export function fieldError(path: string, message: string): AppError {
  return new AppError('invalid_request', `${path}: ${message}.`, { errors: [{ path, message }] });
}

export function isAppError(value: unknown, code?: ErrorCode): value is AppError {
  return value instanceof AppError && (code === undefined || value.code === code);
}
