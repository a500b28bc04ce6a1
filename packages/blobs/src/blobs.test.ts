import { createHash, randomBytes } from 'node:crypto';
import { chmod, copyFile, readdir, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FilesystemBackend } from './backends/filesystem/filesystem-backend.ts';
import { makeTemporaryRoot } from './backends/filesystem/temporary-root.ts';
import { MemoryBackend } from './backends/memory/memory-backend.ts';
import { blobBytes, expectCode, listed, randomBlobKey } from './blob-backend.contract.ts';
import type { BlobBackend } from './blob-backend.ts';
import { type BlobRef, Blobs, type ChunkObserver } from './blobs.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const kib = 1024;
const large = 700 * kib;

async function* chunks(bytes: Buffer, size = 64 * kib): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Returns an observer. After each chunk it appends to `sizes` the total number of bytes that it has received. */
function receivedSizes(sizes: number[]): ChunkObserver {
  return { observe: (chunk) => void sizes.push((sizes.at(-1) ?? 0) + chunk.byteLength) };
}

let root: string;
let cleanup: () => Promise<void>;
let files: FilesystemBackend;

beforeEach(async () => {
  ({ root, cleanup } = await makeTemporaryRoot());
  files = new FilesystemBackend({ root });
  await files.open();
});
afterEach(async () => {
  await files.close();
  await cleanup();
});

