import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBlobKey, type BlobBackendUnderTest } from '../../blob-backend.contract.ts';
import { FilesystemBackend } from './filesystem-backend.ts';

/** Creates a temporary folder for one test, and returns its path and a function that removes it. */
export async function makeTemporaryRoot(): Promise<{ root: string; cleanup: () => Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), 'proofhouse-blobs-'));
  return { root, cleanup: () => rm(root, { recursive: true, force: true }) };
}

/** Returns a filesystem backend in a temporary folder, for the contract tests of blob backends. */
export async function filesystemUnderTest(): Promise<BlobBackendUnderTest> {
  const { root, cleanup } = await makeTemporaryRoot();
  return {
    backend: new FilesystemBackend({ root }),
    cleanup,
    reopen: async () => new FilesystemBackend({ root }),
    plantLeftover: async (createdAt) => {
      const path = join(root, 'staging', `${randomBlobKey()}.0123456789abcdef`);
      await writeFile(path, 'abc');
      await utimes(path, createdAt / 1000, createdAt / 1000);
    },
  };
}
