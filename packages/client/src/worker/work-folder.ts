import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** The folder of one job, readable by this user only, with everything that belongs to its run. */
export class WorkFolder {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async make(workRoot: string): Promise<WorkFolder> {
    const folder = new WorkFolder(await mkdtemp(path.join(workRoot, 'proofhouse-job-')));
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
    await rm(this.root, { recursive: true, force: true, maxRetries: 3 });
  }
}
