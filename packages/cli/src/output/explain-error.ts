import { AppError, isAppError } from '@proofhouse/core';
import { callerText } from '../caller.ts';
import type { ConnectionOptions } from '../connected-command.ts';

/** The connection options of the failed command; `experiment` where it has one. */
export type CalledWith = ConnectionOptions & { readonly experiment?: string | undefined };

/** Adds the credential, the experiment and the URL of the command to an error of the server. */
export function explainError(error: unknown, called: CalledWith | undefined): unknown {
  if (called === undefined || !isAppError(error)) return error;
  if (error.code === 'unauthenticated') return again(error, refusalText(error, called));
  if (error.code === 'experiment_id_mismatch' && called.experiment !== undefined) {
    const next = `  Next: proofhouse experiment list, or proofhouse experiment create --id ${called.experiment}`;
    return again(error, `${called.url} refuses experiment ${called.experiment}. ${error.message}\n${next}`);
  }
  return error;
}

/** The same error with the subject of the call in front of its message. */
export function about(subject: string, error: unknown, next = ''): unknown {
  return isAppError(error) && error.code !== 'unauthenticated' && error.code !== 'experiment_id_mismatch'
    ? again(error, `${subject}: ${error.message}${next === '' ? '' : `\n  Next: ${next}`}`)
    : error;
}

/** Adds the command that lists groups to a `not_found` error. */
export async function ofGroup<Result>({ experiment }: { readonly experiment: string }, call: Promise<Result>) {
  try {
    return await call;
  } catch (error) {
    if (!isAppError(error, 'not_found')) throw error;
    throw again(error, `${error.message}\n  Next: proofhouse group list --experiment ${experiment}`);
  }
}

function refusalText({ message }: AppError, { url, token, experiment }: CalledWith): string {
  if (token === undefined || token.trim() === '') return 'No token given: set PROOFHOUSE_TOKEN or use --token.';
  const place = experiment === undefined ? url : `experiment ${experiment} at ${url}`;
  return `${message}\n  Called as ${callerText(token, experiment !== undefined)}, for ${place}.`;
}

function again(cause: AppError, message: string): AppError {
  return new AppError(cause.code, message, { errors: cause.errors, details: cause.details, cause });
}
