import { isAppError } from '@proofhouse/core';
import type { ClaimedJob } from '../../jobs-api.ts';
import type { ProofhouseClient } from '../../proofhouse-client.ts';
import type { JobDiff } from '../git/job-diff.ts';
import { messageOf } from '../message-of.ts';
import { uploadFile, type FileUpload } from './file-upload.ts';
import { outputFiles } from './output-files.ts';
import type { WorkFolder } from '../work-folder.ts';

export interface DepositSource {
  readonly client: ProofhouseClient;
  readonly job: ClaimedJob;
  readonly folder: WorkFolder;
  /** Begun before the command ran, unless nobody wants it. */
  readonly diff: JobDiff | undefined;
  /** Aborted when nothing more may be written. */
  readonly lost: AbortSignal;
}

export interface Deposited {
  readonly count: number;
  /** One line for each thing that could not be deposited. */
  readonly warnings: readonly string[];
  /** One line for each thing that the job changed and that no deposit can show. It fails no job. */
  readonly leftOut: readonly string[];
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
      warnings.push(`${what} was not deposited: ${messageOf(error)}`);
    }
  };
  const upload = (file: Omit<FileUpload, 'noFollow'>): Promise<void> =>
    attempt(file.name, async () => {
      const options = { lease: source.job.leaseId, signal: source.lost };
      await uploadFile(source.client, source.job.id, { ...file, noFollow: true }, options);
      count += 1;
    });
  // Before anything is sent, since that may take its time and the repository goes on being used.
  const diffs = await source.diff?.write(source.lost);
  warnings.push(...(diffs?.lost ?? []));
  await upload({ name: 'log.log', path: source.folder.logFile, type: 'log' });
  for (const file of diffs?.deposits ?? []) await upload(file);
  await attempt('The output folder', async () => {
    const skipped = (name: string): unknown => warnings.push(`${name} was not deposited: it is not a regular file`);
    for await (const file of outputFiles(source.folder.output, skipped)) await upload(file);
  });
  return { count, warnings, leftOut: diffs?.leftOut ?? [] };
}
