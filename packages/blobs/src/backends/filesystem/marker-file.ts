import { constants } from 'node:fs';
import { AppError } from '@proofhouse/core';
import { markerPattern } from '../../blob-backend.ts';
import { requireMarker } from '../../blob-key.ts';
import { readFully } from './blob-file-stream.ts';
import { type FileSystem, nodeFileSystem } from './file-system.ts';
import { errnoOf, notPlain, storageError } from './storage-error.ts';
import { StagedFile } from './staged-file.ts';

/** A marker and the end of its line. */
const mostBytes = 129;
// O_NONBLOCK: opening a planted pipe must not wait for a writer.
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Where a marker lies. */
export interface MarkerPlace {
  /** The file. */
  readonly path: string;
  /** Its folder, for the fsync. */
  readonly folder: string;
  /** A name that nothing else has, on the same file system. */
  readonly temporary: string;
}

/** The marker in a file, or undefined where there is none. Errors: `integrity_failure` (a link, no file, no marker), `unavailable`. */
export async function readMarkerFile(path: string, fs: FileSystem = nodeFileSystem): Promise<string | undefined> {
  try {
    const file = await fs.open(path, readFlags);
    try {
      const stat = await file.stat({ bigint: true });
      if (!stat.isFile()) throw notPlain('The marker of a store');
      if (stat.size > mostBytes) throw noMarker();
      const text = (await readFully(file, 0, Number(stat.size))).toString('latin1').replace(/\n$/, '');
      if (!markerPattern.test(text)) throw noMarker();
      return text;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw storageError('read the marker of a store', error);
  }
}

/**
 * Writes a marker as `BlobBackend.writeMarker` says: aside, synced, then linked or renamed into place, then the name synced.
 * Returns the one that holds.
 */
export async function writeMarkerFile(
  { path, folder, temporary }: MarkerPlace,
  text: string,
  options: { replace?: boolean } = {},
  fs: FileSystem = nodeFileSystem,
): Promise<string> {
  requireMarker(text);
  try {
    const staged = await StagedFile.create(fs, temporary);
    try {
      await staged.append([Buffer.from(`${text}\n`)]);
      await staged.setMode();
      await staged.sync();
      if (options.replace === true) await fs.rename(temporary, path);
      else await linkedOrThere(staged, path);
      await syncFolder(fs, folder);
    } finally {
      await staged.discard();
    }
    return (await readMarkerFile(path, fs)) ?? text;
  } catch (error) {
    throw storageError('write the marker of a store', error);
  }
}

/** Another process may have been faster, and been stopped before its name was durable: the folder is synced either way. */
async function linkedOrThere(staged: StagedFile, path: string): Promise<void> {
  try {
    await staged.linkTo(path);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

async function syncFolder(fs: FileSystem, path: string): Promise<void> {
  const folder = await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function noMarker(): AppError {
  return new AppError('integrity_failure', 'The marker of a store does not hold what Proofhouse writes there.');
}
