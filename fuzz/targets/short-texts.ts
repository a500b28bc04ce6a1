// Fuzzes small formats: names, numbers of days, base64, addresses, and answers of servers that are not Proofhouse.
import assert from 'node:assert/strict';
import { isAppError, normalizeName, parseRetentionDays, storableText, uploadedBytes } from '@proofhouse/core';
import { parseBaseUrl } from '../../packages/client/src/transport/base-url.ts';
import { downloadOf } from '../../packages/client/src/download.ts';
import { failedAnswer, redirectedAnswer } from '../../packages/client/src/transport/failed-answer.ts';
import { TryTimer } from '../../packages/client/src/transport/try-timer.ts';
import { laterRefusalOr, refusalOr } from '../app-error-of.ts';
import { stoppedClock } from '../request-of-chunks.ts';

const place = 'http://127.0.0.1:1';

const readers: readonly ((text: string) => void | Promise<void>)[] = [
  (text) => {
    const name = refusalOr(() => normalizeName(text, 'worker'), 'invalid_name', 'reserved_identifier');
    if (isAppError(name)) return;
    assert.equal(normalizeName(name, 'worker'), name, 'a name changes when it is normalised again');
    assert.ok(name.isWellFormed() && Array.from(name).length <= 128);
  },
  (text) => {
    const days = parseRetentionDays(text);
    if (typeof days === 'object') assert.ok(Object.values(days).every((count) => count >= 1 && count <= 36_500));
  },
  (text) => {
    const bytes = refusalOr(() => uploadedBytes({ jobId: 'j', name: 'n', base64: text }), 'invalid_request');
    if (bytes instanceof Uint8Array) assert.ok(Buffer.from(text, 'base64').equals(bytes), 'base64 reads otherwise');
  },
  (text) => {
    const kept = storableText(text);
    assert.ok(kept.isWellFormed() && !kept.includes('\0'));
  },
  (text) => {
    const url = refusalOr(() => parseBaseUrl(text), 'invalid_request');
    if (typeof url === 'string') assert.equal(parseBaseUrl(url), url, 'an address changes when it is read again');
  },
  async (text) => {
    const error = await failedAnswer(new Response(text, { status: 500 }), { place, now: 0, errors: [] });
    assert.ok(isAppError(error));
    JSON.stringify(error.details);
  },
  (text) => {
    assert.ok(
      isAppError(redirectedAnswer(new Response(null, { status: 307, headers: { location: ascii(text) } }), place)),
    );
  },
  async (text) => {
    const response = new Response('', { headers: { 'content-disposition': ascii(text), 'content-length': '5' } });
    const timer = new TryTimer(stoppedClock, 1000, () => new Error('too slow'), undefined);
    await laterRefusalOr(async () => downloadOf({ response, timer, place }), 'unsupported');
  },
];

/** Removes the characters that a header cannot contain. */
function ascii(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '');
}

/** The first byte selects the format. The rest is the text to parse. */
export async function fuzz(data: Buffer): Promise<void> {
  const reader = readers[(data[0] ?? 0) % readers.length];
  await reader?.(data.subarray(1).toString('utf8'));
}

export const words = [
  'diff=30',
  'test-result=',
  ',',
  '==',
  'http://',
  'https://u:p@',
  '/..',
  '?#',
  '{"code":"not_found"',
  '"type":"eden://error/not-found"',
  '"errors":[{"path":"a","message":"b","line":1}]',
  '"__proto__":',
  'attachment; filename="',
  "filename*=UTF-8''",
  '%e2%82',
  'Admin',
  '\u0301',
];

export const seeds = [
  '8worker é',
  '9diff=30, log=7',
  ':aGVsbG8=',
  ';a\0b',
  '<https://host/work//',
  '={"type":"eden://error/not-found","detail":"d","status":404,"errors":[{"path":"a","message":"b"}]}',
  '>//elsewhere/x',
  '?attachment; filename="a b.txt"; filename*=UTF-8\'\'%e2%82%ac',
];
