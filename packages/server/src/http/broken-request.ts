import type { Socket } from 'node:net';
import { STATUS_CODES, type ServerResponse } from 'node:http';
import { AppError, problemOf, requestIdHeader, type ErrorCode } from '@proofhouse/core';
import { problemType } from './error-response.ts';

/** Answers what is not even HTTP, or whose headers are too large or too slow; there is no request object yet. */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Socket, requestId: string): void {
  if (error.code === 'ECONNRESET' || !socket.writable || answerIsUnderWay(socket)) {
    socket.destroy();
    return;
  }
  const [code, message] = describe(error.code);
  const problem = problemOf(new AppError(code, message), requestId);
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : problem.status;
  const body = JSON.stringify({ ...problem, status });
  const head = [
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? 'Error'}`,
    `Content-Type: ${problemType}`,
    `Content-Length: ${String(Buffer.byteLength(body))}`,
    `${requestIdHeader}: ${requestId}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

// Node keeps the answer being written on its socket, and looks there before it writes a 400 of its own.
function answerIsUnderWay(socket: Socket & { _httpMessage?: ServerResponse | null }): boolean {
  return socket._httpMessage?.headersSent === true;
}

function describe(code: string | undefined): [ErrorCode, string] {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return ['request_timeout', 'The request headers came too slowly.'];
  if (code === 'HPE_HEADER_OVERFLOW') return ['bad_request', 'The request headers are larger than 16 KiB.'];
  return ['bad_request', 'This is not an HTTP request.'];
}
