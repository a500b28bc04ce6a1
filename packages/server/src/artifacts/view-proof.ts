import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { blobFileStat } from '@proofhouse/blobs';
import { foldersOf, isUuid, type ArtifactRecord } from '@proofhouse/core';
import type { PageKey } from '../kernel/page.ts';
import type { ArtifactStore } from './artifact-store.ts';
import { sha256OfFile, statOfFile } from './view-file.ts';

export interface ViewProofParts {
  readonly root: string;
  readonly store: Pick<ArtifactStore, 'listOfJob'>;
  readonly localPath: (key: string) => string | undefined;
}

const recordsAtOnce = 200;
/** A new file of the view has such a name until it replaces the old one. */
const temporaryName = /^\.[a-z2-7]{16}\.new$/;

/**
 * Decides whether Proofhouse put a file into the job view. Such a file lies below the folder of a job and is a hard link to a blob of
 * that job (same inode as the blob, or same size, time and inode as its record), or, where linking was not possible, a copy with
 * the same bytes under the artifact's name. Nothing else in the view may be replaced or removed.
 */
export class ViewProof {
  readonly #parts: ViewProofParts;

  constructor(parts: ViewProofParts) {
    this.#parts = parts;
  }

  /** False also for a missing file and for a path through a symbolic link. */
  async isOurs(jobId: string, name: string): Promise<boolean> {
    if (!isUuid(jobId)) return false;
    const { root } = this.#parts;
    for (const folder of ['', ...foldersOf(name)]) {
      if ((await statOfFile(join(root, jobId, folder)))?.isDirectory() !== true) return false;
    }
    const path = join(root, jobId, name);
    const file = await statOfFile(path);
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
      const stored = await statOfFile(this.#parts.localPath(blob.key) ?? '');
      if (stored?.ino === file.ino && stored.dev === file.dev) return true;
      if (itsName !== name && !temporaryName.test(name)) continue;
      sha256 ??= await sha256OfFile(path);
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
