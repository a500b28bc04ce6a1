import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { readMarkerFile, writeMarkerFile } from '@proofhouse/blobs';
import { AppError, isUuid } from '@proofhouse/core';
import type { Ids } from '../kernel/ids.ts';
import { makeFolder } from '../kernel/files/make-folder.ts';

const markerName = '.proofhouse-store';
/** Entries that a file system creates in the root of a disk. */
const usualEntries = ['lost+found'];

/** Returns true for entries that belong to the marker of a job view: the marker, or its temporary file. */
export function isViewMarker(name: string): boolean {
  return name === markerName || name.startsWith(`${markerName}.`);
}

/** The state of a root before anything is written below it. */
export interface ViewRootLook {
  /** Id of the store that the root belongs to; undefined without a marker. */
  readonly marker: string | undefined;
  /** A foreign entry. Searched only when there is no marker. */
  readonly foreign: string | undefined;
}

export async function lookAtViewRoot(root: string): Promise<ViewRootLook> {
  const marker = await readMarkerFile(join(root, markerName));
  return { marker, foreign: marker === undefined ? await foreignEntry(root) : undefined };
}

/** Writes the marker, replacing any existing one. */
export async function markViewRoot(root: string, storeId: string, ids: Pick<Ids, 'token'>): Promise<void> {
  await writeMarkerFile(placeIn(root, ids), storeId, { replace: true });
}

/**
 * Claims the root of the job view for this store, before anything is linked into it. Accepted are an empty root, one
 * that contains only job folders (as earlier versions left it), and the store's own. `storeId` is undefined for a store
 * without a durable id: it may use a root without a marker and writes none. Errors: `unavailable` (root of another
 * store, or foreign content), `integrity_failure`.
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
