import type { z } from 'zod';
import type { Action } from './access.ts';
import type { ErrorCode } from './error-codes.ts';

/** Encoding of the request body: `bytes` is the artifact itself, `multipart` a form with one file. */
export type RequestWire = 'none' | 'json' | 'bytes' | 'multipart';
/** Encoding of the response body: `sse` is a stream of Server-Sent Events (WHATWG HTML). */
export type ResponseWire = 'json' | 'bytes' | 'sse' | 'none';

/**
 * Whether a client may send a call again when the answer was lost.
 * - `by-nature`: a second call has no further effect.
 * - `by-key`: the operation takes `Idempotency-Key`; the server answers a repeated key with the first result.
 * - `by-lease`: the server recognises a repeated call by its lease. Without a lease the call must not be repeated.
 * - `no`: a second call may take effect a second time.
 */
export type Repeatable = 'by-nature' | 'by-key' | 'by-lease' | 'no';

/**
 * One row of the operations table. The HTTP route, the MCP tool, the typed client method, the OpenAPI document and the
 * coverage check of the conformance kit are derived from it.
 */
export interface Operation<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
  Output extends z.ZodType = z.ZodType,
> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `{name}` takes one segment; `{+name}`, last only, takes the rest of the path, slashes included. */
  readonly path: `/${string}`;
  /** `v0`: snake_case fields, problem types of its own, credentials that name their worker (seed 002). */
  readonly door: 'api' | 'v0';
  readonly request: RequestWire;
  readonly response: ResponseWire;
  /** Status of a success. */
  readonly status: 200 | 201 | 204;
  /** Status of a repeated idempotency key, where it differs from `status`. */
  readonly repeatStatus?: 200;
  /** Checked with `may` before any record is read. */
  readonly action: Action;
  readonly summary: string;
  readonly description?: string;
  readonly params: Params;
  readonly query: Query;
  /** The JSON body, or the text fields of the form. */
  readonly body: Body;
  readonly output: Output;
  /** Takes the fencing token in `Proofhouse-Lease`. */
  readonly lease: boolean;
  readonly repeatable: Repeatable;
  /** Further request headers, for the OpenAPI document. The handler decodes them. */
  readonly headers?: z.ZodObject;
  /** Error codes of this operation, beside `commonErrors`. */
  readonly errors: readonly ErrorCode[];
  /** Present where the operation is a tool of the MCP server too. */
  readonly mcp?: OperationTool;
}

/** The MCP tool of an operation; its title is the row's summary. */
export interface OperationTool {
  readonly tool: string;
  /** Text for a model: when to call the tool, and which call follows. */
  readonly description: string;
  /** The tool undoes or ends the work of others. */
  readonly destructive?: true;
  /** The tool requires the argument `leaseId`, which is optional over HTTP. */
  readonly needsLease?: true;
  /** Arguments and result of the tool, where the operation's own body is not JSON. */
  readonly input?: z.ZodObject;
  readonly output?: z.ZodType;
}

/** Whether the operation takes `Idempotency-Key`. */
export function takesIdempotencyKey(row: Pick<Operation, 'repeatable'>): boolean {
  return row.repeatable === 'by-key';
}

export type InputOf<O extends Operation> = {
  params: z.output<O['params']>;
  query: z.output<O['query']>;
  body: z.output<O['body']>;
};

/** Input of a caller: fields with a default are optional. */
export type CallOf<O extends Operation> = {
  params: z.input<O['params']>;
  query: z.input<O['query']>;
  body: z.input<O['body']>;
};

export type OutputOf<O extends Operation> = z.output<O['output']>;

/** Request headers that no RFC defines. */
export const leaseHeader = 'proofhouse-lease';
export const idempotencyHeader = 'idempotency-key';
/** The second secret of the page, required beside its cookie. */
export const pageSecretHeader = 'proofhouse-page-secret';
export const requestIdHeader = 'x-request-id';
/** On /v0: must equal the experiment of the path. */
export const experimentHeader = 'x-eden-experiment-id';

/** Errors of requests that write. The body of a GET is not read. */
const writeErrors: readonly ErrorCode[] = [
  'body_too_large',
  'unsupported_media_type',
  'unsupported',
  'request_timeout',
  'storage_full',
];

/** Errors of every operation. */
export const commonErrors: readonly ErrorCode[] = [
  'bad_request',
  'invalid_request',
  'unauthenticated',
  'forbidden',
  ...writeErrors,
  'too_busy',
  'internal',
  'unavailable',
];

/** Every error code that a call of the operation can be answered with. */
export function errorsOf(row: Operation): readonly ErrorCode[] {
  const common = row.method === 'GET' ? commonErrors.filter((code) => !writeErrors.includes(code)) : commonErrors;
  // A path parameter may exceed the length limit of the router.
  const path: readonly ErrorCode[] = row.path.includes('{') ? ['not_found'] : [];
  return [...new Set([...row.errors, ...path, ...common])];
}
