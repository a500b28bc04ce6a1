import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactRecord } from '@proofhouse/core';
import { isAppError, isUuid, ownedBlob } from '@proofhouse/core';
import { irregularFingerprint, type BlobListing, type Blobs } from '@proofhouse/blobs';
import type { ArtifactStore } from './artifact-store.ts';
import { ViewProof } from './view-proof.ts';
import { isViewMarker } from './view-root.ts';

/** One thing that is not as it should be. `path` is relative to the root of the job view. */
export type StorageFinding =
  /** Bytes are lost: the record cannot be downloaded. */
  | { readonly kind: 'row-without-bytes'; readonly artifactId: string }
  /** Bytes of another size or digest, or no plain file. */
  | { readonly kind: 'row-with-wrong-bytes'; readonly artifactId: string }
  /** What an upload that was cut off left; collection takes it. */
  | { readonly kind: 'bytes-without-row'; readonly key: string; readonly sizeBytes: number }
  /** No plain object, where only blobs lie: a link, a folder, a device. Uploads make no such thing, and nothing removes it. */
  | { readonly kind: 'planted'; readonly key?: string; readonly place?: string }
  | { readonly kind: 'staging-leftover'; readonly name: string; readonly sizeBytes: number }
  /** The job view lacks the newest bytes of a name, or shows others. */
  | { readonly kind: 'view-missing'; readonly path: string }
  | { readonly kind: 'view-outdated'; readonly path: string }
  /** A link to bytes of the job, or a copy, that the job view should not show any more. */
  | { readonly kind: 'view-leftover'; readonly path: string }
  /** Something in the job view that Proofhouse did not put there; nothing removes or replaces it. */
  | { readonly kind: 'view-foreign'; readonly path: string };

export type FindingKind = StorageFinding['kind'];

/** What is held against each other. */
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
  /** Reads and hashes every blob, too. */
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
 * Holds records, stored bytes and the job view against each other, and changes nothing. Goes through all three page by
 * page, so memory stays flat; findings go to `onFinding` as they come. Errors: those of store and blobs.
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
  const tell = (finding: StorageFinding | undefined): void => {
    if (finding === undefined) return;
    found[finding.kind] += 1;
    check.onFinding?.(finding);
  };
  const rows = await checkRows(check, tell);
  const blobs = await checkBlobs(check, tell);
  for (const { name, sizeBytes } of await check.blobs.sweepStaging(check.olderThan, { dryRun: true })) {
    tell({ kind: 'staging-leftover', name, sizeBytes });
  }
  if (check.viewRoot !== undefined) await checkView(check, check.viewRoot, tell);
  return { rows, blobs, found };
}

type Tell = (finding: StorageFinding | undefined) => void;

async function checkRows(check: StorageCheck, tell: Tell): Promise<number> {
  let count = 0;
  let afterId: string | undefined;
  for (;;) {
    const page = await check.store.listOwned(afterId, pageRows);
    for (let index = 0; index < page.length; index += atOnce) {
      const some = page.slice(index, index + atOnce);
      await Promise.all(some.map(async (row) => tell(await checkRow(check, row, check.hashBytes === true))));
    }
    count += page.length;
    afterId = page.at(-1)?.id;
    if (page.length < pageRows) return count;
  }
}

/** What is wrong with the bytes of a record, or with what the view shows of it; nothing when it was purged meanwhile. */
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
    // It was there a moment ago: retention took it, or somebody else did.
    if (isAppError(error, 'not_found')) return { kind: 'row-without-bytes', artifactId: row.id };
    throw error;
  }
}

/** Whether the view shows this row, when it is the newest of its name. */
async function checkShown(check: CheckedStorage, row: ArtifactRecord): Promise<StorageFinding | undefined> {
  const { jobId, name } = row;
  const root = check.viewRoot;
  if (root === undefined || jobId === null || name === null) return undefined;
  const expected = ownedBlob(row);
  const newest = await check.store.newestOfJob(jobId, name);
  const source = check.blobs.localPath(expected.key);
  if (newest?.id !== row.id || source === undefined) return undefined;
  const path = `${jobId}/${name}`;
  const [shown, blob] = await Promise.all([statOf(join(root, path)), statOf(source)]);
  if (shown === undefined) return { kind: 'view-missing', path };
  if (shown.ino === blob?.ino && shown.dev === blob.dev) return undefined;
  // Where a file cannot have two names the view holds a copy.
  const isCopy = shown.isFile() && Number(shown.size) === expected.sizeBytes;
  if (isCopy && (await sha256Of(join(root, path))) === expected.sha256) return undefined;
  const isOurs = await proofOf(check, root).isOurs(jobId, name);
  return { kind: isOurs ? 'view-outdated' : 'view-foreign', path };
}

function proofOf({ store, blobs }: CheckedStorage, root: string): ViewProof {
  return new ViewProof({ root, store, localPath: (key) => blobs.localPath(key) });
}

async function checkBlobs({ store, blobs, olderThan }: StorageCheck, tell: Tell): Promise<number> {
  let count = 0;
  let batch: BlobListing[] = [];
  const flush = async (): Promise<void> => {
    for (const finding of await unownedBlobs(store, batch, olderThan)) tell(finding);
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

/** Which of these no record names, though none younger than `olderThan`: what was planted has no age. */
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

async function checkView(check: CheckedStorage, root: string, tell: Tell): Promise<void> {
  const entries = await openFolder(root);
  if (entries === undefined) return;
  for await (const { name } of entries) for await (const finding of viewLeftovers(check, root, name)) tell(finding);
}

/**
 * What lies in the view under this name, a file or all of a folder, without being the name of a record whose bytes are
 * kept. Links are not followed, and what is no folder of a job is not entered.
 */
export async function* viewLeftovers(
  check: CheckedStorage,
  root: string,
  path: string,
): AsyncGenerator<StorageFinding> {
  if (isViewMarker(path)) return;
  const found = await statOf(join(root, path));
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

async function statOf(path: string) {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest('hex');
}
