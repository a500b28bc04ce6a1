import { AppError, isAppError } from '@proofhouse/core';
import { callerText } from '../caller.ts';
import type { ConnectionOptions } from '../connected-command.ts';

/** The connection options of the failed command, and its option for the experiment if it has one. */
export type CalledWith = ConnectionOptions & { readonly experiment?: string | undefined };

/** Adds three facts to an error of the server: who made the call, the experiment, and the URL. Never adds a secret. */
export function explainError(error: unknown, called: CalledWith | undefined): unknown {
  if (called === undefined || !isAppError(error)) return error;
  if (error.code === 'unauthenticated') return again(error, refusalText(error, called));
  if (error.code === 'experiment_id_mismatch' && called.experiment !== undefined) {
    const next = `  Next: proofhouse experiment list, or proofhouse experiment create --id ${called.experiment}`;
    return again(error, `${called.url} refuses experiment ${called.experiment}. ${error.message}\n${next}`);
  }
  return error;
}

/**
 * Returns the error with a longer message. `subject`, before the message, names the object of the call. `next`, after
 * it, is a command to run next.
 */
export function about(subject: string, error: unknown, next = ''): unknown {
  return isAppError(error) && error.code !== 'unauthenticated' && error.code !== 'experiment_id_mismatch'
    ? again(error, `${subject}: ${error.message}${next === '' ? '' : `\n  Next: ${next}`}`)
    : error;
}

/** Awaits a call about a group. If it fails with `not_found`, adds to the error the command that lists the groups. */
export async function ofGroup<Result>({ experiment }: { readonly experiment: string }, call: Promise<Result>) {
  try {
    return await call;
  } catch (error) {
    if (!isAppError(error, 'not_found')) throw error;
    throw again(error, `${error.message}\n  Next: proofhouse group list --experiment ${experiment}`);
  }
}

function refusalText({ message }: AppError, { url, token, experiment }: CalledWith): string {
  if (token === undefined || token.trim() === '')
    return 'No token given: run `proofhouse login`, or set PROOFHOUSE_TOKEN.';
  const place = experiment === undefined ? url : `experiment ${experiment} at ${url}`;
  return `${message}\n  Called as ${callerText(token, experiment !== undefined)}, for ${place}.`;
}

function again(cause: AppError, message: string): AppError {
  return new AppError(cause.code, message, { errors: cause.errors, details: cause.details, cause });
}
