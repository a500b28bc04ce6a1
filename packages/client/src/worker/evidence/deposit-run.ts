import { isAppError, type ArtifactType } from '@proofhouse/core';
import type { JobDiff } from '../git/diff/job-diff.ts';
import type { WorkFolder } from '../work-folder.ts';
import { ArtifactNames, pathText, type ArtifactName } from './artifact-names.ts';
import type { Depositor } from './depositor.ts';
import { EvidenceFile, type EvidenceFileOptions } from './evidence-file.ts';
import type { ArtifactAbout, DepositContent } from './masked-upload.ts';
import type { CompleteLog } from './log-capture.ts';
import { depositLog } from './log-deposit.ts';
import { outputFiles } from './output-files.ts';

/** Longest file name in a message, in characters. A longer name is shortened in the middle. */
const longestShown = 120;

/** The files that a command left: its job folder with the output folder, its log, and its diff. */
export interface RunRemains {
  readonly folder: WorkFolder;
  readonly log: CompleteLog;
  /** The diff that was started before the command. Undefined if the worker deposits no diffs. */
  readonly diff: JobDiff | undefined;
}

/**
 * Deposits the results of a run: its log, the diffs of its repositories, and its output files. If a deposit fails, this
 * is recorded as a loss, and the other deposits are still made. Throws only if the lease is lost.
 */
export async function depositRun(depositor: Depositor, { folder, log, diff: begun }: RunRemains): Promise<void> {
  const { evidence } = depositor;
  // The diff is written before the uploads, because they may take long and the repository may change meanwhile.
  const diffs = await begun?.write(depositor.lost);
  for (const line of diffs?.lost ?? []) evidence.loseOwn(line);
  const diskFailure = await folder.writeFailure();
  await depositLog(depositor, log);
  for (const { path, use, ...about } of diffs?.deposits ?? []) {
    await depositor.attempt(about.name, () => depositFile(depositor, about, path, { noFollow: true, use }));
  }
  await depositor.attempt('The output folder', () => depositOutput(depositor, folder));
  for (const line of diffs?.leftOut ?? []) evidence.note(line);
  if (diskFailure !== undefined) evidence.lose('What was written last', diskTold(diskFailure));
}

async function depositOutput(depositor: Depositor, folder: WorkFolder): Promise<void> {
  const { evidence } = depositor;
  const below = await folder.requireOutput();
  const names = new ArtifactNames();
  for await (const entry of outputFiles(folder.output)) {
    depositor.lost.throwIfAborted();
    const path = pathText(entry.parts);
    const shown = quoted(path);
    if (entry.kind === 'unreadable') evidence.lose(path, entry.error, shown);
    if (entry.kind === 'left-out') evidence.note(`${shown} was left out: it is ${entry.what}`);
    if (entry.kind !== 'file') continue;
    const send = async ({ name, metadata }: ArtifactName): Promise<void> => {
      depositor.requireCleanName(path);
      await depositFile(depositor, { name, metadata, type: typeOf(name) }, entry.path, { noFollow: true, below });
      if (metadata !== undefined) evidence.note(renamed(shown, quoted(name)));
    };
    const sendSomehow = (): Promise<void> =>
      send(names.claim(entry.parts)).catch((error: unknown) => {
        if (!isTaken(error)) throw error;
        return send(names.claimBeside(entry.parts));
      });
    await depositor.attempt(path, sendSomehow, shown);
  }
}

async function depositFile(
  depositor: Depositor,
  about: ArtifactAbout,
  path: string | Buffer,
  { use, ...options }: EvidenceFileOptions & Pick<DepositContent, 'use'>,
): Promise<void> {
  const file = await EvidenceFile.open(path, options);
  try {
    await depositor.upload(about, { read: () => file.read(), random: file, use });
  } finally {
    await file.close();
  }
}

// Returns true if the server refused an artifact name because another artifact of the job conflicts with it. Either the
// name is a folder of the other artifact, or one of its own folders has the name of the other artifact.
function isTaken(error: unknown): boolean {
  return isAppError(error, 'invalid_artifact_name') && error.details['takenPath'] !== undefined;
}

function renamed(shown: string, name: string): string {
  if (shown === name) return `${name} is an escaped name: the one in the output folder is not UTF-8`;
  return `${shown} of the output folder is the artifact ${name}`;
}

// Returns `other` for an output file that has the name of a diff, else undefined. Only diffs that the worker wrote have
// the type `diff`. A command can use such a name for any file.
function typeOf(name: string): ArtifactType | undefined {
  return /\.(diff|patch)$/i.test(name) ? 'other' : undefined;
}

function diskTold(error: NodeJS.ErrnoException): Error {
  const reason = error.code === 'ENOSPC' || error.code === 'EDQUOT' ? 'is full' : 'cannot be written';
  const told = `the disk of the job's folder ${reason} (${error.code ?? error.message}), so files may be cut or empty`;
  return Object.assign(new Error(told), { code: error.code });
}

// Formats a file name for a message. The name comes from the command, so control characters and quotes are escaped. The
// message then has only one line.
function quoted(name: string): string {
  const short =
    name.length <= longestShown ? name : `${name.slice(0, longestShown / 2)}…${name.slice(-longestShown / 2)}`;
  return /^[\w./%~…-]+$/.test(short) ? short : JSON.stringify(short.toWellFormed());
}
