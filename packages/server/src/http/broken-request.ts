import type { Socket } from 'node:net';
import { STATUS_CODES, type ServerResponse } from 'node:http';
import { AppError, problemOf, requestIdHeader, v0ProblemOf } from '@proofhouse/core';
import { maskedText } from '../secrets/masked-error.ts';
import type { Clock } from '../kernel/time/clock.ts';
import { transferCodingRefusal } from './bytes/body-headers.ts';
import { problemType } from './error-response.ts';
import { isClosing, lingerClose } from './bytes/linger-close.ts';
import type { V0Door } from './v0/v0-door.ts';

/** The error of Node's `clientError` event. Node emits it for a request that its parser refused. */
export type BrokenRequest = Error & { readonly code?: string; readonly rawPacket?: unknown };

/**
 * Answers a request that is not valid HTTP, or whose headers are too large or too slow. Then closes the connection.
 * Node creates no request object for it, so the answer is written directly to the socket.
 */
export function answerBrokenRequest(
  error: BrokenRequest,
  socket: Socket,
  requestId: string,
  { wire, clock }: { readonly wire: V0Door; readonly clock: Clock },
): void {
  // Node's parser emits the error again for every later packet of the connection. Only the first error is answered.
  if (isClosing(socket)) return;
  if (error.code === 'ECONNRESET' || !socket.writable || answerIsUnderWay(socket)) {
    socket.destroy();
    return;
  }
  const known = describe(error);
  const target = targetOf(error, socket);
  const isV0 = target !== undefined && wire.takes(target);
  const problem = isV0 ? v0ProblemOf(known, maskedText(wire.urlOf(target))) : problemOf(known, requestId);
  // /v0 does not use the status 431.
  const status = error.code === 'HPE_HEADER_OVERFLOW' && !isV0 ? 431 : problem.status;
  const body = JSON.stringify({ ...problem, status });
  const head = [
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? 'Error'}`,
    `Content-Type: ${problemType}`,
    `Content-Length: ${String(Buffer.byteLength(body))}`,
    `${requestIdHeader}: ${requestId}`,
    'Connection: close',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  lingerClose(socket, clock);
}

// Node stores the response in progress in the field `_httpMessage` of the socket. Node's own handler of `clientError`
// uses this field too.
type HttpSocket = Socket & { readonly _httpMessage?: ServerResponse | null };

function answerIsUnderWay(socket: HttpSocket): boolean {
  return socket._httpMessage?.headersSent === true;
}

/**
 * Returns the request target of the request in progress. Without such a request, returns the target in the request line
 * of the refused bytes. Returns undefined if neither exists.
 */
function targetOf({ rawPacket }: BrokenRequest, socket: HttpSocket): string | undefined {
  const underWay = socket._httpMessage?.req.url;
  if (underWay !== undefined) return underWay;
  const line = Buffer.isBuffer(rawPacket) ? rawPacket.subarray(0, mostLineBytes).toString('latin1') : '';
  return /^[A-Za-z]+ +(\S+)/.exec(line)?.[1];
}

const mostLineBytes = 4096;

function describe({ code, rawPacket }: BrokenRequest): AppError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new AppError('request_timeout', 'The request headers came too slowly.');
  }
  if (code === 'HPE_HEADER_OVERFLOW') return new AppError('bad_request', 'The request headers are larger than 16 KiB.');
  const known = code === 'HPE_INVALID_TRANSFER_ENCODING' ? transferCodingRefusal(codingsOf(rawPacket)) : undefined;
  return known ?? new AppError('bad_request', 'This is not an HTTP request.');
}

/**
 * Returns the values of all Transfer-Encoding headers in the refused bytes, joined by commas. Node's parser does not
 * report which header it refused.
 */
function codingsOf(rawPacket: unknown): string {
  const text = Buffer.isBuffer(rawPacket) ? rawPacket.toString('latin1') : '';
  const [head = ''] = text.split('\r\n\r\n', 1);
  return [...head.matchAll(/^transfer-encoding:(.*)$/gim)].map(([, codings = '']) => codings).join(',');
}
