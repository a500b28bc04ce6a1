import { lstat, opendir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from './message-of.ts';
import { hasEnded, type ProcessIdentity } from './process-identity.ts';
import { ownerFile, removeWorkFolder, workFolderPrefix } from './work-folder.ts';
import type { WorkerLog } from './worker-options.ts';

/**
 * Largest number of job folders that a worker checks, and removes if possible, at its start. The next start checks the
 * others.
 */
const mostSeen = 1000;
const mostRemoved = 50;

/**
 * Removes the job folders of workers that were killed. A folder is removed only if it belongs to this user, and the
 * worker in its owner file has certainly ended. A folder stays if it has no owner file, or comes from another machine
 * or container. Never throws.
 */
export async function removeLeftovers(workRoot: string, log: WorkerLog, signal: AbortSignal): Promise<void> {
  let tried = 0;
  for (const folder of await workFoldersIn(workRoot).catch(() => [])) {
    if (signal.aborted || tried >= mostRemoved) return;
    const owner = await ownerOf(folder);
    if (owner === undefined || !(await hasEnded(owner))) continue;
    tried += 1;
    try {
      await removeWorkFolder(folder);
      log({ level: 'info', message: `Removed ${folder}, left by a worker that is gone (process ${owner.pid}).` });
    } catch (error) {
      log({ level: 'warn', message: `${folder} of a worker that is gone was left behind: ${messageOf(error)}` });
    }
  }
}

async function workFoldersIn(workRoot: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of await opendir(workRoot)) {
    if (found.length >= mostSeen) break;
    if (entry.isDirectory() && entry.name.startsWith(workFolderPrefix)) found.push(path.join(workRoot, entry.name));
  }
  return found;
}

async function ownerOf(folder: string): Promise<ProcessIdentity | undefined> {
  try {
    // The default `workRoot` is the temporary folder, in which all users can write. So folders of other users are
    // ignored.
    const { getuid } = process;
    if (getuid !== undefined && (await lstat(folder)).uid !== getuid()) return undefined;
    const owner: unknown = JSON.parse(await readFile(path.join(folder, ownerFile), 'utf8'));
    return isIdentity(owner) ? owner : undefined;
  } catch {
    return undefined;
  }
}

function isIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== 'object' || value === null) return false;
  const { place, pid, started } = value as Record<string, unknown>;
  const isStarted = typeof started === 'string' || started === null;
  return typeof place === 'string' && Number.isInteger(pid) && Number(pid) > 0 && isStarted;
}
