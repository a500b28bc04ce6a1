// Fuzzes headers about content, digests and ranges, with the parsers of the server and of the client.
import assert from 'node:assert/strict';
import { cleanContentType, digestOf, isAppError, parseDigest } from '@proofhouse/core';
import { contentDigestOf, parseDigestHeader } from '../../packages/client/src/transport/digest-header.ts';
import { parseRetryAfter } from '../../packages/client/src/transport/retry-policy.ts';
import { decideRange, entityConditions, noneMatch } from '../../packages/server/src/http/bytes/conditional.ts';
import { BodyDigests } from '../../packages/server/src/http/bytes/body-digests.ts';
import { formBoundary } from '../../packages/server/src/http/bytes/multipart-form.ts';
import { refusalOr } from '../app-error-of.ts';
import { plainRange } from '../plain-range.ts';

const etag = '"etag"';

const readers: readonly ((text: string) => void)[] = [
  (text) => {
    const cleaned = cleanContentType(text);
    if (cleaned === undefined) return;
    assert.match(cleaned, /^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/);
    assert.equal(cleanContentType(cleaned), cleaned, 'a content type changes when it is cleaned again');
  },
  (text) => {
    const boundary = refusalOr(() => formBoundary(text), 'unsupported_media_type', 'bad_request');
    if (isAppError(boundary)) return;
    assert.ok(boundary !== '' && boundary.length <= 200);
    assert.match(text.trimStart(), /^multipart\/form-data/i);
  },
  (text) => {
    const contentDigest = (value: string) => new BodyDigests({ 'content-digest': value }).takeSha256();
    refusalOr(() => new BodyDigests({ digest: text }), 'invalid_digest');
    refusalOr(() => new BodyDigests({ 'content-md5': text }), 'invalid_digest');
    refusalOr(() => entityConditions({ 'if-match': text }), 'bad_request');
    const hex = refusalOr(() => contentDigest(text), 'invalid_digest');
    if (hex === undefined || isAppError(hex)) return;
    assert.match(hex, /^[0-9a-f]{64}$/);
    assert.equal(contentDigest(contentDigestOf(digestOf(hex))), hex, 'a digest changes when it is written again');
  },
  (text) => {
    const hex = refusalOr(() => parseDigest(text), 'invalid_digest');
    if (!isAppError(hex)) assert.match(hex, /^[0-9a-f]{64}$/);
  },
  (text) => {
    const digest = parseDigestHeader(text);
    if (digest !== undefined) assert.match(digest, /^sha256:[0-9a-f]{64}$/);
  },
  (text) => {
    const after = parseRetryAfter(text, 0);
    assert.ok(after === undefined || after >= 0);
  },
  (text) => {
    const matches = noneMatch(text, etag);
    if (matches) assert.ok(text.trim() === '*' || text.includes(etag));
    if (text.trim() === etag || text.trim() === `W/${etag}`) assert.ok(matches);
  },
  checkRange,
];

function checkRange(text: string): void {
  const size = text.charCodeAt(0) % 40;
  // Node trims the values of headers, so the value is trimmed here too.
  const range = text.slice(1).trim();
  const decided = decideRange({ range }, size, etag);
  const plain = plainRange(range, size);
  if (decided.kind === 'whole') assert.equal(plain, 'whole');
  else if (decided.kind === 'unsatisfiable') assert.equal(plain, 'none');
  else {
    const { start, end } = decided.range;
    assert.ok(Number.isSafeInteger(start) && Number.isSafeInteger(end), 'a range is no number');
    assert.deepEqual(
      Array.from({ length: end - start + 1 }, (_, place) => start + place),
      plain,
    );
  }
  assert.equal(decideRange({ range, ifRange: '"other"' }, size, etag).kind, 'whole');
}

/** The first byte selects the header. The rest is its value. */
export function fuzz(data: Buffer): void {
  const reader = readers[(data[0] ?? 0) % readers.length];
  // In Node, a header value has one character for each byte, and no line breaks or NUL.
  const text = data
    .subarray(1)
    .toString('latin1')
    .replaceAll(/[\0\r\n]/g, ' ');
  reader?.(text);
}

export const words = [
  'bytes=',
  'bytes=0-',
  'bytes=-1',
  '99999999999999999999',
  '9007199254740993',
  ', ',
  'W/',
  etag,
  '*',
  'multipart/form-data',
  '; boundary=',
  'boundary="',
  'charset=utf-8',
  'sha-256=:',
  'sha-512=:',
  'sha256:',
  `${'A'.repeat(43)}=:`,
  ';q=1',
  '?1',
  'Wed, 21 Oct 2015 07:28:00 GMT',
];

export const seeds = [
  '8text/plain; charset=utf-8',
  `8text/plain${' '.repeat(300)}x`,
  '9multipart/form-data; boundary=bnd',
  '9Multipart/Form-Data; charset=utf-8; boundary="a b"',
  `:sha-256=:${'A'.repeat(43)}=:`,
  `:sha-512=:AAAA:, sha-256=:${'A'.repeat(43)}=:;p=1`,
  `;sha256:${'0A'.repeat(32)}`,
  `<id=:AA==:, sha-256=:${'A'.repeat(43)}=:`,
  '=120',
  '=Wed, 21 Oct 2015 07:28:00 GMT',
  `>W/"other", ${etag}`,
  '?\x0abytes=2-5',
  '?\x0abytes=-3',
  '?\x0abytes=0-0,5-6',
];
