import { AppError } from '@proofhouse/core';

/** Returns host and database for messages, without user and password. */
export function postgresPlace(url: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new AppError('invalid_request', 'The database URL cannot be read: postgres://user:password@host/database.');
  }
  const host = parsed.host === '' ? (parsed.searchParams.get('host') ?? 'localhost') : parsed.host;
  return `The Postgres database ${host}${parsed.pathname}`;
}

/**
 * Maps an error of the driver or the database to an `AppError`. `place` names host and database and must not contain a
 * secret.
 */
export function postgresError(error: unknown, place: string): AppError {
  if (error instanceof AppError) return error;
  const code = codeOf(error);
  if (code === '53100') {
    return new AppError('storage_full', `${place} has no room left; free some disk space.`, { cause: error });
  }
  const reason = reasonOf(code, error);
  if (reason === undefined) return new AppError('internal', `${place} failed.`, { cause: error });
  return new AppError('unavailable', `${place} ${reason}.`, { cause: error });
}

/** Returns true if a retry of the transaction can succeed: after a serialization failure or a deadlock. */
export function isWorthAnotherTry(error: unknown): boolean {
  return ['40001', '40P01'].includes(codeOf(error));
}

/**
 * Returns true if the error means that a job was not inserted because its route is closed (idle, or without a row). The
 * not-null constraint on the route of a job reports this.
 */
export function isClosedRoute(error: unknown): boolean {
  const cause =
    error instanceof AppError ? (error.cause as { table?: unknown; column?: unknown } | undefined) : undefined;
  return codeOf(cause) === '23502' && cause?.table === 'jobs' && cause.column === 'route_id';
}

/** Returns true if the error means that the connection does not have the prepared statement. */
export function isUnprepared(error: unknown): boolean {
  return codeOf(error) === '26000';
}

const reasons: Readonly<Record<string, string>> = {
  '3D000': 'does not exist; create it first',
  '25006': 'is read-only; name the primary server',
  '40001': 'was too contended',
  '40P01': 'was too contended',
  '57014': 'took too long',
  '55P03': 'is locked by another program',
};

function reasonOf(code: string, error: unknown): string | undefined {
  const known = reasons[code];
  if (known !== undefined) return known;
  if (code.startsWith('28')) return 'refuses the user or password in the database URL';
  const lost = /^(08|53|57P|58)/.test(code) || /^E[A-Z_]+$/.test(code);
  const message = error instanceof Error ? error.message : '';
  // Errors that the driver itself throws have no error code.
  const driver = /connection|timeout|not queryable|pool/i.test(message) && code === '';
  if (!lost && !driver) return undefined;
  return /^E[A-Z_]+$/.test(code) ? `cannot be reached (${code})` : 'cannot be reached';
}

function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : '';
}
