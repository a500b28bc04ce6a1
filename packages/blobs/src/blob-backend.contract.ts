import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { isAppError, type ErrorCode } from '@proofhouse/core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type BlobBackend,
  type BlobListing,
  type BlobReading,
  type BlobStat,
  type ByteRange,
  isLendingStream,
} from './blob-backend.ts';

/** A blob backend to test, with storage that no other test uses. */
export interface BlobBackendUnderTest {
  /** The backend, not yet opened. */
  readonly backend: BlobBackend;
  /** Removes the storage. Called after the backend was closed. */
  readonly cleanup: () => Promise<void>;
  /**
   * Returns a second backend on the same storage, to simulate a restart. The caller opens it. Required if the backend
   * has `supports.durable`.
   */
  readonly reopen?: () => Promise<BlobBackend>;
  /**
   * Creates a leftover: a file of 3 bytes as an interrupted write leaves it, last written at `createdAt` (epoch ms).
   */
  readonly plantLeftover?: (createdAt: number) => Promise<void>;
}

const kib = 1024;
const mib = 1024 * kib;
const hostileKeys = [
  '',
  '.',
  '..',
  '../../../../../../../../etc/passwd',
  'a/../b',
  `${'a'.repeat(31)}/`,
  `${'a'.repeat(31)}\0`,
  `${'a'.repeat(32)}\0`,
  `${'a'.repeat(32)}\n`,
  'a'.repeat(31),
  'a'.repeat(33),
  'a'.repeat(5000),
  'A'.repeat(32),
  '1'.repeat(32),
  'é'.repeat(32),
  '%2e%2e%2f'.padEnd(32, 'a'),
];

/** Returns a key in the format that `Blobs` generates. */
export function randomBlobKey(): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  return Array.from(randomBytes(32), (byte) => alphabet.charAt(byte & 31)).join('');
}

export async function putBlob(backend: BlobBackend, key: string, ...chunks: Uint8Array[]): Promise<BlobStat> {
  const writer = await backend.create(key);
  for (const chunk of chunks) await writer.write(chunk);
  return await writer.commit();
}

export async function blobBytes({ body }: Pick<BlobReading, 'body'>): Promise<Buffer> {
  return Buffer.isBuffer(body) ? body : Buffer.concat(await body.toArray());
}

export async function expectCode(work: Promise<unknown>, code: ErrorCode): Promise<void> {
  const outcome = await work.then(
    () => 'no error',
    (error: unknown) => (isAppError(error) ? error.code : error),
  );
  expect(outcome).toBe(code);
}

export async function listed(backend: BlobBackend, prefix?: string): Promise<BlobListing[]> {
  const found: BlobListing[] = [];
  for await (const listing of backend.list({ prefix })) found.push(listing);
  return found;
}

/** Defines the contract tests that every blob backend must pass. The test file of each backend calls this function. */
export function blobBackendContract(name: string, makeBackend: () => Promise<BlobBackendUnderTest>): void {
  describe(`${name} keeps the blob backend contract:`, () => {
    let under: BlobBackendUnderTest;
    let backend: BlobBackend;
    const key = randomBlobKey();

    beforeEach(async () => {
      under = await makeBackend();
      backend = under.backend;
      await backend.open();
    });
    afterEach(async () => {
      await backend.close();
      await under.cleanup();
    });

    writingContract(() => backend, key);
    readingContract(() => backend, key);
    keepingContract(() => under, key);
    markerContract(() => under);
  });
}

