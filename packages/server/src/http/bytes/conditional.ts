import type { ByteRange } from '@proofhouse/blobs';
import { AppError } from '@proofhouse/core';
import type { EntityConditions } from '../../kernel/entity-conditions.ts';

export type RangeDecision =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly range: ByteRange }
  | { readonly kind: 'unsatisfiable' };

/**
 * Returns which bytes a GET must send (RFC 9110 section 14): one range (`part`) or all bytes (`whole`). The result is
 * `whole` for several ranges, other units and malformed headers, as the RFC allows. It is also `whole` if `If-Range`
 * differs from the strong ETag. The result is `unsatisfiable` for a range that starts after the last byte.
 */
export function decideRange(
  headers: { readonly range?: string | undefined; readonly ifRange?: string | undefined },
  sizeBytes: number,
  etag: string,
): RangeDecision {
  const match = /^bytes=(\d*)-(\d*)$/i.exec(headers.range ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return { kind: 'whole' };
  if (headers.ifRange !== undefined && headers.ifRange !== etag) return { kind: 'whole' };
  const last = sizeBytes - 1;
  if (match[1] === '') {
    const suffix = Number(match[2]);
    if (suffix === 0 || sizeBytes === 0) return { kind: 'unsatisfiable' };
    return { kind: 'part', range: { start: Math.max(0, sizeBytes - suffix), end: last } };
  }
  const start = Number(match[1]);
  const end = match[2] === '' ? last : Math.min(Number(match[2]), last);
  if (match[2] !== '' && Number(match[2]) < start) return { kind: 'whole' };
  return start > last ? { kind: 'unsatisfiable' } : { kind: 'part', range: { start, end } };
}

/**
 * Returns true if the header `If-None-Match` contains this ETag or is `*`, so that the answer must be 304. The comparison
 * is weak (RFC 9110 section 13.1.2).
 */
export function noneMatch(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return header.split(',').some((candidate) => candidate.trim().replace(/^W\//, '') === etag);
}

/**
 * Returns the conditions of a write from its headers (RFC 9110 section 13.1). `If-Match` uses the strong comparison, so
 * weak tags match nothing. `If-None-Match` uses the weak comparison. Conditions on dates are ignored, because artifact
 * names have no modification date. Errors: `bad_request`.
 */
export function entityConditions(headers: {
  readonly 'if-match'?: string | undefined;
  readonly 'if-none-match'?: string | undefined;
}): EntityConditions {
  return {
    ifMatch: entityTags('If-Match', headers['if-match'], false),
    ifNoneMatch: entityTags('If-None-Match', headers['if-none-match'], true),
  };
}

const entityTagList =
  /^[ \t,]*(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"(?:[ \t]*,[ \t,]*(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")*[ \t,]*$/;

function entityTags(name: string, header: string | undefined, weak: boolean): '*' | readonly string[] | undefined {
  if (header === undefined) return undefined;
  if (header.trim() === '*') return '*';
  if (!entityTagList.test(header)) throw new AppError('bad_request', `${name} must be "*" or a list of entity tags.`);
  const tags = [...header.matchAll(/(W\/)?"([^"]*)"/g)];
  return tags.filter(([, isWeak]) => weak || isWeak === undefined).map(([, , tag = '']) => tag);
}
