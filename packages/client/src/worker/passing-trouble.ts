import { isAppError, type ErrorCode } from '@proofhouse/core';

/**
 * Error codes of answers that a proxy sends while the server is away: its own page, its own "not found", a redirect.
 */
const notOurServers: readonly ErrorCode[] = ['not_found', 'bad_request', 'unsupported'];

/**
 * Returns true if a retry may succeed. Only for calls to a server that has answered this worker before: an answer in
 * another format then comes from a proxy, and neither the worker nor the job must end because of it.
 */
export function isPassing(error: unknown): boolean {
  return isAppError(error) && (error.retryable || notOurServers.includes(error.code));
}
