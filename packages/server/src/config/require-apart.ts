import { realpath, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '@proofhouse/core';
import { makeFolder } from '../kernel/make-folder.ts';
import type { Config } from './config.ts';
import { blobsAreFiles } from './lasting-storage.ts';

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
  if (!blobsAreFiles(config)) return;
  const blobs = await real(blobFolder(config.blobUrl));
  const view = await real(config.jobViewRoot);
  const [blobsChain, viewChain] = [await chainOf(blobs, identityOf), await chainOf(view, identityOf)];
  if (!blobsChain.includes(viewChain[0]) && !viewChain.includes(blobsChain[0])) return;
  throw new AppError(
    'invalid_request',
    `PROOFHOUSE_BLOB_URL (${blobs}) and AGENT_JOB_ARTIFACT_ROOT (${view}) overlap; give each its own folder.`,
  );
}

function blobFolder(url: string): string {
  const rest = url.slice('file:'.length);
  return rest.startsWith('//') ? fileURLToPath(`file:${rest}`) : resolve(rest);
}

// Symbolic links are followed, so that what lies around a folder is what really does.
async function real(folder: string): Promise<string> {
  try {
    makeFolder(folder, 0o750);
    return await realpath(folder);
  } catch (cause) {
    throw cannotUse(folder, cause);
  }
}

/** The folder and everything around it, from the inside out. */
async function chainOf(folder: string, identityOf: FolderIdentity): Promise<[string, ...string[]]> {
  try {
    const own = await identityOf(folder);
    const around = dirname(folder);
    return around === folder ? [own] : [own, ...(await chainOf(around, identityOf))];
  } catch (cause) {
    throw cause instanceof AppError ? cause : cannotUse(folder, cause);
  }
}

async function inodeOf(folder: string): Promise<string> {
  const { dev, ino } = await stat(folder, { bigint: true });
  return `${String(dev)}:${String(ino)}`;
}

function cannotUse(folder: string, cause: unknown): AppError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
  return new AppError('unavailable', `The folder ${folder} cannot be used (${code}).`, { cause });
}
