import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { readMarkerFile, writeMarkerFile } from '@proofhouse/blobs';
import { AppError, isUuid } from '@proofhouse/core';
import type { Ids } from '../kernel/ids.ts';
import { makeFolder } from '../kernel/files/make-folder.ts';

const markerName = '.proofhouse-store';
/** Entries that a file system itself creates in its root folder. The root of a job view may contain them. */
const usualEntries = ['lost+found'];

/** Returns true if the entry of a job view's root is its marker file, or a temporary file of the marker. */
export function isViewMarker(name: string): boolean {
  return name === markerName || name.startsWith(`${markerName}.`);
}

/** The state of the root folder of a job view, read before anything is written into it. */
export interface ViewRootLook {
  /** Id of the store to which the root belongs, read from the marker file. Undefined if there is no marker file. */
  readonly marker: string | undefined;
  /**
   * Name of an entry that does not belong to a job view. Undefined if there is none. The search for it takes place only
   * if there is no marker file.
   */
  readonly foreign: string | undefined;
}

export async function lookAtViewRoot(root: string): Promise<ViewRootLook> {
  const marker = await readMarkerFile(join(root, markerName));
  return { marker, foreign: marker === undefined ? await foreignEntry(root) : undefined };
}

/** Writes the marker file with the id of the store. Replaces an existing marker file. */
export async function markViewRoot(root: string, storeId: string, ids: Pick<Ids, 'token'>): Promise<void> {
  await writeMarkerFile(placeIn(root, ids), storeId, { replace: true });
}

/**
 * Marks the root of the job view as owned by this store. Must be called before anything is linked into the root. The
 * root must be empty, or contain only job folders (from earlier versions), or have the marker file of this store.
 * `storeId` is undefined for a store without a durable id. Such a store writes no marker file, and the root must not
 * have one. Errors: `unavailable` (the root belongs to another store, or has entries of another origin),
 * `integrity_failure`.
 */
export async function claimViewRoot(root: string, storeId: string | undefined, ids: Pick<Ids, 'token'>): Promise<void> {
  makeFolder(root, 0o750);
  const { marker, foreign } = await lookAtViewRoot(root);
  if (foreign !== undefined) {
    throw refused(root, `holds ${JSON.stringify(foreign)}, which is no folder of a job`);
  }
  const held = marker ?? (storeId === undefined ? undefined : await writeMarkerFile(placeIn(root, ids), storeId));
  if (held !== storeId) throw refused(root, `belongs to store ${String(held)}, not to this one`);
}

function placeIn(root: string, ids: Pick<Ids, 'token'>) {
  return { path: join(root, markerName), folder: root, temporary: join(root, `${markerName}.${ids.token(16)}`) };
}

async function foreignEntry(root: string): Promise<string | undefined> {
  for await (const entry of await opendir(root)) {
    const isJob = isUuid(entry.name) && entry.isDirectory();
    if (!isJob && !isViewMarker(entry.name) && !usualEntries.includes(entry.name)) return entry.name;
  }
  return undefined;
}

function refused(root: string, why: string): AppError {
  const message = `The root of the job view, ${root}, ${why}; give this server an empty folder of its own with AGENT_JOB_ARTIFACT_ROOT.`;
  return new AppError('unavailable', message);
}
