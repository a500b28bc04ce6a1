import { mkdir, realpath } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '@proofhouse/core';
import type { Config } from './config.ts';

/**
 * Private bytes and the job view must not be one folder, nor one inside the other: what is shown to
 * operators would otherwise be a way around access rules, and the view's renames a way to lose a blob.
 */
export async function requireApart(config: Config): Promise<void> {
  if (!config.blobUrl.startsWith('file:')) return;
  const blobs = await real(blobFolder(config.blobUrl));
  const view = await real(config.jobViewRoot);
  const inside = (inner: string, outer: string): boolean => inner === outer || inner.startsWith(outer + sep);
  if (!inside(blobs, view) && !inside(view, blobs)) return;
  throw new AppError(
    'invalid_request',
    `PROOFHOUSE_BLOB_URL (${blobs}) and AGENT_JOB_ARTIFACT_ROOT (${view}) overlap; give each its own folder.`,
  );
}

function blobFolder(url: string): string {
  const rest = url.slice('file:'.length);
  return rest.startsWith('//') ? fileURLToPath(url) : resolve(rest);
}

// Symbolic links are followed, so that two names of one folder are seen as one.
async function real(folder: string): Promise<string> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o750 });
    return await realpath(folder);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new AppError('unavailable', `The folder ${folder} cannot be used (${code}).`, { cause });
  }
}
