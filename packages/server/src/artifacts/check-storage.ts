import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactRecord } from '@proofhouse/core';
import { isAppError, isUuid, ownedBlob } from '@proofhouse/core';
import { irregularFingerprint, type BlobListing, type Blobs } from '@proofhouse/blobs';
import type { ArtifactStore } from './artifact-store.ts';
import { sha256OfFile, statOfFile } from './view-file.ts';
import { ViewProof } from './view-proof.ts';
import { isViewMarker } from './view-root.ts';

/** A difference between records, stored bytes and the job view. `path` is relative to the root of the job view. */
export type StorageFinding =
  /** Bytes are lost: the record cannot be downloaded. */
  | { readonly kind: 'row-without-bytes'; readonly artifactId: string }
  /** The bytes have another size or digest, or are not a plain file. */
  | { readonly kind: 'row-with-wrong-bytes'; readonly artifactId: string }
  /** Left by an interrupted upload; collection removes it. */
  | { readonly kind: 'bytes-without-row'; readonly key: string; readonly sizeBytes: number }
  /** A link, folder or device among the blobs. No upload makes one, and nothing removes it. */
  | { readonly kind: 'planted'; readonly key?: string; readonly place?: string }
  | { readonly kind: 'staging-leftover'; readonly name: string; readonly sizeBytes: number }
  /** The job view lacks the newest bytes of a name, or shows others. */
  | { readonly kind: 'view-missing'; readonly path: string }
  | { readonly kind: 'view-outdated'; readonly path: string }
  /** A link to bytes of the job, or a copy of them, that no current record names. */
  | { readonly kind: 'view-leftover'; readonly path: string }
  /** A file in the job view that Proofhouse did not put there; nothing removes or replaces it. */
  | { readonly kind: 'view-foreign'; readonly path: string };

export type FindingKind = StorageFinding['kind'];

/** The stores that are compared. */
export interface CheckedStorage {
  readonly store: Pick<ArtifactStore, 'find' | 'newestOfJob' | 'listOfJob' | 'blobOwnership' | 'listOwned'>;
  readonly blobs: Blobs;
  /** Absent where there is no job view. */
  readonly viewRoot?: string | undefined;
}

export interface StorageCheck extends CheckedStorage {
  /**
   * Blobs and leftovers younger than this (epoch ms) may belong to uploads that are under way, and are
   * not reported. `Infinity` when no server runs.
   */
  readonly olderThan: number;
  /** Also reads and hashes every blob. */
  readonly hashBytes?: boolean;
  readonly onFinding?: (finding: StorageFinding) => void;
}

export interface StorageReport {
  readonly rows: number;
  readonly blobs: number;
  readonly found: Readonly<Record<FindingKind, number>>;
}

const pageRows = 500;
const atOnce = 16;

/**
 * Compares records, stored bytes and the job view, and changes nothing. Reads all three page by page, so memory stays
 * constant; `onFinding` is called for each finding at once. Errors: those of store and blobs.
 */
export async function checkStorage(check: StorageCheck): Promise<StorageReport> {
  const found: Record<FindingKind, number> = {
    'row-without-bytes': 0,
    'row-with-wrong-bytes': 0,
    'bytes-without-row': 0,
    planted: 0,
    'staging-leftover': 0,
    'view-missing': 0,
    'view-outdated': 0,
    'view-leftover': 0,
    'view-foreign': 0,
  };
  const report = (finding: StorageFinding | undefined): void => {
    if (finding === undefined) return;
    found[finding.kind] += 1;
    check.onFinding?.(finding);
  };
  const rows = await checkRows(check, report);
  const blobs = await checkBlobs(check, report);
  for (const { name, sizeBytes } of await check.blobs.sweepStaging(check.olderThan, { dryRun: true })) {
    report({ kind: 'staging-leftover', name, sizeBytes });
  }
  if (check.viewRoot !== undefined) await checkView(check, check.viewRoot, report);
  return { rows, blobs, found };
}

type Report = (finding: StorageFinding | undefined) => void;

async function checkRows(check: StorageCheck, report: Report): Promise<number> {
  let count = 0;
  let afterId: string | undefined;
  for (;;) {
    const page = await check.store.listOwned(afterId, pageRows);
    for (let index = 0; index < page.length; index += atOnce) {
      const some = page.slice(index, index + atOnce);
      await Promise.all(some.map(async (row) => report(await checkRow(check, row, check.hashBytes === true))));
    }
    count += page.length;
    afterId = page.at(-1)?.id;
    if (page.length < pageRows) return count;
  }
}

/** The finding about the bytes of a record or its file in the view; undefined when there is none, or it was purged meanwhile. */
export async function checkRow(
  storage: CheckedStorage,
  row: ArtifactRecord,
  hashBytes: boolean,
): Promise<StorageFinding | undefined> {
  const trouble = await checkBytes(storage, row, hashBytes);
  if (trouble === undefined) return checkShown(storage, row);
  const now = await storage.store.find(row.id);
  return now?.purgedAt === null ? trouble : undefined;
}