function writingContract(current: () => BlobBackend, key: string): void {
  it('a blob is invisible until it is committed, and nowhere else afterwards', async () => {
    const backend = current();
    const writer = await backend.create(key);
    await writer.write(randomBytes(3 * mib));
    await expectCode(backend.read(key), 'not_found');
    expect(await backend.stat(key)).toBeUndefined();
    expect(await listed(backend)).toEqual([]);
    const stat = await writer.commit();
    expect(stat.sizeBytes).toBe(3 * mib);
    expect(await backend.stat(key)).toEqual(stat);
    expect(await listed(backend)).toEqual([{ key, ...stat }]);
    expect(await backend.sweepStaging(Date.now() + 60_000, { dryRun: true })).toEqual([]);
  });

  it('a blob is never overwritten', async () => {
    const backend = current();
    const stat = await putBlob(backend, key, Buffer.from('first'));
    await expectCode(putBlob(backend, key, Buffer.from('second')), 'already_exists');
    expect((await blobBytes(await backend.read(key))).toString()).toBe('first');
    expect(await backend.stat(key)).toEqual(stat);
    expect(await backend.sweepStaging(Date.now() + 60_000)).toEqual([]);
  });

  it('of many writers of one key exactly one wins, and its bytes are whole', async () => {
    const backend = current();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 12 }, (_, index) => putBlob(backend, key, Buffer.alloc(100 * kib, index))),
    );
    const winners = outcomes.flatMap((outcome, index) => (outcome.status === 'fulfilled' ? [index] : []));
    expect(winners).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'already_exists' });
    }
    expect(await blobBytes(await backend.read(key))).toEqual(Buffer.alloc(100 * kib, winners[0]));
  });

  it('an aborted write leaves nothing, and its writer accepts no more chunks', async () => {
    const backend = current();
    const writer = await backend.create(key);
    await writer.write(randomBytes(3 * mib));
    await writer.abort();
    await writer.abort();
    expect(await backend.stat(key)).toBeUndefined();
    expect(await backend.sweepStaging(Date.now() + 60_000)).toEqual([]);
    await expectCode(writer.write(Buffer.from('x')), 'internal');
    await expectCode(writer.commit(), 'internal');
    await putBlob(backend, key, Buffer.from('the key is free'));
  });

  it('abort after a commit, successful or not, has no effect', async () => {
    const backend = current();
    const writer = await backend.create(key);
    await writer.commit();
    await writer.abort();
    const loser = await backend.create(key);
    await expectCode(loser.commit(), 'already_exists');
    await loser.abort();
    expect(await backend.stat(key)).toMatchObject({ sizeBytes: 0 });
  });

  it('a key that is not 32 base32 characters is refused before storage is touched', async () => {
    const backend = current();
    for (const hostile of hostileKeys) {
      await expectCode(backend.create(hostile), 'invalid_request');
      await expectCode(backend.read(hostile), 'invalid_request');
      await expectCode(backend.stat(hostile), 'invalid_request');
      await expectCode(backend.delete(hostile), 'invalid_request');
      expect(() => backend.localPath(hostile)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    }
  });

  it('the stored bytes do not depend on the chunk sizes', async () => {
    const backend = current();
    const chunks = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 600 });
    const property = fc.asyncProperty(chunks, async (pieces) => {
      const one = randomBlobKey();
      await putBlob(backend, one, ...pieces);
      expect(Buffer.concat(pieces).equals(await blobBytes(await backend.read(one)))).toBe(true);
    });
    await fc.assert(property, { numRuns: 25 });
  });
}

function readingContract(current: () => BlobBackend, key: string): void {
  const sizes = [0, 1, 64 * kib - 1, 64 * kib, 64 * kib + 1, 256 * kib - 1, 256 * kib, 256 * kib + 1, 5 * mib + 3];
  it.each(sizes)('%i bytes come back exactly, all and by range', async (size) => {
    const backend = current();
    const bytes = randomBytes(size);
    const pieces = Array.from({ length: Math.ceil(size / 50_000) }, (_, i) =>
      bytes.subarray(i * 50_000, (i + 1) * 50_000),
    );
    const stat = await putBlob(backend, key, ...pieces);
    const reading = await backend.read(key);
    expect(reading.stat).toEqual(stat);
    expect(bytes.equals(await blobBytes(reading))).toBe(true);
    for (const { start, end } of rangesOf(size)) {
      const part = await backend.read(key, { start, end });
      expect(part.stat.sizeBytes).toBe(size);
      expect(bytes.subarray(start, end + 1).equals(await blobBytes(part))).toBe(true);
    }
    for (const range of rangesOutside(size)) await expectCode(backend.read(key, range), 'range_not_satisfiable');
  });

  it('a missing blob is not_found to read, undefined to stat, and no error to delete', async () => {
    const backend = current();
    await expectCode(backend.read(key), 'not_found');
    expect(await backend.stat(key)).toBeUndefined();
    await backend.delete(key);
    await putBlob(backend, key, Buffer.from('x'));
    await backend.delete(key);
    await backend.delete(key);
    await expectCode(backend.read(key), 'not_found');
    expect(await listed(backend)).toEqual([]);
  });

  it('a reader that began before a delete still gets every byte', async () => {
    const backend = current();
    const bytes = randomBytes(4 * mib);
    await putBlob(backend, key, bytes);
    const reading = await backend.read(key);
    await backend.delete(key);
    expect(bytes.equals(await blobBytes(reading))).toBe(true);
  });

  it('a blob that was deleted and written again has another fingerprint', async () => {
    const backend = current();
    const first = await putBlob(backend, key, Buffer.from('same'));
    await backend.delete(key);
    const second = await putBlob(backend, key, Buffer.from('same'));
    expect(second.fingerprint).not.toBe(first.fingerprint);
  });

  it('a stream may be destroyed at once or half way, many times over', async () => {
    const backend = current();
    await putBlob(backend, key, randomBytes(3 * mib));
    for (let i = 0; i < 50; i++) {
      const { body } = await backend.read(key);
      if (!(body instanceof Readable)) continue;
      if (i % 2 === 0) for await (const _ of body) break;
      body.destroy();
      if (!body.closed) await new Promise((done) => body.once('close', done));
    }
    expect((await blobBytes(await backend.read(key))).byteLength).toBe(3 * mib);
  });

  it('lent bytes stay unchanged until they are taken, with several streams at once', async () => {
    const backend = current();
    const lend = async (fill: number): Promise<void> => {
      const one = randomBlobKey();
      const bytes = Buffer.alloc(3 * mib + fill, fill);
      await putBlob(backend, one, bytes);
      const { body } = await backend.read(one);
      if (!isLendingStream(body)) return;
      const taken: Buffer[] = [];
      await body.lend(async (piece) => {
        for (let turn = 0; turn < fill % 7; turn++) await new Promise((done) => setImmediate(done));
        taken.push(Buffer.from(piece));
      });
      expect(bytes.equals(Buffer.concat(taken))).toBe(true);
    };
    await Promise.all(Array.from({ length: 20 }, (_, index) => lend(index + 1)));
  });

  it('lending ends with an error when its stream is destroyed or taking a piece fails', async () => {
    const backend = current();
    await putBlob(backend, key, randomBytes(3 * mib));
    const failure = new Error('the client went away');
    const takes: Record<string, (body: Readable) => Promise<void>> = {
      refused: () => Promise.reject(failure),
      'destroyed, and never settled': (body) => {
        body.destroy();
        return new Promise(() => undefined);
      },
      'destroyed, and settled well': async (body) => void body.destroy(),
      'destroyed with a reason': async (body) => void body.destroy(failure),
    };
    for (const take of Object.values(takes)) {
      const { body } = await backend.read(key);
      if (!isLendingStream(body)) return;
      const closed = new Promise((done) => body.once('close', done));
      await expect(body.lend(() => take(body))).rejects.toThrow();
      await closed;
    }
  });

  it('changing a buffer that was read changes no blob', async () => {
    const backend = current();
    await putBlob(backend, key, Buffer.from('as it was'));
    (await blobBytes(await backend.read(key))).fill(0);
    expect((await blobBytes(await backend.read(key))).toString()).toBe('as it was');
  });
}

