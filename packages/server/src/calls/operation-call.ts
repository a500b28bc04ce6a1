import {
  type Action,
  AppError,
  expectedVersionOf,
  isErrorCode,
  may,
  opaqueValue,
  operations,
  parseFields,
  takesIdempotencyKey,
  type InputOf,
  type Operation,
  type OperationId,
  type Operations,
  type OutputOf,
  type Principal,
} from '@proofhouse/core';
import type { Credential } from './credential.ts';

/** One decoded call of an operation. It has the same form over HTTP and MCP. */
export interface OperationCall<Id extends OperationId> extends InputOf<Operations[Id]> {
  readonly principal: Principal;
  /** The credential of the principal. Undefined if the transport does not keep it. */
  readonly credential?: Credential | undefined;
  /** The lease id, if the caller sent it outside the body. Over HTTP it is in the header `Proofhouse-Lease`. */
  readonly leaseId: string | undefined;
  readonly idempotencyKey: string | undefined;
  /** The version of the record that the caller has read. Undefined if the operation is not `versioned`. */
  readonly expectedVersion: number | undefined;
  /** Name and version of the caller's software. Undefined if the caller did not send them. */
  readonly software: string | undefined;
  /** Network address of the caller. Behind a trusted proxy it is the address that the proxy names. */
  readonly remote: string | undefined;
  /** Aborts when the caller disconnects before the response. */
  readonly signal: AbortSignal;
  /**
   * Aborts together with `signal`, and also after a half-close, when the caller may have disconnected. A long poll must
   * then end and return its result.
   */
  readonly waitSignal: AbortSignal;
  /** Throws if the credential is no longer valid. Used by calls that may last long, such as uploads and long polls. */
  readonly reauthenticate: () => Promise<void>;
}

/**
 * The result of an operation. `status` is set only if the request was repeated with the same idempotency key. It is
 * then the `repeatStatus` of the operation.
 */
export interface OperationAnswer<Id extends OperationId> {
  readonly status?: Operations[Id] extends { readonly repeatStatus: infer Status } ? Status : never;
  readonly body: OutputOf<Operations[Id]>;
}

/** Ids of the operations that both HTTP and MCP can serve. Their input and output are JSON or empty. */
export type JsonOperationId = {
  [Id in OperationId]: Operations[Id]['response'] extends 'json' | 'none'
    ? Operations[Id]['request'] extends 'none' | 'json'
      ? Id
      : never
    : never;
}[OperationId];

export type JsonHandlers = {
  [Id in JsonOperationId]: (call: OperationCall<Id>) => Promise<OperationAnswer<Id>>;
};

/** A call as the transport received it. Its parts are not validated yet. */
export interface GivenCall {
  /** The authenticated caller. A call without a principal is refused. */
  readonly principal: Principal | undefined;
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly leaseId: unknown;
  readonly idempotencyKey: unknown;
  /** The header `If-Match`. Undefined on transports without headers. */
  readonly ifMatch?: unknown;
  /**
   * The names of the query, the lease id and the idempotency key in error messages. For HTTP, for example, these are
   * the names of headers.
   */
  readonly names: { readonly query: string; readonly leaseId: string; readonly idempotencyKey: string };
}

export type DecodedParts = Pick<
  OperationCall<OperationId>,
  'principal' | 'params' | 'query' | 'body' | 'leaseId' | 'idempotencyKey' | 'expectedVersion'
>;

/** Validates every part of the call against the operation. Errors: `invalid_request`, `bad_request`, `unauthenticated`. */
export function decodeCall(row: Operation, given: GivenCall): DecodedParts {
  const { names } = given;
  const body = row.request === 'json' ? parseFields(row.body, given.body) : undefined;
  return {
    principal: requirePrincipal(given.principal),
    params: parseFields(row.params, given.params),
    query: parseFields(row.query, given.query, names.query),
    body,
    leaseId: row.lease ? opaqueValue(names.leaseId, given.leaseId) : undefined,
    idempotencyKey: takesIdempotencyKey(row) ? opaqueValue(names.idempotencyKey, given.idempotencyKey) : undefined,
    expectedVersion: row.versioned === true ? expectedVersionOf(given.ifMatch, versionIn(body)) : undefined,
  } as DecodedParts;
}

function versionIn(body: unknown): number | undefined {
  return (body as { readonly expectedVersion?: number } | undefined)?.expectedVersion;
}

/**
 * Returns the principal. Throws `unauthenticated` if there is none. Every route already authenticates its calls; this
 * check is for a route that omits this by mistake.
 */
export function requirePrincipal(principal: Principal | undefined): Principal {
  if (principal === undefined) throw new AppError('unauthenticated', 'The call came without a credential.');
  return principal;
}

/**
 * Throws `forbidden` if no principal of the same class (such as worker or admin) may call the operation. Reads no
 * records.
 */
export function requireClass(id: OperationId, principal: Principal): void {
  const { action, method, path } = operations[id];
  if (may(principal, action)) return;
  const who = principal.kind === 'operator' ? 'An operator' : `A ${principal.kind}`;
  throw new AppError(
    'forbidden',
    `${who} credential may not do this (${method} ${path}); it needs ${tokensFor(action)}.`,
  );
}

const worker = { kind: 'worker', workerId: '', policy: {} } as const;
const membership = { experimentId: '', groupIds: [], isAdmin: false };

/** Returns the kinds of tokens that allow the action, for error messages. Those with the fewest rights are first. */
function tokensFor(action: Action): string {
  const workers = [
    ["a worker's", worker],
    ["a registered worker's", { ...worker, membership }],
    ["an admin-class worker's", { ...worker, membership: { ...membership, isAdmin: true } }],
  ] as const;
  const [oneWorker] = workers.find(([, each]) => may(each, action)) ?? [];
  const operator = may({ kind: 'operator', userId: '' }, action) ? "an operator's" : undefined;
  const lesser = [oneWorker, operator].filter((name) => name !== undefined);
  return `${lesser.length === 0 ? '' : `${lesser.join(', ')} or `}the admin's token`;
}

/** Returns the first product of a `User-Agent` header (RFC 9110), at most 100 printable characters of it. */
export function softwareOf(userAgent: string | undefined): string | undefined {
  return /^[\x21-\x7e]{1,100}/.exec(userAgent ?? '')?.[0];
}

/**
 * Converts any error to an `AppError`. Any other error is a defect of the server. Its message is written to the log and
 * not sent to the caller.
 */
export function appErrorOf(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code = (error as { code?: unknown } | null)?.code;
  return new AppError(isErrorCode(code) ? code : 'internal', 'The server failed; its log has the details.', {
    cause: error,
  });
}
