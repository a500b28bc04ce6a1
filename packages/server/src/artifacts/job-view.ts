import { constants, lstatSync } from 'node:fs';
import { copyFile, link, mkdir, rename, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { baseName, foldersOf, ownedBlob, type ArtifactRecord } from '@proofhouse/core';
import { makeFolder } from '../kernel/files/make-folder.ts';
import type { Ids } from '../kernel/ids.ts';
import { KeyedMutex } from '../kernel/keyed-mutex.ts';
import type { Logger } from '../kernel/logger.ts';
import type { ArtifactStore } from './artifact-store.ts';
import { ViewProof } from './view-proof.ts';

/** Links job artifacts into a folder where an operator can `ls` them (seed 000 DOC-REQ-004). */
export interface JobView {
  /** Puts the newest bytes at `<root>/<jobId>/<name>`. Never fails the upload: errors are logged. */
  show(artifact: ArtifactRecord): Promise<void>;
  /**
   * Updates the entry from the records: the newest bytes, or no entry when no record has the name or the newest one's
   * bytes were purged. Errors are logged.
   */
  refresh(jobId: string, name: string): Promise<void>;
}

/** The job view for backends that do not store blobs as files: it does nothing. */
export const noJobView: JobView = { show: () => Promise.resolve(), refresh: () => Promise.resolve() };

export interface FolderJobViewParts {
  readonly root: string;
  readonly localPath: (key: string) => string | undefined;
  readonly store: ArtifactStore;
  readonly ids: Ids;
  readonly logger: Logger;
}

/**
 * Largest number of attempts for one upload. A further attempt is needed when another server changed the entry
 * meanwhile.
 */
const maxAttempts = 5;

/**
 * A projection that the server never reads. The blob is hard-linked into place. Where an older version is shown, it is
 * linked to a temporary name and renamed, so a reader sees the old or the new bytes, never a part. Where links fail
 * (another disk) it is copied. A symbolic link below the root is never followed: at the place of a folder it is
 * refused, at the place of an artifact it is replaced. A file that `ViewProof` does not accept is neither replaced nor
 * removed.
 */
export class FolderJobView implements JobView {
  readonly #parts: FolderJobViewParts;
  readonly #proof: ViewProof;
  // One change at a time per name, so that of two uploads the newest stays.
  readonly #changes = new KeyedMutex();

  constructor(parts: FolderJobViewParts) {
    this.#parts = parts;
    this.#proof = new ViewProof(parts);
  }

  show(artifact: ArtifactRecord): Promise<void> {
    const { jobId, name } = artifact;
    return jobId === null || name === null ? Promise.resolve() : this.refresh(jobId, name);
  }

  refresh(jobId: string, name: string): Promise<void> {
    return this.#changes.run(`${jobId}/${name}`, () => this.#project(jobId, name));
  }

  async #project(jobId: string, name: string): Promise<void> {
    try {
      let newest = await this.#parts.store.newestOfJob(jobId, name);
      for (let attempt = 1; attempt <= maxAttempts; attempt++) {
        const key = newest?.purgedAt === null ? ownedBlob(newest).key : undefined;
        const changed = key === undefined ? await this.#remove(jobId, name) : await this.#place(jobId, name, key);
        if (!changed) return;
        // Another server may have linked a newer one between the read and the change.
        const now = await this.#parts.store.newestOfJob(jobId, name);
        if (now?.id === newest?.id && now?.purgedAt === newest?.purgedAt) return;
        newest = now;
      }
    } catch (error) {
      this.#parts.logger.warn({ err: error, jobId, name }, 'the job view could not be updated');
    }
  }

  /**
   * Returns true if an entry was removed. An entry that is not a file, or whose path is not of folders, is left
   * unchanged.
   */
  async #remove(jobId: string, name: string): Promise<boolean> {
    const { root } = this.#parts;
    for (const folder of foldersTo(jobId, name)) {
      const found = lstatSync(join(root, folder), { throwIfNoEntry: false });
      if (found?.isDirectory() !== true) return false;
    }
    if (!(await this.#proof.isOurs(jobId, name))) return false;
    try {
      await unlink(join(root, jobId, name));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }

  /** Returns true if it replaced an existing entry. */
  async #place(jobId: string, name: string, key: string): Promise<boolean> {
    const source = this.#parts.localPath(key);
    if (source === undefined) return false;
    const { root } = this.#parts;
    const folders = foldersTo(jobId, name);
    for (const folder of folders) await ensureFolder(root, join(root, folder));
    const place = join(root, folders.at(-1) ?? jobId, baseName(name));
    if (await linkedAnew(source, place)) return false;
    const before = lstatSync(place, { throwIfNoEntry: false });
    // Replacing a symbolic link loses only a name, no data.
    if (before?.isSymbolicLink() === false && !(await this.#proof.isOurs(jobId, name))) {
      throw new Error(`${place} is not what Proofhouse put there; it was left as it is`);
    }
    const temporary = join(root, jobId, `.${this.#parts.ids.token(16)}.new`);
    try {
      await linkOrCopy(source, temporary);
      await rename(temporary, place);
      return true;
    } finally {
      // Renaming a file onto another link to the same file is a no-op that keeps both names.
      await rm(temporary, { force: true });
    }
  }
}

function foldersTo(jobId: string, name: string): string[] {
  return [jobId, ...foldersOf(name).map((folder) => `${jobId}/${folder}`)];
}

/**
 * Creates the folder if it is missing; a link in its place is refused. The folder exists for nearly every upload, and a
 * synchronous check from the kernel's cache is faster than a round trip to the thread pool.
 */
async function ensureFolder(root: string, path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) return;
  if (found !== undefined) throw new Error(`${path} is not a folder`);
  try {
    makeFolder(root, 0o750);
    await mkdir(path, { mode: 0o750 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if (!lstatSync(path).isDirectory()) throw new Error(`${path} is not a folder`, { cause: error });
  }
}

/** The common case of a new name: one call, and a reader sees either all of it or nothing. */
async function linkedAnew(source: string, place: string): Promise<boolean> {
  try {
    await link(source, place);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'EEXIST' || unlinkable.has(code)) return false;
    throw error;
  }
}

/** Error codes of file systems that do not support hard links, or not across file systems. */
const unlinkable = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP']);

async function linkOrCopy(source: string, target: string): Promise<void> {
  try {
    await link(source, target);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!unlinkable.has(code)) throw error;
    await copyFile(source, target, constants.COPYFILE_EXCL);
  }
}
