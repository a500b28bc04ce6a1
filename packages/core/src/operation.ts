import type { z } from 'zod';
import type { Action } from './access.ts';
import type { ErrorCode } from './error-codes.ts';

/**
 * Encoding of the request body. `bytes`: the body is the bytes of the artifact. `multipart`: the body is a form with
 * one file.
 */
export type RequestWire = 'none' | 'json' | 'bytes' | 'multipart';
/**
 * Encoding of the response body. `bytes`: the body is the bytes of the artifact. `sse`: the body is a stream of
 * Server-Sent Events (WHATWG HTML).
 */
export type ResponseWire = 'json' | 'bytes' | 'sse' | 'none';

/**
 * The condition under which a client may send a call again after it lost the answer.
 * - `by-nature`: always; a second call has no further effect.
 * - `by-key`: with the header `Idempotency-Key`; the server answers a repeated key with the first result.
 * - `by-lease`: with a lease id, by which the server recognises a repeated call.
 * - `no`: never; a second call may take effect a second time.
 */
export type Repeatable = 'by-nature' | 'by-key' | 'by-lease' | 'no';

/**
 * One row of the operations table. The HTTP route, the MCP tool, the typed client method and the OpenAPI document are
 * derived from it. The conformance kit uses it to check its coverage.
 */
export interface Operation<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
  Output extends z.ZodType = z.ZodType,
> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /**
   * Path of the operation. `{name}` matches one segment. `{+name}` matches the rest of the path, including slashes, and
   * must be last.
   */
  readonly path: `/${string}`;
  /**
   * The interface to which the operation belongs. `v0` has fields in snake_case, its own problem types, and credentials
   * that contain the worker id (seed 002).
   */
  readonly door: 'api' | 'v0';
  readonly request: RequestWire;
  readonly response: ResponseWire;
  /** HTTP status of a successful answer. */
  readonly status: 200 | 201 | 204;
  /** HTTP status of the answer if the idempotency key was used before. Omitted if it equals `status`. */
  readonly repeatStatus?: 200;
  /** The right that the caller needs. `may` checks it before any record is read. */
  readonly action: Action;
  /** What the audit log stores about a call. `none`: no entry. Reads have none. */
  readonly audit: 'none' | AuditRule;
  readonly summary: string;
  readonly description?: string;
  readonly params: Params;
  readonly query: Query;
  /** Schema of the JSON body, or of the text fields of the form. */
  readonly body: Body;
  readonly output: Output;
  /** True if the operation accepts the lease id in the header `Proofhouse-Lease`. */
  readonly lease: boolean;
  readonly repeatable: Repeatable;
  /**
   * True if the operation takes the version of the record that the caller has read, in the header `If-Match` or in the
   * body field `expectedVersion`. A request with another version is refused with `version_conflict`.
   */
  readonly versioned?: true;
  /** Schema of other request headers, for the OpenAPI document. The handler decodes these headers. */
  readonly headers?: z.ZodObject;
  /** Error codes of this operation, in addition to `commonErrors`. */
  readonly errors: readonly ErrorCode[];
  /** Present if the operation is also a tool of the MCP server. */
  readonly mcp?: OperationTool;
}

/** What the audit log stores about each call of an operation, in addition to caller, time and target. */
export interface AuditRule {
  /** Names of the body fields whose values the entry contains. They must never contain a secret. */
  readonly fields?: readonly string[];
  /** True if the effects are outside the database. The entry is then written before the call runs. */
  readonly isOutside?: true;
}

/** The MCP tool of an operation. The title of the tool is the `summary` of the operation. */
export interface OperationTool {
  readonly tool: string;
  /** Text for a model, which says when to call the tool and which call follows. */
  readonly description: string;
  /** True if the tool undoes or ends work of others. */
  readonly destructive?: true;
  /** True if the tool requires the argument `leaseId`, which is optional over HTTP. */
  readonly needsLease?: true;
  /**
   * Schema of the tool's arguments, if it differs from that of the operation. An operation whose body is bytes needs
   * it.
   */
  readonly input?: z.ZodObject;
  /** Schema of the result, if it differs from `output` of the operation. */
  readonly output?: z.ZodType;
}

/** Returns true if the operation takes the header `Idempotency-Key`. */
export function takesIdempotencyKey(row: Pick<Operation, 'repeatable'>): boolean {
  return row.repeatable === 'by-key';
}

export type InputOf<O extends Operation> = {
  params: z.output<O['params']>;
  query: z.output<O['query']>;
  body: z.output<O['body']>;
};

/** The input that a caller passes to an operation. Fields with a default are optional. */
export type CallOf<O extends Operation> = {
  params: z.input<O['params']>;
  query: z.input<O['query']>;
  body: z.input<O['body']>;
};

export type OutputOf<O extends Operation> = z.output<O['output']>;

/** Names of request headers that no RFC defines. The first contains the lease id of the job. */
export const leaseHeader = 'proofhouse-lease';
export const idempotencyHeader = 'idempotency-key';
/** Request header with the page secret of the web page. The server requires it in addition to the session cookie. */
export const pageSecretHeader = 'proofhouse-page-secret';
/**
 * Request header with the id of a user. A broker sends it when it makes a call for this user. Accepted only from user
 * tokens with `mayActFor`.
 */
export const actorHeader = 'proofhouse-actor';
export const requestIdHeader = 'x-request-id';
/** Request header on /v0. Its value must be the experiment id in the path. */
export const experimentHeader = 'x-eden-experiment-id';

/**
 * Errors of requests with a method other than GET. A GET request cannot cause them, because the server does not read
 * its body.
 */
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

/** Returns every error code that an answer of the operation can have. */
export function errorsOf(row: Operation): readonly ErrorCode[] {
  const common = row.method === 'GET' ? commonErrors.filter((code) => !writeErrors.includes(code)) : commonErrors;
  // If a path parameter exceeds its length limit, the router answers `not_found`.
  const path: readonly ErrorCode[] = row.path.includes('{') ? ['not_found'] : [];
  return [...new Set([...row.errors, ...path, ...common])];
}