describe.each(['filesystem', 'memory'])('received into %s,', (kind) => {
  let backend: BlobBackend;
  let blobs: Blobs;

  beforeEach(async () => {
    backend = kind === 'memory' ? new MemoryBackend() : files;
    await backend.open();
    blobs = new Blobs({ backend, newKey: randomBlobKey, maxBytes: 4 * 1024 * kib });
  });

  const expectNothingLeft = async (): Promise<void> => {
    expect(await listed(backend)).toEqual([]);
    expect(await blobs.sweepStaging(Date.now() + 60_000)).toEqual([]);
  };

  it.each([0, 1, 4 * kib, 3000 * kib])('%i bytes are counted, hashed and returned', async (size) => {
    const bytes = randomBytes(size);
    const seen: number[] = [];
    const ref = await blobs.receive(chunks(bytes), {
      expectedSha256: sha256(bytes),
      observers: [receivedSizes(seen)],
    });
    expect(ref).toMatchObject({ sizeBytes: size, sha256: sha256(bytes) });
    expect(seen.at(-1) ?? 0).toBe(size);
    expect(seen).toHaveLength(Math.ceil(size / (64 * kib)));
    const opened = await blobs.open(ref);
    expect(opened.fingerprint).toBe(ref.fingerprint);
    expect(bytes.equals(await blobBytes(opened))).toBe(true);
    expect(await blobs.verify(ref)).toBe(ref.fingerprint);
  });

  it.each([10, 3000 * kib])(
    'exactly %i bytes fit a limit of the same size, one more is refused and leaves nothing',
    async (limitBytes) => {
      const bytes = randomBytes(limitBytes + 1);
      const refused = blobs.receive(chunks(bytes), { maxBytes: limitBytes });
      await expect(refused).rejects.toMatchObject({ code: 'artifact_too_large', details: { limitBytes } });
      await expectNothingLeft();
      await blobs.receive(chunks(bytes.subarray(1)), { maxBytes: limitBytes });
    },
  );

  it('a call may lower the size limit of the store and not raise it', async () => {
    const bytes = randomBytes(4 * 1024 * kib + 1);
    await expectCode(blobs.receive(chunks(bytes), { maxBytes: 2 ** 40 }), 'artifact_too_large');
    await expectNothingLeft();
  });

  it('a refused Readable is read no further, and can still be drained', async () => {
    let given = 0;
    const source = new Readable({
      highWaterMark: 1,
      read() {
        this.push(given++ < 500 ? Buffer.alloc(kib) : null);
      },
    });
    await expectCode(blobs.receive(source, { maxBytes: 5 * kib }), 'artifact_too_large');
    expect(given).toBeLessThan(20);
    expect(source.destroyed).toBe(false);
    for await (const _ of source);
    expect(given).toBeGreaterThan(500);
  });

  it('a chunk that exceeds the limit is neither hashed nor passed on, however large it is', async () => {
    let handedOn = 0;
    const create = backend.create.bind(backend);
    backend.create = async (key) => {
      const writer = await create(key);
      const write = writer.write.bind(writer);
      writer.write = (chunk) => {
        handedOn += chunk.byteLength;
        return write(chunk);
      };
      return writer;
    };
    const told: number[] = [];
    const source = Readable.from([Buffer.alloc(3 * kib), Buffer.alloc(large), Buffer.alloc(1)]);
    const refused = blobs.receive(source, { maxBytes: 4 * kib, observers: [receivedSizes(told)] });
    await expectCode(refused, 'artifact_too_large');
    expect([handedOn, told]).toEqual([3 * kib, [3 * kib]]);
    await expectNothingLeft();
  });

  it.each([10, 3000 * kib])('%i bytes with another digest are refused before they are visible', async (size) => {
    const bytes = randomBytes(size);
    const refused = blobs.receive(chunks(bytes), { expectedSha256: sha256(Buffer.from('other')) });
    await expect(refused).rejects.toMatchObject({ code: 'digest_mismatch', details: { actual: sha256(bytes) } });
    await expectNothingLeft();
  });

  it.each([10, 3000 * kib])(
    '%i staged bytes are hashed but invisible, until they are committed or discarded',
    async (size) => {
      const bytes = randomBytes(size);
      const dropped = await blobs.stage(chunks(bytes));
      expect(dropped).toMatchObject({ sizeBytes: size, sha256: sha256(bytes) });
      await dropped.discard();
      await expectNothingLeft();
      const kept = await blobs.stage(chunks(bytes));
      expect(await listed(backend)).toEqual([]);
      const ref = await kept.commit();
      await kept.discard();
      expect(bytes.equals(await blobBytes(await blobs.open(ref)))).toBe(true);
    },
  );

  it('a malformed digest is refused before anything is read', async () => {
    const source = chunks(randomBytes(10));
    for (const digest of ['', 'abc', 'A'.repeat(64), `sha256:${'a'.repeat(64)}`, `${'a'.repeat(64)}\n`]) {
      await expectCode(blobs.receive(source, { expectedSha256: digest }), 'invalid_digest');
    }
    expect((await source.next()).value).toHaveLength(10);
  });

  it('an error of the source is rethrown, and nothing is stored', async () => {
    const failure = new Error('the client went away');
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield randomBytes(3000 * kib);
      throw failure;
    };
    await expect(blobs.receive(failing())).rejects.toBe(failure);
    const stream = Readable.from(failing());
    stream.once('data', () => stream.destroy(failure));
    await expect(blobs.receive(stream)).rejects.toThrow();
    const throwing: ChunkObserver = {
      observe: () => {
        throw failure;
      },
    };
    await expect(blobs.receive(chunks(randomBytes(10)), { observers: [throwing] })).rejects.toBe(failure);
    const rejecting: ChunkObserver = { observe: () => Promise.reject(failure) };
    await expect(blobs.receive(chunks(randomBytes(10)), { observers: [rejecting] })).rejects.toBe(failure);
    await expectNothingLeft();
  });

  it('observers see each chunk once, in order, and the next chunk waits for their promises', async () => {
    const events: string[] = [];
    const source = async function* (): AsyncGenerator<Uint8Array> {
      for (const text of ['a', 'b']) {
        events.push(`read ${text}`);
        yield Buffer.from(text);
      }
    };
    const slow: ChunkObserver = {
      observe: async (chunk) => {
        await new Promise(setImmediate);
        events.push(`slow ${Buffer.from(chunk).toString()}`);
      },
    };
    const fast: ChunkObserver = { observe: (chunk) => void events.push(`fast ${Buffer.from(chunk).toString()}`) };
    const ref = await blobs.receive(source(), { observers: [slow, fast] });
    expect(events).toEqual(['read a', 'slow a', 'fast a', 'read b', 'slow b', 'fast b']);
    expect(ref.sha256).toBe(sha256(Buffer.from('ab')));
  });

  it.each([1000, large])('a range of %i bytes is exact, and one outside is refused', async (size) => {
    const bytes = randomBytes(size);
    const ref = await blobs.receive(chunks(bytes));
    const part = await blobs.open(ref, { start: 10, end: 899 });
    expect(bytes.subarray(10, 900).equals(await blobBytes(part))).toBe(true);
    for (const range of [
      { start: 0, end: size },
      { start: 5, end: 4 },
      { start: -1, end: 4 },
    ]) {
      await expectCode(blobs.open(ref, range), 'range_not_satisfiable');
    }
  });

  it('a recorded blob that is missing is an integrity failure', async () => {
    const ref = await blobs.receive(chunks(randomBytes(large)));
    await blobs.delete(ref.key);
    await expectCode(blobs.open(ref), 'integrity_failure');
    await expectCode(blobs.verify(ref), 'integrity_failure');
    await expectCode(blobs.open(ref, { start: 0, end: 1 }), 'integrity_failure');
  });
});

