import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { readMarkerFile, writeMarkerFile } from '@proofhouse/blobs';
import { AppError, isUuid } from '@proofhouse/core';
import type { Ids } from '../kernel/ids.ts';
import { makeFolder } from '../kernel/files/make-folder.ts';

const markerName = '.proofhouse-store';
/** What a file system puts into the root of a disk. */
const usualEntries = ['lost+found'];

/** Whether the root of a job view has this entry for its own purposes: the marker, whole or being written. */
export function isViewMarker(name: string): boolean {
  return name === markerName || name.startsWith(`${markerName}.`);
}

/** A root that was looked at before anything is written below it. */
export interface ViewRootLook {
  /** The store that the root belongs to; undefined where it bears no marker. */
  readonly marker: string | undefined;
  /** An entry that no job view has; looked for only where there is no marker. */
  readonly foreign: string | undefined;
}

export async function lookAtViewRoot(root: string): Promise<ViewRootLook> {
  const marker = await readMarkerFile(join(root, markerName));
  return { marker, foreign: marker === undefined ? await foreignEntry(root) : undefined };
}

/** Writes the marker over whatever marker is there. */
export async function markViewRoot(root: string, storeId: string, ids: Pick<Ids, 'token'>): Promise<void> {
  await writeMarkerFile(placeIn(root, ids), storeId, { replace: true });
}

/**
 * Takes the root of the job view for this store, before anything is shown in it: an empty one, one that holds nothing but
 * folders of jobs (as earlier versions left it), or its own. `storeId` is undefined where the store has no lasting id: it may
 * use a root without marker and leaves none. Errors: `unavailable` (another store's, or other content), `integrity_failure`.
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
