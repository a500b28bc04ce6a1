import type { z } from 'zod';
import type { Action } from './access.ts';
import type { ErrorCode } from './error-codes.ts';

/** How bytes travel: `bytes` is the artifact itself, `multipart` a form with one file. */
export type RequestWire = 'none' | 'json' | 'bytes' | 'multipart';
export type ResponseWire = 'json' | 'bytes' | 'sse' | 'none';

/**
 * One row of the operations table. From it come the HTTP route, the MCP tool, the typed client method, the
 * OpenAPI document, and the check that conformance covers it.
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
  /** `v0` is the wire-level binding: snake_case, its own errors, credentials that name their principal. */
  readonly door: 'api' | 'v0';
  readonly request: RequestWire;
  readonly response: ResponseWire;
  /** Status of the usual success. */
  readonly status: 200 | 201 | 204;
  /** Status for an idempotency key that had done it before, where that differs. */
  readonly repeatStatus?: 200;
  /** Class check, before anything is looked up. */
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
  /** Takes `Idempotency-Key`. */
  readonly idempotent: boolean;
  /** Further request headers that it reads, for its description; its handler decodes them. */
  readonly headers?: z.ZodObject;
  /** What it can answer beyond what every operation can. */
  readonly errors: readonly ErrorCode[];
  /** Set when the row is a tool of the MCP server as well. */
  readonly mcp?: OperationTool;
}

/** How a row shows itself to a model. */
export interface OperationTool {
  readonly tool: string;
  /** When to use it and what comes next; the row's summary is its title. */
  readonly description: string;
  /** Undoes or ends the work of others. */
  readonly destructive?: true;
  /** Ends or records an attempt: a model must say under which lease, although HTTP does not require it. */
  readonly needsLease?: true;
  /** Where the row's own wire is not JSON: what the tool takes and answers instead. */
  readonly input?: z.ZodObject;
  readonly output?: z.ZodType;
}

export type InputOf<O extends Operation> = {
  params: z.output<O['params']>;
  query: z.output<O['query']>;
  body: z.output<O['body']>;
};

/** What a caller hands over: defaults may be left out. */
export type CallOf<O extends Operation> = {
  params: z.input<O['params']>;
  query: z.input<O['query']>;
  body: z.input<O['body']>;
};

export type OutputOf<O extends Operation> = z.output<O['output']>;

/** Headers of our own; everything else follows the HTTP RFCs. */
export const leaseHeader = 'proofhouse-lease';
export const idempotencyHeader = 'idempotency-key';
/** The page's second secret beside its cookie. */
export const pageSecretHeader = 'proofhouse-page-secret';
export const requestIdHeader = 'x-request-id';
/** On /v0: the experiment of the path once more. */
export const experimentHeader = 'x-eden-experiment-id';

/** What only a request that writes can be answered; of one that reads, no body is looked at. */
const writeErrors: readonly ErrorCode[] = [
  'body_too_large',
  'unsupported_media_type',
  'unsupported',
  'request_timeout',
  'storage_full',
];

/** What any operation can answer. */
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

/** Everything that can go wrong with a call of the row. */
export function errorsOf(row: Operation): readonly ErrorCode[] {
  const common = row.method === 'GET' ? commonErrors.filter((code) => !writeErrors.includes(code)) : commonErrors;
  // A name in the path can be longer than any that there is.
  const path: readonly ErrorCode[] = row.path.includes('{') ? ['not_found'] : [];
  return [...new Set([...row.errors, ...path, ...common])];
}
