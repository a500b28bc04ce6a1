// Fuzzes the form of a deposit. For every chunk size, the result must be the same: no deposit, or a deposit with the
// bytes of the only part.
import assert from 'node:assert/strict';
import { isAppError } from '@proofhouse/core';
import { readDepositForm } from '../../packages/server/src/http/bytes/deposit-form.ts';
import { laterRefusalOr } from '../app-error-of.ts';
import { plainParts } from '../plain-form.ts';
import {
  chunksOf,
  seedOf,
  fillers,
  requestOfChunks,
  StagingOfTest,
  stoppedClock,
  threePieces,
  withFillers,
} from '../request-of-chunks.ts';

const boundary = 'bnd';

interface Deposit {
  readonly bytes: Buffer;
  readonly contentType: string | undefined;
  readonly filename: string;
}

async function read(chunks: readonly Buffer[], whole: boolean): Promise<Deposit | undefined> {
  const staging = new StagingOfTest();
  const { stage } = staging;
  const request = requestOfChunks(chunks, whole);
  const form = await laterRefusalOr(
    () => readDepositForm(request, { clock: stoppedClock, boundary, maxBytes: 1 << 20, stage }),
    'bad_request',
  );
  assert.equal(staging.kept, isAppError(form) ? 0 : 1, 'a refused form leaves bytes, or an accepted one has none');
  if (isAppError(form)) return undefined;
  return { bytes: staging.bytes, contentType: form.contentType, filename: form.filename };
}

/** The first byte determines the sizes of the chunks into which the rest is split. */
export async function fuzz(data: Buffer): Promise<void> {
  const [seed = 0] = data;
  const body = withFillers(data.subarray(1));
  const whole = await read(body.length === 0 ? [] : [body], true);
  const cut = await read(chunksOf(body, 1 + (seed % 16), seed), true);
  assert.deepEqual(cut, whole, 'cut otherwise, it reads otherwise');
  const three = await read(threePieces(body, seedOf(body)), true);
  assert.deepEqual(three, whole, 'cut in three, it reads otherwise');
  if (seed % 8 === 0) assert.equal(await read(chunksOf(body, 64, seed), false), undefined, 'a broken body is accepted');
  if (whole === undefined) return;
  const parts = plainParts(body, boundary);
  assert.equal(parts.length, 1, 'more or less than one part is accepted');
  assert.deepEqual(whole.bytes, parts[0]?.body, 'other bytes than those of the part are kept');
}

const disposition = 'Content-Disposition: form-data; name="file"; filename=';

export const words = [
  ...fillers,
  `--${boundary}\r\n`,
  `\r\n--${boundary}\r\n`,
  `\r\n--${boundary}--`,
  `--${boundary}`,
  '\r\n\r\n',
  '\r\n',
  '\n--',
  'Content-Disposition: ',
  'form-data',
  '; name="file"',
  '; name=file',
  '; filename="',
  "; filename*=UTF-8''%e2%82%ac",
  "; filename*=iso-8859-1'en'%A3",
  'Content-Type: text/plain',
  'Content-Transfer-Encoding: base64',
  '\\"',
];

export const seeds = [
  ...fillers.map((filler) => `a--${boundary}\r\n${disposition}"a.txt"\r\n\r\n${filler}\r\n--${boundary}--\r\n`),
  `a--${boundary}\r\n${disposition}"a.txt"\r\nContent-Type: text/plain\r\n\r\nbytes\r\n--${boundary}--\r\n`,
  `b--${boundary}\r\n${disposition}""\r\n\r\n\r\n--${boundary}--`,
  `cpreamble\r\n--${boundary}\r\n${disposition}"é"; filename*=UTF-8''%c3%a9\r\n\r\n\r\n--bn\r\n\r\n--${boundary}--\r\nepilogue`,
  `d--${boundary}\r\n${disposition}a\r\n folded\r\n\r\n\0\n--${boundary}\n\r\n--${boundary}--`,
  `e--${boundary}\r\n${disposition}"a"\r\n\r\nx\r\n--${boundary}\r\n${disposition}"b"\r\n\r\ny\r\n--${boundary}--\r\n`,
  `f--${boundary}--\r\n`,
];
