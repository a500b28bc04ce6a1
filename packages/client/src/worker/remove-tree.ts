import { chmod, lstat, readdir, rename, rmdir, unlink } from 'node:fs/promises';

/**
 * Longest path in bytes. If the path of an entry is longer, and so comes close to PATH_MAX (4096), the entry is first
 * moved to the top of the tree.
 */
const longestPathBytes = 2048;
/** Permissions rwx for the owner. Without them a folder cannot be emptied. */
const ownersMode = 0o700;

/**
 * Removes a file, or a folder with everything in it, as far as possible. Names need not be valid UTF-8, folders need
 * not be readable, and paths may be longer than PATH_MAX. Symbolic links are removed, never followed. A missing path is
 * a no-op. Rejects with the first error.
 */
export async function removeTree(path: string): Promise<void> {
  const top = Buffer.from(path);
  let moved = 0;
  const remove = async (at: Buffer): Promise<void> => {
    const found = await lstat(at).catch(ifMissing);
    if (found === undefined) return;
    if (!found.isDirectory()) {
      await unlink(at).catch(ifMissing);
      return;
    }
    await open(at, found.mode);
    const failures: unknown[] = [];
    for (const name of await readdir(at, { encoding: 'buffer' })) {
      let below: Buffer = Buffer.concat([at, Buffer.from('/'), name]);
      if (below.length > longestPathBytes) below = await moveUp(below);
      await remove(below).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
    await rmdir(at).catch(ifMissing);
  };
  const open = async (folder: Buffer, mode: number): Promise<void> => {
    if ((mode & ownersMode) !== ownersMode) await chmod(folder, ownersMode).catch(ifMissing);
  };
  const moveUp = async (from: Buffer): Promise<Buffer> => {
    // A folder that its owner cannot write to cannot be moved into another folder. So its mode may have to be changed
    // first.
    const found = await lstat(from);
    if (found.isDirectory()) await open(from, found.mode);
    const to = Buffer.concat([top, Buffer.from(`/.proofhouse-removed-${(moved += 1)}`)]);
    await rename(from, to);
    return to;
  };
  await remove(top);
}

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}
