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

/** The job view: a folder with links to job artifacts, where an operator can `ls` them (seed 000 DOC-REQ-004). */
export interface JobView {
  /**
   * Links the artifact to `<root>/<jobId>/<name>`, or the newest artifact of the job with the same name. Errors are
   * logged and not thrown, so an upload never fails because of them.
   */
  show(artifact: ArtifactRecord): Promise<void>;
  /**
   * Updates the entry of an artifact name from the records. The entry becomes a link to the newest artifact of this
   * name. If no artifact has the name, or the bytes of the newest one were purged, the entry is removed. Errors are
   * logged, not thrown.
   */
  refresh(jobId: string, name: string): Promise<void>;
}

/** Used in place of a job view if the blob backend does not store blobs as files. Its methods do nothing. */
export const noJobView: JobView = { show: () => Promise.resolve(), refresh: () => Promise.resolve() };

export interface FolderJobViewParts {
  readonly root: string;
  readonly localPath: (key: string) => string | undefined;
  readonly store: ArtifactStore;
  readonly ids: Ids;
  readonly logger: Logger;
}

/**
 * Largest number of attempts to update an entry. An attempt is repeated if another server stored a newer artifact of
 * the name meanwhile.
 */
const maxAttempts = 5;

/**
 * The job view in a folder. It is derived from the records, and the server never reads artifacts from it. The blob of
 * an artifact is hard-linked to its path in the job view. To replace an entry, the blob is linked to a temporary name,
 * which is then renamed. So a reader sees either all of the old bytes or all of the new ones. If hard links are not
 * possible (another file system), the blob is copied.
 *
 * Symbolic links below the root are never followed. If one is in the place of a folder, this is an error. If one is in
 * the place of an artifact, it is replaced. A file that Proofhouse did not put into the job view (see `ViewProof`) is
 * neither replaced nor removed.
 */
export class FolderJobView implements JobView {
  readonly #parts: FolderJobViewParts;
  readonly #proof: ViewProof;
  // Updates of one entry run one after another. So after two concurrent uploads, the entry shows the newest artifact.
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
        // Another server may have linked a newer artifact between the read of the record and the change of the entry.
        const now = await this.#parts.store.newestOfJob(jobId, name);
        if (now?.id === newest?.id && now?.purgedAt === newest?.purgedAt) return;
        newest = now;
      }
    } catch (error) {
      this.#parts.logger.warn({ err: error, jobId, name }, 'the job view could not be updated');
    }
  }

  /**
   * Removes an entry. Returns true if it was removed. Leaves the entry unchanged if Proofhouse did not make it, or if a
   * parent in its path is not a folder.
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

  /** Links or copies the blob to the entry's path. Returns true if this replaced an existing entry. */
  async #place(jobId: string, name: string, key: string): Promise<boolean> {
    const source = this.#parts.localPath(key);
    if (source === undefined) return false;
    const { root } = this.#parts;
    const folders = foldersTo(jobId, name);
    for (const folder of folders) await ensureFolder(root, join(root, folder));
    const place = join(root, folders.at(-1) ?? jobId, baseName(name));
    if (await linkedAnew(source, place)) return false;
    const before = lstatSync(place, { throwIfNoEntry: false });
    // A symbolic link may always be replaced, because no data is lost by this.
    if (before?.isSymbolicLink() === false && !(await this.#proof.isOurs(jobId, name))) {
      throw new Error(`${place} is not what Proofhouse put there; it was left as it is`);
    }
    const temporary = join(root, jobId, `.${this.#parts.ids.token(16)}.new`);
    try {
      await linkOrCopy(source, temporary);
      await rename(temporary, place);
      return true;
    } finally {
      // If the entry already is a hard link to the same file, `rename` does nothing. The temporary name then still
      // exists, and is removed here.
      await rm(temporary, { force: true });
    }
  }
}

function foldersTo(jobId: string, name: string): string[] {
  return [jobId, ...foldersOf(name).map((folder) => `${jobId}/${folder}`)];
}

/**
 * Creates the folder if it is missing. Throws if its path is a link or a file. The check is synchronous, because the
 * folder usually exists. A synchronous `lstat` from the cache of the kernel is then faster than one in the thread pool.
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

/**
 * Hard-links the blob to a path that does not exist yet, which is the usual case. The link is atomic, so a reader never
 * sees an incomplete file. Returns false if the path exists or hard links are not possible.
 */
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

/**
 * Error codes of `link` that mean that a hard link is not possible: the file system does not support it, or source and
 * target are on different file systems.
 */
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
