import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ownIdentity } from './process-identity.ts';

/** How the names of all folders of jobs begin. */
export const workFolderPrefix = 'proofhouse-job-';
/** Says which process made the folder. */
export const ownerFile = 'owner.json';

/** The folder of one job, readable by this user only, with everything that belongs to its run. */
export class WorkFolder {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async make(workRoot: string): Promise<WorkFolder> {
    // Whoever tidies up temporary folders may have taken it along.
    await mkdir(workRoot, { recursive: true });
    const folder = new WorkFolder(await mkdtemp(path.join(workRoot, workFolderPrefix)));
    await writeFile(path.join(folder.root, ownerFile), JSON.stringify(await ownIdentity()), { mode: 0o600 });
    await mkdir(folder.work);
    await mkdir(folder.output);
    await mkdir(folder.scratch);
    return folder;
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

  async writeJob(job: unknown): Promise<void> {
    await writeFile(this.jobFile, `${JSON.stringify(job, null, 2)}\n`, { mode: 0o600 });
  }

  async remove(): Promise<void> {
    await removeWorkFolder(this.root);
  }
}

/** The owner's name goes last: whoever is killed in the middle of this leaves a folder that can still be judged. */
export async function removeWorkFolder(root: string): Promise<void> {
  const options = { recursive: true, force: true, maxRetries: 3 };
  // Gone already when the command removed it.
  for (const name of await readdir(root).catch(() => [])) {
    if (name !== ownerFile) await rm(path.join(root, name), options);
  }
  await rm(root, options);
}
