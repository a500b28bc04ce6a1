import { isAppError, type ArtifactType } from '@proofhouse/core';
import type { ClaimedJob } from '../jobs-api.ts';
import type { ProofhouseClient } from '../proofhouse-client.ts';
import { uploadFile } from './file-upload.ts';
import { writeGitDiff, type GitBase } from './git-diff.ts';
import { outputFiles } from './output-files.ts';
import type { WorkFolder } from './work-folder.ts';

export interface DepositSource {
  readonly client: ProofhouseClient;
  readonly job: ClaimedJob;
  readonly folder: WorkFolder;
  /** Where the command ran. */
  readonly cwd: string;
  /** For git: without the worker's secrets. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the repository stood before the command ran. */
  readonly gitBase: GitBase | undefined;
  /** Aborted when nothing more may be written. */
  readonly lost: AbortSignal;
}

export interface Deposited {
  readonly count: number;
  /** One line for each thing that could not be deposited. */
  readonly warnings: readonly string[];
}

/**
 * Deposits what a run left: its log, the difference in its repository, its output files. What fails is a warning and the
 * rest still goes; only a lost lease ends it, by throwing.
 */
export async function deposit(source: DepositSource): Promise<Deposited> {
  const warnings: string[] = [];
  let count = 0;
  const attempt = async (what: string, action: () => Promise<void>): Promise<void> => {
    try {
      await action();
    } catch (error) {
      source.lost.throwIfAborted();
      if (isAppError(error, 'lease_lost')) throw error;
      warnings.push(`${what} was not deposited: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const upload = (name: string, path: string, type?: ArtifactType): Promise<void> =>
    attempt(name, async () => {
      const options = { lease: source.job.leaseId, signal: source.lost };
      await uploadFile(source.client, source.job.id, { name, path, type, noFollow: true }, options);
      count += 1;
    });
  await upload('log.log', source.folder.logFile, 'log');
  await attempt('diff.diff', async () => {
    const place = { folder: source.cwd, scratch: source.folder.scratch, env: source.env };
    const patch = await writeGitDiff(place, source.gitBase, source.lost);
    if (patch !== undefined) await upload('diff.diff', patch, 'diff');
  });
  await attempt('The output folder', async () => {
    const skipped = (name: string): unknown => warnings.push(`${name} was not deposited: it is not a regular file`);
    for await (const file of outputFiles(source.folder.output, skipped)) await upload(file.name, file.path);
  });
  return { count, warnings };
}
