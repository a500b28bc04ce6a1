// Fuzzes the form of an upload with its fields. For every chunk size, the result must be the same: no upload, or one
// upload.
import assert from 'node:assert/strict';
import { AppError, isAppError, normalizeArtifactName } from '@proofhouse/core';
import { readUploadForm } from '../../packages/server/src/http/bytes/upload-form.ts';
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

const checks = {
  checkWorker: (workerId: string): void => {
    if (workerId !== 'w') throw new AppError('worker_not_authorized', 'It is somebody else.');
  },
  checkLease: (leaseId: string): void => {
    if (leaseId !== 'l') throw new AppError('lease_lost', 'It is another lease.');
  },
};

async function read(chunks: readonly Buffer[]) {
  const staging = new StagingOfTest();
  const options = { clock: stoppedClock, boundary, maxBytes: 1 << 20, stage: staging.stage, ...checks };
  const form = await laterRefusalOr(
    () => readUploadForm(requestOfChunks(chunks, true), options),
    'bad_request',
    'invalid_request',
    'invalid_artifact_name',
    'invalid_digest',
    'worker_not_authorized',
    'lease_lost',
  );
  assert.equal(staging.kept, isAppError(form) ? 0 : 1, 'a refused form leaves bytes, or an accepted one has none');
  if (isAppError(form)) return undefined;
  const { about, leaseId, partContentType } = form;
  return { about, leaseId, partContentType, bytes: staging.bytes };
}

/** The first byte determines the sizes of the chunks into which the rest is split. */
export async function fuzz(data: Buffer): Promise<void> {
  const [seed = 0] = data;
  const body = withFillers(data.subarray(1));
  const whole = await read(body.length === 0 ? [] : [body]);
  assert.deepEqual(await read(chunksOf(body, 1 + (seed % 16), seed)), whole, 'cut otherwise, it reads otherwise');
  assert.deepEqual(await read(threePieces(body, seedOf(body))), whole, 'cut in three, it reads otherwise');
  if (whole === undefined) return;
  normalizeArtifactName(whole.about.name);
  assert.ok(whole.leaseId === undefined || whole.leaseId === 'l', 'a lease went by unchecked');
  const found = plainParts(body, boundary).some((part) => part.body.equals(whole.bytes));
  assert.ok(found, 'other bytes than those of a part are kept');
}

function field(name: string, value: string): string {
  return `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
}

const file = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\nContent-Type: text/plain\r\n\r\nbytes\r\n`;
const end = `--${boundary}--\r\n`;

export const words = [
  ...fillers,
  `--${boundary}\r\n`,
  `\r\n--${boundary}--`,
  '\r\n\r\n',
  'Content-Disposition: form-data; name="',
  '; filename="a"',
  'Content-Type: text/plain',
  'name',
  'file',
  'workerId',
  'leaseId',
  'digest',
  'contentType',
  'title',
  'tags',
  'metadata',
  '["a","b"]',
  '{"a":1}',
  'sha256:',
  '{"__proto__":1}',
];

const large = fillers.map((filler) => `${field('name', 'n')}${file.replace('bytes', filler)}${end}`);

export const seeds = [
  ...large.map((form, index) => `${String(index)}${form}`),
  `a${field('name', 'a/b.txt')}${file}${end}`,
  `b${file}${field('name', './a//b')}${field('tags', '["x"]')}${field('metadata', '{"k":[1,null]}')}${end}`,
  `c${field('name', 'n')}${field('leaseId', 'l')}${field('workerId', 'w')}${file}${field('title', 't')}${end}`,
  `d${field('digest', `sha256:${'0a'.repeat(32)}`)}${field('contentType', 'text/x')}${field('type', 'log')}${file}${field('name', 'n')}${end}`,
  `e${field('name', '../x')}${file}${end}`,
];