function keepingContract(current: () => BlobBackendUnderTest, key: string): void {
  it('the list yields every one of many blobs once', async () => {
    const { backend } = current();
    const keys = Array.from({ length: 300 }, randomBlobKey);
    const stats = await Promise.all(keys.map((one, index) => putBlob(backend, one, Buffer.alloc(index))));
    const byKey = (a: BlobListing, b: BlobListing): number => (a.key < b.key ? -1 : 1);
    const expected = keys.map((one, index) => ({ key: one, ...stats[index] }) as BlobListing);
    expect((await listed(backend)).sort(byKey)).toEqual(expected.sort(byKey));
    for await (const found of backend.list()) await backend.delete(found.key);
    expect(await listed(backend)).toEqual([]);
  });

  it('a list by prefix yields the blobs whose keys begin with it, and in slices every blob once', async () => {
    const { backend } = current();
    const near = Array.from({ length: 5 }, () => `ab${randomBlobKey().slice(2)}`);
    const keys = [...near, ...Array.from({ length: 60 }, randomBlobKey), 'a'.repeat(32)];
    await Promise.all(keys.map((one) => putBlob(backend, one, Buffer.from('x'))));
    const under = async (prefix?: string): Promise<string[]> =>
      (await listed(backend, prefix)).map((found) => found.key).sort();
    expect(await under()).toEqual([...keys].sort());
    expect(await under('')).toEqual([...keys].sort());
    for (const prefix of ['a', 'ab', 'abc', 'z', near[0] ?? '', 'a'.repeat(32), 'b'.repeat(31)]) {
      expect(await under(prefix)).toEqual(keys.filter((one) => one.startsWith(prefix)).sort());
    }
    const slices = await Promise.all(Array.from('abcdefghijklmnopqrstuvwxyz234567', under));
    expect(slices.flat().sort()).toEqual([...keys].sort());
  });

  it('an invalid prefix is refused before storage is touched', async () => {
    const { backend } = current();
    for (const hostile of [
      'A',
      '1',
      '.',
      '..',
      '../',
      'a/',
      'a\0',
      'a\n',
      '%61',
      'é',
      'a'.repeat(33),
      'a'.repeat(5000),
    ]) {
      await expectCode(listed(backend, hostile), 'invalid_request');
    }
  });

  it('a sweep keeps young writes and removes old leftovers', async () => {
    const { backend, plantLeftover } = current();
    const now = Date.now();
    const writer = await backend.create(key);
    await writer.write(randomBytes(3 * mib));
    await plantLeftover?.(now - 100_000);
    await plantLeftover?.(now - 20_000);
    const old = plantLeftover === undefined ? [] : [expect.objectContaining({ sizeBytes: 3 })];
    expect(await backend.sweepStaging(now - 50_000, { dryRun: true })).toEqual(old);
    expect(await backend.sweepStaging(now - 50_000)).toEqual(old);
    expect(await backend.sweepStaging(now - 50_000)).toEqual([]);
    expect(await writer.commit()).toMatchObject({ sizeBytes: 3 * mib });
  });

  it('a committed blob exists after a restart, or the backend declares that it is not durable', async () => {
    const { backend, reopen } = current();
    const bytes = randomBytes(300 * kib);
    const stat = await putBlob(backend, key, bytes);
    if (!backend.supports.durable) return;
    if (reopen === undefined) throw new Error('A durable backend must wire `reopen`.');
    const again = await reopen();
    await again.open();
    const reading = await again.read(key);
    expect(reading.stat).toEqual(stat);
    expect(bytes.equals(await blobBytes(reading))).toBe(true);
    await again.close();
  });

  it('localPath is the path of the real file, or undefined where there is none', async () => {
    const { backend } = current();
    await putBlob(backend, key, Buffer.from('in a file'));
    const path = backend.localPath(key);
    expect(path !== undefined).toBe(backend.supports.localFiles);
    if (path !== undefined) expect(await readFile(path, 'utf8')).toBe('in a file');
  });

  it('open is idempotent, and a closed backend throws unavailable', async () => {
    const { backend } = current();
    await backend.open();
    const writer = await backend.create(key);
    await writer.write(Buffer.from('x'));
    await backend.close();
    await backend.close();
    await expectCode(writer.commit(), 'unavailable');
    await expectCode(backend.open(), 'unavailable');
    await expectCode(backend.create(key), 'unavailable');
    await expectCode(backend.read(key), 'unavailable');
    await expectCode(backend.stat(key), 'unavailable');
    await expectCode(backend.delete(key), 'unavailable');
    await expectCode(listed(backend), 'unavailable');
    await expectCode(backend.sweepStaging(0), 'unavailable');
  });
}

