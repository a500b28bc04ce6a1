import { experimentHeader, idempotencyHeader, leaseHeader, type Operation } from '@proofhouse/core';
import type { Credential } from './credential.ts';

export interface HeaderParts {
  readonly row: Operation;
  readonly credential: Credential | undefined;
  readonly idempotencyKey: string | undefined;
  readonly lease: string | undefined;
  readonly experimentId: string | undefined;
  /** Headers that this client sets for the body and the answer: types, lengths, digests. */
  readonly own: Readonly<Record<string, string>>;
  /** Headers that the user of this client gave for the call. */
  readonly given: Readonly<Record<string, string>> | undefined;
}

/** Headers that describe the body of a form. The content type contains the boundary, without which nobody can parse a form. */
const ofForms = ['content-type', 'content-length'];

/**
 * Returns the headers of a call. The caller's headers, in any letter case, replace those of the client. They do not
 * replace the headers that describe a form.
 */
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

// Returns the header name in the letter case that wrappers of fetch usually use. A wrapper may have default headers,
// and replaces one only if the names have the same letter case. Otherwise the header is sent twice, joined by a comma.
// The boundary of a form could then not be parsed.
function asWrappersWriteIt(name: string): string {
  return name === 'content-type' ? 'Content-Type' : name;
}

function present(name: string, value: string | undefined): [string, string][] {
  return value === undefined ? [] : [[name, value]];
}
