import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { blobBytes, listed } from '../../blob-backend.contract.ts';
import { FilesystemBackend } from './filesystem-backend.ts';
import { makeTemporaryRoot } from './temporary-root.ts';

const script = `
  import { randomBytes } from 'node:crypto';
  import { Blobs } from ${JSON.stringify(new URL('../../blobs.ts', import.meta.url).href)};
  import { FilesystemBackend } from ${JSON.stringify(new URL('./filesystem-backend.ts', import.meta.url).href)};
  const backend = new FilesystemBackend({ root: process.argv[1] });
  await backend.open();
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  const newKey = () => Array.from(randomBytes(32), (byte) => alphabet[byte & 31]).join('');
  const blobs = new Blobs({ backend, newKey });
  const pieces = async function* (count) { for (let i = 0; i < count; i++) yield randomBytes(100_000); };
  const work = async (worker) => {
    for (let i = 0; ; i++) console.log(JSON.stringify(await blobs.receive(pieces((i + worker) % 30))));
  };
  await Promise.all([0, 1, 2, 3].map(work));`;

interface Reported {
  readonly key: string;
  readonly sha256: string;
}

/** Stores blobs in a process of its own until it has reported `count`, kills it, and returns what it reported. */
async function storeUntilKilled(root: string, count: number): Promise<Reported[]> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script, root], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const reported: Reported[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.endsWith('}')) continue;
    reported.push(JSON.parse(line) as Reported);
    if (reported.length === count) child.kill('SIGKILL');
  }
  return reported;
}

it('what a killed process reported as stored is whole, and nothing that is there is not whole', async () => {
  const { root, cleanup } = await makeTemporaryRoot();
  for (const count of [1, 7, 20, 41]) {
    const reported = await storeUntilKilled(root, count);
    expect(reported.length).toBeGreaterThanOrEqual(count);
    const fresh = new FilesystemBackend({ root });
    await fresh.open();
    for (const { key, sha256 } of reported) {
      const bytes = await blobBytes(await fresh.read(key));
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
    }
    // Blobs are made of pieces of 100,000 bytes, so a torn one would show in its size.
    for (const { sizeBytes } of await listed(fresh)) expect(sizeBytes % 100_000).toBe(0);
    await fresh.sweepStaging(Date.now() + 60_000);
    expect(await fresh.sweepStaging(Date.now() + 60_000)).toEqual([]);
    await fresh.close();
  }
  await cleanup();
}, 60_000);