function markerContract(current: () => BlobBackendUnderTest): void {
  it('a marker is written once, replaced only when asked, and is no blob', async () => {
    const { backend } = current();
    expect(await backend.readMarker()).toBeUndefined();
    expect(await backend.writeMarker('first')).toBe('first');
    expect(await backend.writeMarker('second')).toBe('first');
    expect(await backend.readMarker()).toBe('first');
    expect(await backend.writeMarker('third', { replace: true })).toBe('third');
    expect(await backend.writeMarker('x'.repeat(128), { replace: true })).toBe('x'.repeat(128));
    expect(await backend.readMarker()).toBe('x'.repeat(128));
    expect(await listed(backend)).toEqual([]);
    expect(await backend.sweepStaging(Date.now() + 60_000)).toEqual([]);
  });

  it('of many writers of a marker one wins, and all get the same result', async () => {
    const { backend } = current();
    const held = await Promise.all(Array.from({ length: 12 }, (_, index) => backend.writeMarker(`store-${index}`)));
    expect(new Set(held)).toEqual(new Set([await backend.readMarker()]));
  });

  it('a marker that is no short printable text is refused', async () => {
    const { backend } = current();
    for (const text of ['', ' ', 'a b', 'a\n', 'é', '\0', 'x'.repeat(129)]) {
      await expectCode(backend.writeMarker(text), 'invalid_request');
    }
    expect(await backend.readMarker()).toBeUndefined();
  });

  it('a marker exists after a restart, and a closed backend throws', async () => {
    const { backend, reopen } = current();
    await backend.writeMarker('kept');
    if (backend.supports.durable && reopen !== undefined) {
      const again = await reopen();
      await again.open();
      expect(await again.readMarker()).toBe('kept');
      await again.close();
    }
    await backend.close();
    await expectCode(backend.readMarker(), 'unavailable');
    await expectCode(backend.writeMarker('late'), 'unavailable');
  });
}

function rangesOf(size: number): ByteRange[] {
  if (size === 0) return [];
  const middle = Math.floor(size / 2);
  const ranges = [
    { start: 0, end: 0 },
    { start: size - 1, end: size - 1 },
    { start: 0, end: size - 1 },
    { start: middle, end: size - 1 },
    { start: Math.max(0, middle - 5), end: middle },
  ];
  return ranges;
}

function rangesOutside(size: number): ByteRange[] {
  return [
    { start: 0, end: size },
    { start: size, end: size },
    { start: -1, end: 0 },
    { start: 2, end: 1 },
    { start: 0.5, end: 1 },
    { start: NaN, end: NaN },
  ];
}
