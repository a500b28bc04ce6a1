import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { blobUrlFolder } from '@proofhouse/blobs';
import { AppError } from '@proofhouse/core';
import { cannotUseFolder, probeFolder, type FolderState } from '../kernel/files/probe-folder.ts';
import { makeFolder } from '../kernel/files/make-folder.ts';
import type { Config } from './config.ts';

const askDoctor = ', and `proofhouse doctor` looks at each';

/** Returns an identity of a folder, which is the same for all paths of that folder. */
export type FolderIdentity = (folder: string) => Promise<string>;

/**
 * Creates the blob folder and the root of the job view if they are missing. Throws `invalid_request` if they are the
 * same folder or one is inside the other. Otherwise operators could read blobs without access checks, and a rename in
 * the job view could lose a blob.
 *
 * Folders are compared by identity and not by name. So the check also works if a path contains links, `..` or mounts.
 * It also works on file systems on which `Blobs` and `blobs` are the same name. Errors: `invalid_request`,
 * `unavailable`.
 */
export async function requireApart(
  config: Pick<Config, 'blobUrl' | 'jobViewRoot'>,
  identityOf: FolderIdentity = inodeOf,
): Promise<void> {
  const folder = blobUrlFolder(config.blobUrl);
  if (folder === undefined) return;
  await requireDisjoint(await real(folder), await real(config.jobViewRoot), identityOf);
}

/**
 * Checks as `requireApart` does, but does not create missing folders. Returns the state of both folders, or undefined if
 * blobs are not stored in a folder.
 */
export async function lookApart(
  config: Pick<Config, 'blobUrl' | 'jobViewRoot'>,
): Promise<{ readonly blobs: FolderState; readonly view: FolderState } | undefined> {
  const folder = blobUrlFolder(config.blobUrl);
  if (folder === undefined) return undefined;
  const [blobs, view] = [probeFolder(folder), probeFolder(config.jobViewRoot)];
  // A folder that does not exist has no inode. Its path is used as its identity.
  const inodeOrName: FolderIdentity = (path) =>
    inodeOf(path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return path;
      throw error;
    });
  await requireDisjoint(blobs.path, view.path, inodeOrName);
  return { blobs, view };
}

async function requireDisjoint(blobs: string, view: string, identityOf: FolderIdentity): Promise<void> {
  const [blobsChain, viewChain] = [await chainOf(blobs, identityOf), await chainOf(view, identityOf)];
  if (!blobsChain.includes(viewChain[0]) && !viewChain.includes(blobsChain[0])) return;
  throw new AppError(
    'invalid_request',
    `PROOFHOUSE_BLOB_URL (${blobs}) and AGENT_JOB_ARTIFACT_ROOT (${view}) overlap; give each its own folder.`,
  );
}

// Creates the folder if it is missing. Returns its path with all symbolic links resolved, so that `chainOf` follows the
// real parents.
async function real(folder: string): Promise<string> {
  try {
    makeFolder(folder, 0o750);
    return await realpath(folder);
  } catch (cause) {
    throw cannotUseFolder(folder, cause, askDoctor);
  }
}

/** Returns the identities of the folder and its parents, innermost first. */
async function chainOf(folder: string, identityOf: FolderIdentity): Promise<[string, ...string[]]> {
  try {
    const own = await identityOf(folder);
    const around = dirname(folder);
    return around === folder ? [own] : [own, ...(await chainOf(around, identityOf))];
  } catch (cause) {
    throw cause instanceof AppError ? cause : cannotUseFolder(folder, cause, askDoctor);
  }
}

async function inodeOf(folder: string): Promise<string> {
  const { dev, ino } = await stat(folder, { bigint: true });
  return `${String(dev)}:${String(ino)}`;
}
