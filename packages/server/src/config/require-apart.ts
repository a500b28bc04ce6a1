import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { blobUrlFolder } from '@proofhouse/blobs';
import { AppError } from '@proofhouse/core';
import { cannotUseFolder, probeFolder, type FolderState } from '../kernel/files/probe-folder.ts';
import { makeFolder } from '../kernel/files/make-folder.ts';
import type { Config } from './config.ts';

const askDoctor = ', and `proofhouse doctor` looks at each';

/** Identifies a folder independently of its name. */
export type FolderIdentity = (folder: string) => Promise<string>;

/**
 * Private bytes and the job view must not be one folder, nor one inside the other: operators could otherwise read bytes
 * without access checks, and a rename of the view could lose a blob.
 *
 * Folders are compared by identity instead of by name: links, `..`, mounts, and file systems to which `Blobs` and `blobs`
 * are one name, cannot hide that two are the same. Errors: `invalid_request`, `unavailable`.
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
 * The same check for folders that may not exist yet, without making them; undefined where no bytes are stored in folders.
 */
export async function lookApart(
  config: Pick<Config, 'blobUrl' | 'jobViewRoot'>,
): Promise<{ readonly blobs: FolderState; readonly view: FolderState } | undefined> {
  const folder = blobUrlFolder(config.blobUrl);
  if (folder === undefined) return undefined;
  const [blobs, view] = [probeFolder(folder), probeFolder(config.jobViewRoot)];
  // A missing folder has no identity but its name.
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

// Follows symbolic links, so that the parents are those of the real folder.
async function real(folder: string): Promise<string> {
  try {
    makeFolder(folder, 0o750);
    return await realpath(folder);
  } catch (cause) {
    throw cannotUseFolder(folder, cause, askDoctor);
  }
}

/** The folder and its parents, innermost first. */
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
