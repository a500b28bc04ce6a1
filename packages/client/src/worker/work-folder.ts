import { lstat, mkdir, mkdtemp, open, readdir, realpath, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ownIdentity } from './process-identity.ts';
import { removeTree } from './remove-tree.ts';

/** Prefix of the names of all job folders. */
export const workFolderPrefix = 'proofhouse-job-';
/** Name of the owner file in a job folder. It identifies the worker process that created the folder. */
export const ownerFile = 'owner.json';
/** Number of bytes that `writeFailure` writes to check the disk. */
const probeBytes = 64 * 1024;

/** The job folder: it contains all files of one run of a job. Only this user can read it. */
export class WorkFolder {
  readonly root: string;
  readonly #realRoot: string;

  private constructor(root: string, realRoot: string) {
    this.root = root;
    this.#realRoot = realRoot;
  }

  static async make(workRoot: string): Promise<WorkFolder> {
    // `workRoot` may be missing, because a program that cleans up temporary folders removed it.
    await mkdir(workRoot, { recursive: true });
    const root = await mkdtemp(path.join(workRoot, workFolderPrefix));
    try {
      const folder = new WorkFolder(root, await realpath(root));
      await writeFile(path.join(root, ownerFile), JSON.stringify(await ownIdentity()), { mode: 0o600 });
      for (const part of [folder.work, folder.output, folder.scratch]) await mkdir(part);
      return folder;
    } catch (error) {
      // The owner file could not be written. Without it, no later worker would remove this folder, so it is removed
      // now.
      await removeTree(root).catch(() => undefined);
      throw error;
    }
  }

  /** Empty working folder for the command. */
  get work(): string {
    return path.join(this.root, 'work');
  }

  /** Folder whose files are deposited after the command. */
  get output(): string {
    return path.join(this.root, 'output');
  }

  /** Folder for files that only the worker uses. */
  get scratch(): string {
    return path.join(this.root, 'scratch');
  }

  get jobFile(): string {
    return path.join(this.root, 'job.json');
  }

  get logFile(): string {
    return path.join(this.scratch, 'log.log');
  }

  /** Path of the masked log, if the command writes into the log file itself. */
  get maskedLogFile(): string {
    return path.join(this.scratch, 'masked.log');
  }

  /** File to which the command adds values that are masked. */
  get maskFile(): string {
    return path.join(this.root, 'mask');
  }

  /** Path for the pipe that receives the output of the command. No file exists there. */
  get pipeFile(): string {
    return path.join(this.scratch, 'output');
  }

  async writeJob(job: unknown): Promise<void> {
    await writeFile(this.jobFile, `${JSON.stringify(job, null, 2)}\n`, { mode: 0o600 });
  }

  /**
   * Returns the real path of the output folder. Rejects if the command removed or replaced the folder. If it were a
   * symbolic link now, any folder of this machine could be deposited.
   */
  async requireOutput(): Promise<string> {
    const found = await lstat(this.output);
    if (found.isSymbolicLink()) throw new Error('it was replaced by a symbolic link');
    if (!found.isDirectory()) throw new Error('it was replaced by something that is no folder');
    const place = await realpath(this.output);
    if (place !== path.join(this.#realRoot, 'output')) throw new Error('a folder above it was replaced');
    return place;
  }

  /**
   * Checks whether the disk of the job folder can be written to. Returns the error, such as ENOSPC, or undefined if it
   * can. After an error, the last output of the command may be incomplete, because programs often do not check their
   * writes. A disk that was full earlier and is not full now is not detected.
   */
  async writeFailure(): Promise<NodeJS.ErrnoException | undefined> {
    const probe = path.join(this.root, 'probe');
    try {
      const file = await open(probe, 'wx', 0o600);
      try {
        await file.writeFile(Buffer.alloc(probeBytes, 0xff));
        await file.sync();
      } finally {
        await file.close();
      }
      return undefined;
    } catch (error) {
      const failure = error as NodeJS.ErrnoException;
      // ENOENT: the command removed the job folder. EEXIST: the command created a file named `probe`. In both cases the
      // disk is not full.
      return failure.code === 'ENOENT' || failure.code === 'EEXIST' ? undefined : failure;
    } finally {
      await removeTree(probe).catch(() => undefined);
    }
  }

  async remove(): Promise<void> {
    await removeWorkFolder(this.root);
  }
}

/** Removes a job folder. The owner file is removed last, so that an interrupted removal can be continued later. */
export async function removeWorkFolder(root: string): Promise<void> {
  // `readdir` fails if the command has removed the folder.
  for (const name of await readdir(root).catch(() => [])) {
    if (name !== ownerFile) await removeTree(path.join(root, name));
  }
  await removeTree(root);
}
