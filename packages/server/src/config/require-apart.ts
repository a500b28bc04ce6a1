import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { blobUrlFolder } from '@proofhouse/blobs';
import { AppError } from '@proofhouse/core';
import { cannotUseFolder, lookAtFolder, type FolderLook } from '../kernel/files/look-at-folder.ts';
import { makeFolder } from '../kernel/files/make-folder.ts';
import type { Config } from './config.ts';

const askDoctor = ', and `proofhouse doctor` looks at each';

/** What a folder is, whatever it is called. */
export type FolderIdentity = (folder: string) => Promise<string>;

/**
 * Private bytes and the job view must not be one folder, nor one inside the other: what is shown to
 * operators would otherwise be a way around access rules, and the view's renames a way to lose a blob.
 *
 * Folders are compared by what they are, not by their names: links, `..`, mounts, and file systems to which `Blobs`
 * and `blobs` are one name, cannot hide that two are the same. Errors: `invalid_request`, `unavailable`.
 */
export async function requireApart(
  config: Pick<Config, 'blobUrl' | 'jobViewRoot'>,
  identityOf: FolderIdentity = inodeOf,
): Promise<void> {
  const folder = blobUrlFolder(config.blobUrl);
  if (folder === undefined) return;
  await requireDisjoint(await real(folder), await real(config.jobViewRoot), identityOf);
}

/** The same of folders that may be missing still, without making them; undefined where bytes lie in no folder. */
export async function lookApart(
  config: Pick<Config, 'blobUrl' | 'jobViewRoot'>,
): Promise<{ readonly blobs: FolderLook; readonly view: FolderLook } | undefined> {
  const folder = blobUrlFolder(config.blobUrl);
  if (folder === undefined) return undefined;
  const [blobs, view] = [lookAtFolder(folder), lookAtFolder(config.jobViewRoot)];
  // What is missing has no name but its own.
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

// Symbolic links are followed, so that what lies around a folder is what really does.
async function real(folder: string): Promise<string> {
  try {
    makeFolder(folder, 0o750);
    return await realpath(folder);
  } catch (cause) {
    throw cannotUseFolder(folder, cause, askDoctor);
  }
}

/** The folder and everything around it, from the inside out. */
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
