import { lstatSync, opendirSync } from 'node:fs';
import { basename, relative, resolve, sep } from 'node:path';
import { blobFolders, blobUrlFolder } from '@proofhouse/blobs';
import type { Config } from '../config/config.ts';
import { databaseIsInMemory, schemeOf } from '../config/lasting-storage.ts';
import type { Logger } from '../kernel/logger.ts';
import { cannotUseFolder } from '../kernel/files/probe-folder.ts';
import { makeFolder } from '../kernel/files/make-folder.ts';
import { modeText, tighten, wideModeOf, type WideMode } from '../kernel/files/private-files.ts';
import { sqlitePath } from '../stores/open-metadata-store.ts';

type Places = Pick<Config, 'dataDir' | 'databaseUrl' | 'blobUrl' | 'jobViewRoot'>;

/** Suffixes of the database file itself (empty) and of the files that SQLite and the server create beside it. */
const databaseSuffixes = ['', '-wal', '-shm', '-journal', '.lock', '.lock-journal'];
/** Usual entries of a data folder that Proofhouse or the file system creates. Paths in the settings are not listed here. */
const usualEntries = ['artifacts', 'blobs', 'lost+found'];

/**
 * Creates the data folder with mode 0700 if the configuration uses it. Narrows the modes of files and folders that
 * belong to this user and allow too much. Logs each change, and each file or folder that it could not change. Errors:
 * `unavailable`.
 */
export function keepPrivate(config: Places, logger: Logger): void {
  if (holdsAnything(config)) {
    try {
      makeFolder(config.dataDir, 0o700);
    } catch (cause) {
      throw cannotUseFolder(config.dataDir, cause, ', and `proofhouse doctor` looks at each');
    }
  }
  for (const wide of widePlaces(config)) {
    const fields = { path: wide.path, mode: modeText(wide.mode), allowed: modeText(wide.allowed) };
    if (wide.ours && tighten(wide))
      logger.warn(fields, 'the mode of a private file or folder was too wide; it was tightened');
    else logger.warn(fields, 'the mode of a private file or folder is too wide; run chmod on it');
  }
}

/**
 * Returns the files and folders whose modes allow more than these modes: 0700 for the data folder, 0600 for database
 * files, and 0750 for the folders of blobs and the root of the job view.
 *
 * If the data folder contains files of other programs, its entry has `ours: false`, and its mode is not changed.
 * Otherwise the users of these files could lose access.
 */
export function widePlaces(config: Places): WideMode[] {
  const blobs = blobUrlFolder(config.blobUrl);
  const found = [
    dataFolder(config),
    ...databaseFiles(config).map((file) => wideModeOf(file, 0o600)),
    ...(blobs === undefined ? [] : blobFolders(blobs).map((folder) => wideModeOf(folder, 0o750))),
    ...(blobs === undefined ? [] : [wideModeOf(config.jobViewRoot, 0o750)]),
  ];
  return found.filter((wide) => wide !== undefined);
}

function dataFolder(config: Places): WideMode | undefined {
  const wide = holdsAnything(config) ? wideModeOf(config.dataDir, 0o700) : undefined;
  if (wide === undefined) return undefined;
  return { ...wide, ours: wide.ours && lstatSync(config.dataDir).isDirectory() && holdsOnlyOurs(config) };
}

function holdsOnlyOurs(config: Places): boolean {
  const known = new Set([
    ...usualEntries,
    ...databaseFiles(config).map((file) => basename(file)),
    ...placesOf(config).map((place) => relative(config.dataDir, place).split(sep)[0]),
  ]);
  const folder = opendirSync(config.dataDir);
  try {
    for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
      if (!known.has(entry.name)) return false;
    }
    return true;
  } finally {
    folder.closeSync();
  }
}

/** Returns true if the database, the blobs or the job view of this configuration is inside the data folder. */
export function holdsAnything(config: Places): boolean {
  return placesOf(config).some((place) => place.startsWith(`${config.dataDir}${sep}`));
}

function placesOf(config: Places): string[] {
  const blobs = blobUrlFolder(config.blobUrl);
  return [...databaseFiles(config).slice(0, 1), ...(blobs === undefined ? [] : [blobs, config.jobViewRoot])];
}

function databaseFiles(config: Places): string[] {
  if (schemeOf(config.databaseUrl) !== 'sqlite' || databaseIsInMemory(config)) return [];
  const file = resolve(sqlitePath(config.databaseUrl));
  return databaseSuffixes.map((suffix) => `${file}${suffix}`);
}
