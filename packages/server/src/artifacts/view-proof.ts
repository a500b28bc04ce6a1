import { createHash } from 'node:crypto';
import { createReadStream, type BigIntStats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { blobFileStat } from '@proofhouse/blobs';
import { foldersOf, isUuid, type ArtifactRecord } from '@proofhouse/core';
import type { PageKey } from '../kernel/page.ts';
import type { ArtifactStore } from './artifact-store.ts';

export interface ViewProofParts {
  readonly root: string;
  readonly store: Pick<ArtifactStore, 'listOfJob'>;
  readonly localPath: (key: string) => string | undefined;
}

const recordsAtOnce = 200;
/** How the view names bytes that it puts in the place of older ones. */
const temporaryName = /^\.[a-z2-7]{16}\.new$/;

/**
 * Whether a file in the job view was put there by Proofhouse: below the folder of a job, and a link to bytes of that job,
 * by the inode of a blob or by size, time and inode as a record has them; or a copy with the same bytes under their own
 * name, where linking was not possible. Nothing else in the view is ever replaced or removed.
 */
export class ViewProof {
  readonly #parts: ViewProofParts;

  constructor(parts: ViewProofParts) {
    this.#parts = parts;
  }

  /** False also where there is no file, or where the way to it leads through a link. */
  async isOurs(jobId: string, name: string): Promise<boolean> {
    if (!isUuid(jobId)) return false;
    const { root } = this.#parts;
    for (const folder of ['', ...foldersOf(name)]) {
      if ((await lookedAt(join(root, jobId, folder)))?.isDirectory() !== true) return false;
    }
    const path = join(root, jobId, name);
    const file = await lookedAt(path);
    if (file?.isFile() !== true) return false;
    if (await this.#isAnyOf(this.#records(jobId, name), file, path, name)) return true;
    return this.#isAnyOf(this.#records(jobId), file, path, name);
  }

  async #isAnyOf(records: AsyncIterable<ArtifactRecord>, file: BigIntStats, path: string, name: string) {
    const { fingerprint, sizeBytes } = blobFileStat(file);
    let sha256: string | undefined;
    for await (const { content, name: itsName } of records) {
      if (content.kind !== 'owned' || content.blob.sizeBytes !== sizeBytes) continue;
      const { blob } = content;
      if (blob.fingerprint === fingerprint) return true;
      const stored = await lookedAt(this.#parts.localPath(blob.key) ?? '');
      if (stored?.ino === file.ino && stored.dev === file.dev) return true;
      if (itsName !== name && !temporaryName.test(name)) continue;
      sha256 ??= await sha256Of(path);
      if (sha256 === blob.sha256) return true;
    }
    return false;
  }

  async *#records(jobId: string, name?: string): AsyncGenerator<ArtifactRecord> {
    for (let after: PageKey | undefined; ;) {
      const filter = name === undefined ? { jobId } : { jobId, name };
      const { items, next } = await this.#parts.store.listOfJob(filter, { limit: recordsAtOnce, after });
      yield* items;
      if (next === undefined) return;
      after = next;
    }
  }
}

async function lookedAt(path: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest('hex');
}