describe('bytes that were changed outside of the store', () => {
  const bytesOf = { small: randomBytes(100), large: randomBytes(large) };
  let blobs: Blobs;
  beforeEach(() => (blobs = new Blobs({ backend: files, newKey: randomBlobKey })));

  const refusals = async (ref: BlobRef): Promise<void> => {
    await expectCode(blobs.open(ref), 'integrity_failure');
    await expectCode(blobs.open(ref, { start: 3, end: 4 }), 'integrity_failure');
    await expectCode(blobs.verify(ref), 'integrity_failure');
  };
  const overwrite = async (path: string, bytes: Buffer): Promise<void> => {
    await chmod(path, 0o640);
    await writeFile(path, bytes);
  };

  it.each(['small', 'large'] as const)('%s: one other byte, fewer and more bytes are not served', async (size) => {
    const bytes = bytesOf[size];
    const ref = await blobs.receive(chunks(bytes));
    const path = files.localPath(ref.key);
    const other = Buffer.from(bytes);
    other[50] = (other[50] ?? 0) ^ 1;
    for (const wrong of [other, bytes.subarray(1), Buffer.concat([bytes, Buffer.alloc(1)]), Buffer.alloc(0)]) {
      await overwrite(path, wrong);
      await refusals(ref);
    }
    await truncate(path, 2 ** 33);
    await refusals(ref);
    await rm(path);
    await refusals(ref);
  });

  it.each(['small', 'large'] as const)(
    '%s: unchanged bytes that were moved are served with their new fingerprint',
    async (size) => {
      const bytes = bytesOf[size];
      const ref = await blobs.receive(chunks(bytes));
      const path = files.localPath(ref.key);
      await copyFile(path, `${path}.restored`);
      await rename(`${path}.restored`, path);
      const opened = await blobs.open(ref);
      expect(opened.fingerprint).not.toBe(ref.fingerprint);
      expect(bytes.equals(await blobBytes(opened))).toBe(true);
      const part = await blobs.open(ref, { start: 3, end: 9 });
      expect(bytes.subarray(3, 10).equals(await blobBytes(part))).toBe(true);
      const again = await blobs.open({ ...ref, fingerprint: opened.fingerprint });
      expect(again.fingerprint).toBe(opened.fingerprint);
      await blobBytes(again);
      expect(await blobs.verify(ref)).toBe(opened.fingerprint);
    },
  );

  it('small blobs are hashed even if size, time and inode are unchanged', async () => {
    const ref = await blobs.receive(chunks(bytesOf.small));
    const path = files.localPath(ref.key);
    await overwrite(path, Buffer.alloc(100));
    const { fingerprint } = (await files.stat(ref.key)) ?? { fingerprint: '' };
    await refusals({ ...ref, fingerprint });
  });

  it('large blobs are hashed when only the modification time changed', async () => {
    const ref = await blobs.receive(chunks(bytesOf.large));
    await utimes(files.localPath(ref.key), 1, 1);
    const opened = await blobs.open(ref);
    expect(opened.fingerprint).toMatch(new RegExp(`^${large}-1000000000-`));
    await blobBytes(opened);
  });
});

it('bytes that keep changing during the check are not served', async () => {
  const bytes = randomBytes(large);
  let version = 0;
  const restless: BlobBackend = Object.assign(Object.create(files) as BlobBackend, {
    read: async () => ({
      stat: { sizeBytes: large, fingerprint: `v${version++}`, createdAt: 0 },
      body: Readable.from([bytes]),
    }),
  });
  const blobs = new Blobs({ backend: restless, newKey: randomBlobKey });
  const ref = { key: randomBlobKey(), sizeBytes: large, sha256: sha256(bytes), fingerprint: 'as written' };
  await expectCode(blobs.open(ref), 'integrity_failure');
});

it('a small upload that is refused never touches the disk', async () => {
  const blobs = new Blobs({ backend: files, newKey: randomBlobKey });
  const peeking = async function* (): AsyncGenerator<Uint8Array> {
    yield randomBytes(1000);
    expect(await readdir(join(root, 'staging'))).toEqual([]);
    yield randomBytes(1000);
  };
  await expectCode(blobs.receive(peeking(), { maxBytes: 1500 }), 'artifact_too_large');
});
