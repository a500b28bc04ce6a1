import { isAppError, type ErrorCode } from '@proofhouse/core';

/** What a proxy answers in the server's place while that is away: its own page, its own "not found", a redirect. */
const notOurServers: readonly ErrorCode[] = ['not_found', 'bad_request', 'unsupported'];

/**
 * Whether waiting may help. Only for calls to a server that has answered this worker before: then what does not look like
 * it now is somebody between, and no reason to give a worker or a job up.
 */
export function isPassing(error: unknown): boolean {
  return isAppError(error) && (error.retryable || notOurServers.includes(error.code));
}
