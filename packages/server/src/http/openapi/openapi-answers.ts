import {
  errorsOf,
  errorTable,
  problemSchema,
  requestIdHeader,
  v0Conditions,
  v0ProblemSchema,
  type ErrorCode,
  type Operation,
} from '@proofhouse/core';
import type { ZodOpenApiResponsesObject } from 'zod-openapi';

export const binarySchema = { type: 'string', format: 'binary' } as const;

const header = (description: string) => ({ description, schema: { type: 'string' as const } });
type Headers = Readonly<Record<string, ReturnType<typeof header>>>;

/** Returns the OpenAPI responses of an operation: the successful ones, and one response for each status of its errors. */
export function describeAnswers(row: Operation): ZodOpenApiResponsesObject {
  return { ...successes(row), ...failures(row) };
}

function successes(row: Operation): ZodOpenApiResponsesObject {
  const { response, output, repeatStatus } = row;
  const headers = { [requestIdHeader]: requestId };
  switch (response) {
    case 'none':
      return { [row.status]: { description: 'Done.', headers } };
    case 'json': {
      const content = { 'application/json': { schema: output } };
      const repeated = {
        description: 'The idempotency key had done it before: what it made, as it is now.',
        headers,
        content,
      };
      return {
        ...(repeatStatus === undefined ? {} : { [repeatStatus]: repeated }),
        [row.status]: { description: 'Done.', headers, content },
      };
    }
    case 'sse': {
      const schema = { type: 'string', description: 'Server-Sent Events.' } as const;
      const over = { description: 'The stream is over, and `Last-Event-ID` is at or past its end.', headers };
      const ends = row.path.includes('{') ? { 204: over } : {};
      return {
        ...ends,
        [row.status]: { description: 'The stream.', headers, content: { 'text/event-stream': { schema } } },
      };
    }
    case 'bytes':
      return downloads(headers);
  }
}

function downloads(headers: Headers): ZodOpenApiResponsesObject {
  const described = { ...headers, ...blobHeaders };
  const content = { '*/*': { schema: binarySchema } };
  return {
    200: { description: 'The bytes, under the content type that they were stored with.', headers: described, content },
    206: {
      description: 'The range that was asked for.',
      headers: { ...described, 'content-range': contentRange },
      content,
    },
    304: { description: 'The client has these bytes.', headers: described },
  };
}

const requestId = header('The name of this request in the log of the server.');
const contentRange = header('Which bytes of how many (RFC 9110).');
const sizeOfAll: Headers = {
  'content-range': header('How many bytes there are: `bytes */123`.'),
};
const blobHeaders: Headers = {
  etag: header('Strong: the sha256 of all bytes.'),
  'repr-digest': header('The sha-256 of all bytes (RFC 9530).'),
  'accept-ranges': header('`bytes`.'),
  'content-disposition': header('Always an attachment, with its filename (RFC 6266).'),
};

/** Response headers of error answers, by HTTP status. */
const failureHeaders: Readonly<Record<number, Headers>> = {
  401: { 'www-authenticate': header('Bearer (RFC 6750).') },
  429: { 'retry-after': header('Seconds.') },
  503: { 'retry-after': header('Seconds.') },
};

function failures(row: Operation): ZodOpenApiResponsesObject {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of errorsOf(row)) {
    const status = statusOf(row, code);
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const content = { 'application/problem+json': { schema: row.door === 'v0' ? v0ProblemSchema : problemSchema } };
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      {
        description: codes.map((code) => `\`${nameOf(row, code)}\`: ${errorTable[code].sentence}`).join('\n\n'),
        headers: {
          [requestIdHeader]: requestId,
          ...(status === 416 && row.response === 'bytes' ? sizeOfAll : failureHeaders[status]),
        },
        content,
      },
    ]),
  );
}

function nameOf(row: Operation, code: ErrorCode): string {
  const { wireType } = errorTable[code];
  if (row.door === 'api') return code;
  return wireType === null ? 'about:blank' : `eden://error/${wireType}`;
}

function statusOf(row: Operation, code: ErrorCode): number {
  const { http, wireType } = errorTable[code];
  return row.door === 'v0' && wireType !== null ? v0Conditions[wireType].status : http;
}
