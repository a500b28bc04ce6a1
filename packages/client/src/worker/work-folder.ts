import { lstat, mkdir, mkdtemp, open, readdir, realpath, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ownIdentity } from './process-identity.ts';
import { removeTree } from './remove-tree.ts';

/** How the names of all folders of jobs begin. */
export const workFolderPrefix = 'proofhouse-job-';
/** Says which process made the folder. */
export const ownerFile = 'owner.json';
/** What a disk must take to count as one that can be written. */
const probeBytes = 64 * 1024;

/** The folder of one job, readable by this user only, with everything that belongs to its run. */
export class WorkFolder {
  readonly root: string;
  readonly #realRoot: string;

  private constructor(root: string, realRoot: string) {
    this.root = root;
    this.#realRoot = realRoot;
  }

  static async make(workRoot: string): Promise<WorkFolder> {
    // Whoever tidies up temporary folders may have taken it along.
    await mkdir(workRoot, { recursive: true });
    const root = await mkdtemp(path.join(workRoot, workFolderPrefix));
    try {
      const folder = new WorkFolder(root, await realpath(root));
      await writeFile(path.join(root, ownerFile), JSON.stringify(await ownIdentity()), { mode: 0o600 });
      for (const part of [folder.work, folder.output, folder.scratch]) await mkdir(part);
      return folder;
    } catch (error) {
      // Without an owner nobody else would dare to remove it.
      await removeTree(root).catch(() => undefined);
      throw error;
    }
  }

  /** A clean folder to work in. */
  get work(): string {
    return path.join(this.root, 'work');
  }

  /** What the command leaves here is deposited. */
  get output(): string {
    return path.join(this.root, 'output');
  }

  /** The worker's own. */
  get scratch(): string {
    return path.join(this.root, 'scratch');
  }

  get jobFile(): string {
    return path.join(this.root, 'job.json');
  }

  get logFile(): string {
    return path.join(this.scratch, 'log.log');
  }

  /** Free: for the pipe that the command writes its output into. */
  get pipeFile(): string {
    return path.join(this.scratch, 'output');
  }

  async writeJob(job: unknown): Promise<void> {
    await writeFile(this.jobFile, `${JSON.stringify(job, null, 2)}\n`, { mode: 0o600 });
  }

  /**
   * The real path of the output folder. Rejects when the command removed it or put something else in its place: a
   * symbolic link there would make any folder of this machine evidence.
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
   * Why nothing more can be written beside the output, such as ENOSPC: then what the command wrote last may be cut, and
   * programs often do not look. Undefined when it can. Finds a disk that is full now, not one that was for a while.
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
      // The command removed its folder, or left a file of this name: no matter of the disk.
      return failure.code === 'ENOENT' || failure.code === 'EEXIST' ? undefined : failure;
    } finally {
      await removeTree(probe).catch(() => undefined);
    }
  }

  async remove(): Promise<void> {
    await removeWorkFolder(this.root);
  }
}

/** The owner's name goes last: whoever is killed in the middle of this leaves a folder that can still be judged. */
export async function removeWorkFolder(root: string): Promise<void> {
  // Gone already when the command removed it.
  for (const name of await readdir(root).catch(() => [])) {
    if (name !== ownerFile) await removeTree(path.join(root, name));
  }
  await removeTree(root);
}
