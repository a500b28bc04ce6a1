import {
  type Action,
  AppError,
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

/** One decoded call, the same over HTTP and MCP. */
export interface OperationCall<Id extends OperationId> extends InputOf<Operations[Id]> {
  readonly principal: Principal;
  /** The credential that the principal was found by, where the transport keeps it. */
  readonly credential?: Credential | undefined;
  /** The lease outside the body: over HTTP the `Proofhouse-Lease` header. */
  readonly leaseId: string | undefined;
  readonly idempotencyKey: string | undefined;
  /** Name and version of the caller's software, if given. */
  readonly software: string | undefined;
  /** Aborted when the caller disconnects before the answer. */
  readonly signal: AbortSignal;
  /** Aborted then, and when the caller may have disconnected: waits end, and the call is answered. */
  readonly waitSignal: AbortSignal;
  /** For long calls: throws when the credential is no longer valid. */
  readonly reauthenticate: () => Promise<void>;
}

/** The result of an operation; a repetition is answered with the row's `repeatStatus`. */
export interface OperationAnswer<Id extends OperationId> {
  readonly status?: Operations[Id] extends { readonly repeatStatus: infer Status } ? Status : never;
  readonly body: OutputOf<Operations[Id]>;
}

/** Operations whose input is JSON or empty and whose answer is JSON or empty: HTTP and MCP can carry them. */
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

/** A call as the transport received it, with unchecked parts. */
export interface GivenCall {
  /** The authenticated caller; without one the call is refused. */
  readonly principal: Principal | undefined;
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly leaseId: unknown;
  readonly idempotencyKey: unknown;
  /** The names of these parts in error messages: over HTTP the names of headers. */
  readonly names: { readonly query: string; readonly leaseId: string; readonly idempotencyKey: string };
}

export type DecodedParts = Pick<
  OperationCall<OperationId>,
  'principal' | 'params' | 'query' | 'body' | 'leaseId' | 'idempotencyKey'
>;

/** Checks every part against the row. Errors: `invalid_request`, `unauthenticated`. */
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
  } as DecodedParts;
}

/** Routes authenticate before this; the check is a second line of defence. Errors: `unauthenticated`. */
export function requirePrincipal(principal: Principal | undefined): Principal {
  if (principal === undefined) throw new AppError('unauthenticated', 'The call came without a credential.');
  return principal;
}

/** Refuses by the class of the principal, before any look-up. Errors: `forbidden`. */
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

/** The classes that are allowed, of those that have tokens: workers and the admin. */
function tokensFor(action: Action): string {
  const workers = [
    ["a worker's", worker],
    ["a registered worker's", { ...worker, membership }],
    ["an admin-class worker's", { ...worker, membership: { ...membership, isAdmin: true } }],
  ] as const;
  const [oneWorker] = workers.find(([, each]) => may(each, action)) ?? [];
  return `${oneWorker === undefined ? '' : `${oneWorker} or `}the admin's token`;
}

/** The first product of User-Agent (RFC 9110), if it is printable. */
export function softwareOf(userAgent: string | undefined): string | undefined {
  return /^[\x21-\x7e]{1,100}/.exec(userAgent ?? '')?.[0];
}

/** Converts every error to an `AppError`. Others are defects of the server: they are logged and not shown. */
export function appErrorOf(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code = (error as { code?: unknown } | null)?.code;
  return new AppError(isErrorCode(code) ? code : 'internal', 'The server failed; its log has the details.', {
    cause: error,
  });
}
