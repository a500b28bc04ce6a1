import { isAppError, type ErrorCode } from '@proofhouse/core';

/**
 * Error codes that a proxy causes while the server is unavailable: it answers with a web page, its own "not found" or a
 * redirect.
 */
const notOurServers: readonly ErrorCode[] = ['not_found', 'bad_request', 'unsupported'];

/**
 * Returns true if a retry may succeed. Must be used only for calls to a server that has answered this worker before. An
 * answer in another format then comes from a proxy, and must end neither the worker nor the job.
 */
export function isPassing(error: unknown): boolean {
  return isAppError(error) && (error.retryable || notOurServers.includes(error.code));
}
