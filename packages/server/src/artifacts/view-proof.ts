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
/** Matches the temporary name that `FolderJobView` gives to a new file before it replaces an existing one. */
const temporaryName = /^\.[a-z2-7]{16}\.new$/;

/**
 * Decides whether Proofhouse put a file into the job view. Only such files may be replaced or removed there. The file
 * must be below the folder of a job, and must be one of these:
 * - a hard link to a blob of the job: it has the inode of the blob, or the fingerprint (size, time, inode) in the
 *   record;
 * - a copy of a blob of the job, made because links are not possible: it has the same bytes, and the name of the
 *   artifact or a temporary name.
 */
export class ViewProof {
  readonly #parts: ViewProofParts;

  constructor(parts: ViewProofParts) {
    this.#parts = parts;
  }

  /**
   * Returns true if Proofhouse put the file into the job view. Returns false if there is no file, or if the path
   * contains a symbolic link.
   */
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
