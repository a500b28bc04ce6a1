import { constants } from 'node:fs';
import { AppError } from '@proofhouse/core';
import { markerPattern } from '../../blob-backend.ts';
import { requireMarker } from '../../blob-key.ts';
import { readFully } from './blob-file-stream.ts';
import { type FileSystem, nodeFileSystem } from './file-system.ts';
import { errnoOf, notPlain, storageError } from './storage-error.ts';
import { StagedFile } from './staged-file.ts';

/** Largest size of a marker file in bytes: the longest marker and its line end. */
const mostBytes = 129;
// The flags for opening a marker file. O_NONBLOCK prevents that `open` blocks if somebody put a FIFO in the place of
// the marker.
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** The paths for reading and writing a marker file. Its text, the marker, says to which store the blobs belong. */
export interface MarkerPlace {
  /** Path of the marker file. */
  readonly path: string;
  /** Path of the folder that contains the marker file. The folder is synced after a write. */
  readonly folder: string;
  /** A path for the temporary file, on the same file system. No file may exist there. */
  readonly temporary: string;
}

/**
 * Returns the marker in a marker file, or undefined if the file does not exist. Errors: `integrity_failure` (a link,
 * not a plain file, or a text that is no marker), `unavailable`.
 */
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
 * Writes a marker as `BlobBackend.writeMarker` defines. Writes the text to a temporary file, and syncs it. Then links
 * or renames it to its path, and syncs the folder. Returns the marker that is stored afterwards.
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

/**
 * Links the marker file to its path, if the path does not exist. If it exists, another process created it, and may have
 * stopped before the name was durable. So the caller must sync the folder in both cases.
 */
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
