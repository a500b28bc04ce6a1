import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBlobKey, type BlobBackendUnderTest } from '../../blob-backend.contract.ts';
import { FilesystemBackend } from './filesystem-backend.ts';

/** A folder for one test. */
export async function makeTemporaryRoot(): Promise<{ root: string; cleanup: () => Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), 'proofhouse-blobs-'));
  return { root, cleanup: () => rm(root, { recursive: true, force: true }) };
}

/** The wiring of the filesystem backend into the contract suite. */
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
