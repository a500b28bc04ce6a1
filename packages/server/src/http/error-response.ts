import { AppError, errorTable, problemOf, requestIdHeader, v0ProblemOf, type ErrorCode } from '@proofhouse/core';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { appErrorOf } from '../calls/operation-call.ts';
import { maskedError, maskedText } from '../secrets/masked-error.ts';
import type { V0Door } from './v0/v0-door.ts';

/** Content-Type of problem documents (RFC 9457). */
export const problemType = 'application/problem+json; charset=utf-8';

/**
 * Sends an error as a problem document and returns the error code. Requests to /v0 get the problem format of /v0. Any
 * error that is neither an `AppError` nor a known error of Fastify is a defect of the server. It is logged, and the
 * client gets only a general message.
 */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply, wire: V0Door): ErrorCode {
  const known = asAppError(error);
  if (errorTable[known.code].http >= 500) request.log.error({ err: error, code: known.code }, known.message);
  if (known.code === 'unauthenticated') reply.header('www-authenticate', 'Bearer realm="proofhouse"');
  if (known.code === 'too_busy' || known.code === 'unavailable') reply.header('retry-after', '1');
  const { url = '' } = request.raw;
  const shown = maskedError(known);
  const problem = wire.takes(url) ? v0ProblemOf(shown, maskedText(wire.urlOf(url))) : problemOf(shown, request.id);
  reply
    .code(problem.status)
    .header(requestIdHeader, request.id)
    .header('content-type', problemType)
    .header('cache-control', 'no-store')
    .send(JSON.stringify(problem));
  return known.code;
}

function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const fastify = error as Partial<FastifyError>;
  switch (fastify.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new AppError('unsupported_media_type', 'Send the body as application/json.', { cause: error });
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new AppError('body_too_large', 'The JSON body is larger than 1 MiB.', { cause: error });
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'FST_ERR_BAD_URL':
      return new AppError('bad_request', `The request cannot be parsed: ${fastify.message ?? ''}.`, { cause: error });
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new AppError('not_found', 'There is nothing at so long a path.', { cause: error });
    default:
      break;
  }
  if (error instanceof SyntaxError || fastify.statusCode === 400) {
    return new AppError('bad_request', 'The request cannot be parsed.', { cause: error });
  }
  const code = (error as { code?: unknown } | null)?.code;
  if (code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ECONNRESET') {
    return new AppError('bad_request', 'The request ended before its body was complete.', { cause: error });
  }
  return appErrorOf(error);
}
