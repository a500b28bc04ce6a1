import { experimentHeader, idempotencyHeader, leaseHeader, type Operation } from '@proofhouse/core';
import type { Credential } from './credential.ts';

export interface HeaderParts {
  readonly row: Operation;
  readonly credential: Credential | undefined;
  readonly idempotencyKey: string | undefined;
  readonly lease: string | undefined;
  readonly experimentId: string | undefined;
  /** Headers of the operation: types, lengths, digests. */
  readonly own: Readonly<Record<string, string>>;
  /** Headers of the caller. */
  readonly given: Readonly<Record<string, string>> | undefined;
}

/** Headers that describe a form's body; without its boundary a form cannot be parsed. */
const ofForms = ['content-type', 'content-length'];

/** The headers of a call. The caller's override the operation's, in any letter case, unless they would break a form. */
export function requestHeaders(parts: HeaderParts): Record<string, string> {
  const { row, credential, idempotencyKey, lease, experimentId } = parts;
  const isForm = row.request === 'multipart';
  const bearer = row.door === 'v0' ? credential?.named : credential?.token;
  const headers = new Map<string, string>([
    ['accept', 'application/json, application/problem+json'],
    ...present('authorization', bearer === undefined ? undefined : `Bearer ${bearer}`),
    ...present(experimentHeader, row.door === 'v0' ? experimentId : undefined),
    ...present(idempotencyHeader, idempotencyKey),
    ...present(leaseHeader, lease),
    ...Object.entries(parts.own),
  ]);
  for (const [given, value] of Object.entries(parts.given ?? {})) {
    const name = given.toLowerCase();
    if (!(isForm && ofForms.includes(name))) headers.set(name, value);
  }
  return Object.fromEntries([...headers].map(([name, value]) => [asWrappersWriteIt(name), value]));
}

// A wrapper of fetch with default headers merges them by exact name: the same name in another case would be sent twice and
// joined by a comma, which makes a boundary unreadable.
function asWrappersWriteIt(name: string): string {
  return name === 'content-type' ? 'Content-Type' : name;
}

function present(name: string, value: string | undefined): [string, string][] {
  return value === undefined ? [] : [[name, value]];
}