async function checkBytes(
  { blobs }: CheckedStorage,
  row: ArtifactRecord,
  hashBytes: boolean,
): Promise<StorageFinding | undefined> {
  const blob = ownedBlob(row);
  const wrong = { kind: 'row-with-wrong-bytes', artifactId: row.id } as const;
  try {
    const stat = await blobs.stat(blob.key);
    if (stat === undefined) return { kind: 'row-without-bytes', artifactId: row.id };
    if (stat.sizeBytes !== blob.sizeBytes) return wrong;
    if (hashBytes) await blobs.verify(blob);
    return undefined;
  } catch (error) {
    if (isAppError(error, 'integrity_failure')) return wrong;
    // Removed between `stat` and `verify`, by retention or from outside.
    if (isAppError(error, 'not_found')) return { kind: 'row-without-bytes', artifactId: row.id };
    throw error;
  }
}

/** The finding about the view's file of this row, if the row is the newest of its name. */
async function checkShown(check: CheckedStorage, row: ArtifactRecord): Promise<StorageFinding | undefined> {
  const { jobId, name } = row;
  const root = check.viewRoot;
  if (root === undefined || jobId === null || name === null) return undefined;
  const expected = ownedBlob(row);
  const newest = await check.store.newestOfJob(jobId, name);
  const source = check.blobs.localPath(expected.key);
  if (newest?.id !== row.id || source === undefined) return undefined;
  const path = `${jobId}/${name}`;
  const [shown, blob] = await Promise.all([statOfFile(join(root, path)), statOfFile(source)]);
  if (shown === undefined) return { kind: 'view-missing', path };
  if (shown.ino === blob?.ino && shown.dev === blob.dev) return undefined;
  // On file systems without hard links the view holds a copy.
  const isCopy = shown.isFile() && Number(shown.size) === expected.sizeBytes;
  if (isCopy && (await sha256OfFile(join(root, path))) === expected.sha256) return undefined;
  const isOurs = await proofOf(check, root).isOurs(jobId, name);
  return { kind: isOurs ? 'view-outdated' : 'view-foreign', path };
}

function proofOf({ store, blobs }: CheckedStorage, root: string): ViewProof {
  return new ViewProof({ root, store, localPath: (key) => blobs.localPath(key) });
}

async function checkBlobs({ store, blobs, olderThan }: StorageCheck, report: Report): Promise<number> {
  let count = 0;
  let batch: BlobListing[] = [];
  const flush = async (): Promise<void> => {
    for (const finding of await unownedBlobs(store, batch, olderThan)) report(finding);
    batch = [];
  };
  for await (const blob of blobs.list()) {
    count += 1;
    batch.push(blob);
    if (batch.length === pageRows) await flush();
  }
  await flush();
  return count;
}

/** Findings about those blobs that no record names. Blobs younger than `olderThan` are left out, except irregular files. */
export async function unownedBlobs(
  store: CheckedStorage['store'],
  blobs: readonly BlobListing[],
  olderThan: number,
): Promise<StorageFinding[]> {
  const isPlanted = ({ fingerprint }: BlobListing): boolean => fingerprint === irregularFingerprint;
  const asked = blobs.filter((blob) => isPlanted(blob) || blob.createdAt < olderThan);
  if (asked.length === 0) return [];
  const ownership = await store.blobOwnership(asked.map(({ key }) => key));
  return asked
    .filter(({ key }) => ownership.get(key) !== 'kept')
    .map((blob) =>
      isPlanted(blob)
        ? { kind: 'planted', key: blob.key }
        : { kind: 'bytes-without-row', key: blob.key, sizeBytes: blob.sizeBytes },
    );
}

async function checkView(check: CheckedStorage, root: string, report: Report): Promise<void> {
  const entries = await openFolder(root);
  if (entries === undefined) return;
  for await (const { name } of entries) for await (const finding of viewLeftovers(check, root, name)) report(finding);
}

/**
 * Findings about a file of the view, or all files of a folder, whose name is not that of a record with kept bytes. Symbolic
 * links are not followed; folders that are not those of a job are not entered.
 */
export async function* viewLeftovers(
  check: CheckedStorage,
  root: string,
  path: string,
): AsyncGenerator<StorageFinding> {
  if (isViewMarker(path)) return;
  const found = await statOfFile(join(root, path));
  if (found === undefined) return;
  const [jobId = '', ...rest] = path.split('/');
  if (!isUuid(jobId) || (rest.length === 0 && !found.isDirectory())) {
    yield { kind: 'view-foreign', path };
    return;
  }
  if (!found.isDirectory()) {
    if (await isNamed(check.store, path)) return;
    const isOurs = await proofOf(check, root).isOurs(jobId, rest.join('/'));
    yield { kind: isOurs ? 'view-leftover' : 'view-foreign', path };
    return;
  }
  const entries = await openFolder(join(root, path));
  if (entries === undefined) return;
  for await (const { name } of entries) yield* viewLeftovers(check, root, `${path}/${name}`);
}

async function openFolder(path: string) {
  try {
    return await opendir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function isNamed(store: Pick<ArtifactStore, 'newestOfJob'>, path: string): Promise<boolean> {
  const slash = path.indexOf('/');
  if (slash === -1) return false;
  return (await store.newestOfJob(path.slice(0, slash), path.slice(slash + 1)))?.purgedAt === null;
}
