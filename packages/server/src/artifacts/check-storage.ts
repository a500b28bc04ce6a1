import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactRecord } from '@proofhouse/core';
import { isAppError, isUuid, ownedBlob } from '@proofhouse/core';
import { irregularFingerprint, type BlobListing, type Blobs } from '@proofhouse/blobs';
import type { BlobOwner, BlobOwners, UsageCount } from '../kernel/blob-owners.ts';
import type { ArtifactStore } from './artifact-store.ts';
import { sha256OfFile, statOfFile } from './view-file.ts';
import { ViewProof } from './view-proof.ts';
import { isViewMarker } from './view-root.ts';

/** One defect of the storage. `path` is relative to the root of the job view. */
export type StorageFinding =
  /** A record whose bytes are lost, so they cannot be downloaded. `artifactId` is null if the record is not an artifact. */
  | { readonly kind: 'row-without-bytes'; readonly artifactId: string | null }
  /** A record whose bytes have another size or sha256 than the record says, or are not a plain file. */
  | { readonly kind: 'row-with-wrong-bytes'; readonly artifactId: string | null }
  /**
   * The usage counters of one record kind and one type are wrong. For artifacts, the type is the artifact type. `drift`
   * is the counted number and size of owned blobs minus the values of the counters.
   */
  | { readonly kind: 'usage-drift'; readonly drift: UsageCount }
  /** A blob that no record refers to, for example because its upload was interrupted. Collection removes it. */
  | { readonly kind: 'bytes-without-row'; readonly key: string; readonly sizeBytes: number }
  /**
   * An entry among the blobs that is a link, a folder or a device. Uploads never create such an entry, and nothing
   * removes it.
   */
  | { readonly kind: 'planted'; readonly key?: string; readonly place?: string }
  /** A file that an interrupted upload left in the staging folder. */
  | { readonly kind: 'staging-leftover'; readonly name: string; readonly sizeBytes: number }
  /** The job view has no entry for an artifact name of a job. */
  | { readonly kind: 'view-missing'; readonly path: string }
  /** The job view shows under an artifact name other bytes than those of the newest artifact with this name. */
  | { readonly kind: 'view-outdated'; readonly path: string }
  /** An entry (a link or a copy) that Proofhouse made in the job view, and that should have been removed. */
  | { readonly kind: 'view-leftover'; readonly path: string }
  /** An entry of the job view that Proofhouse did not make. Nothing removes or replaces it. */
  | { readonly kind: 'view-foreign'; readonly path: string };

export type FindingKind = StorageFinding['kind'];

/** The stores that the storage check compares. */
export interface CheckedStorage {
  readonly owners: Pick<BlobOwners, 'statesOf' | 'listOwned' | 'usageDrift'>;
  /** Used to check the job view. */
  readonly store: Pick<ArtifactStore, 'find' | 'newestOfJob' | 'listOfJob'>;
  readonly blobs: Blobs;
  /** The root folder of the job view. Undefined if the server has no job view. */
  readonly viewRoot?: string | undefined;
}

export interface StorageCheck extends CheckedStorage {
  /**
   * Blobs and staged files that are newer than this time (epoch ms) are not reported, because uploads in progress may
   * need them. `Infinity` if no server runs.
   */
  readonly olderThan: number;
  /** True if the check must also read every blob and compare its sha256 with the record. */
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
 * Compares the blob owners, the usage counters, the stored blobs and the job view, and changes nothing. Returns the number
 * of defects of each kind. Records and blobs are read page by page, so the memory use is bounded. `onFinding` receives each
 * finding immediately. Errors: those of the stores and the blob backend.
 */
export async function checkStorage(check: StorageCheck): Promise<StorageReport> {
  const found: Record<FindingKind, number> = {
    'row-without-bytes': 0,
    'row-with-wrong-bytes': 0,
    'usage-drift': 0,
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
  const rows = await checkOwners(check, report);
  for (const finding of await usageFindings(check)) report(finding);
  const blobs = await checkBlobs(check, report);
  for (const { name, sizeBytes } of await check.blobs.sweepStaging(check.olderThan, { dryRun: true })) {
    report({ kind: 'staging-leftover', name, sizeBytes });
  }
  if (check.viewRoot !== undefined) await checkView(check, check.viewRoot, report);
  return { rows, blobs, found };
}

type Report = (finding: StorageFinding | undefined) => void;

async function checkOwners(check: StorageCheck, report: Report): Promise<number> {
  let count = 0;
  let afterKey: string | undefined;
  for (;;) {
    const page = await check.owners.listOwned(afterKey, pageRows);
    for (let index = 0; index < page.length; index += atOnce) {
      const some = page.slice(index, index + atOnce);
      await Promise.all(some.map(async (owner) => report(await checkOwner(check, owner, check.hashBytes === true))));
    }
    count += page.length;
    afterKey = page.at(-1)?.key;
    if (page.length < pageRows) return count;
  }
}

/**
 * Checks the stored bytes of one blob owner and their entry in the job view. Returns the defect that it finds. Returns
 * undefined if there is no defect, or if the blob was released during the check.
 */
export async function checkOwner(
  storage: CheckedStorage,
  owner: BlobOwner,
  hashBytes: boolean,
): Promise<StorageFinding | undefined> {
  const defect = await checkBytes(storage.blobs, owner, hashBytes);
  if (defect !== undefined) {
    const states = await storage.owners.statesOf([owner.key]);
    return states.get(owner.key) === 'owned' ? defect : undefined;
  }
  if (storage.viewRoot === undefined || owner.kind !== 'artifact') return undefined;
  const artifact = await storage.store.find(owner.id);
  return artifact && checkShown(storage, artifact);
}

async function checkBytes(blobs: Blobs, owner: BlobOwner, hashBytes: boolean): Promise<StorageFinding | undefined> {
  const artifactId = owner.kind === 'artifact' ? owner.id : null;
  const wrong = { kind: 'row-with-wrong-bytes', artifactId } as const;
  const missing = { kind: 'row-without-bytes', artifactId } as const;
  try {
    const stat = await blobs.stat(owner.key);
    if (stat === undefined) return missing;
    if (stat.sizeBytes !== owner.sizeBytes) return wrong;
    if (hashBytes) await blobs.verify(owner);
    return undefined;
  } catch (error) {
    if (isAppError(error, 'integrity_failure')) return wrong;
    // The blob was removed after the call of `stat` and before this read.
    if (isAppError(error, 'not_found')) return missing;
    throw error;
  }
}

/**
 * Counts the owned blobs. Returns one finding for each record kind and artifact type whose usage counters differ from
 * this count.
 */
export async function usageFindings({ owners }: CheckedStorage): Promise<StorageFinding[]> {
  return (await owners.usageDrift()).map((drift) => ({ kind: 'usage-drift', drift }));
}

/**
 * Compares the entry of an artifact in the job view with the record. Returns the defect. Returns undefined if the entry
 * is correct, or if a newer artifact of the job has the same name.
 */
export async function checkShown(check: CheckedStorage, row: ArtifactRecord): Promise<StorageFinding | undefined> {
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
  // If the file system does not support hard links, the entry in the job view is a copy of the blob.
  const isCopy = shown.isFile() && Number(shown.size) === expected.sizeBytes;
  if (isCopy && (await sha256OfFile(join(root, path))) === expected.sha256) return undefined;
  const isOurs = await proofOf(check, root).isOurs(jobId, name);
  return { kind: isOurs ? 'view-outdated' : 'view-foreign', path };
}

function proofOf({ store, blobs }: CheckedStorage, root: string): ViewProof {
  return new ViewProof({ root, store, localPath: (key) => blobs.localPath(key) });
}

async function checkBlobs({ owners, blobs, olderThan }: StorageCheck, report: Report): Promise<number> {
  let count = 0;
  let batch: BlobListing[] = [];
  const flush = async (): Promise<void> => {
    for (const finding of await unownedBlobs(owners, batch, olderThan)) report(finding);
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

/**
 * Returns a finding for each blob without an owner that was created before `olderThan`. Also returns a finding for each
 * entry that is not a plain file, however new it is.
 */
export async function unownedBlobs(
  owners: Pick<BlobOwners, 'statesOf'>,
  blobs: readonly BlobListing[],
  olderThan: number,
): Promise<StorageFinding[]> {
  const isPlanted = ({ fingerprint }: BlobListing): boolean => fingerprint === irregularFingerprint;
  const asked = blobs.filter((blob) => isPlanted(blob) || blob.createdAt < olderThan);
  if (asked.length === 0) return [];
  const states = await owners.statesOf(asked.map(({ key }) => key));
  return asked
    .filter(({ key }) => states.get(key) !== 'owned')
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
 * Yields a finding for each entry at or below `path` that the job view should not have. That is an entry whose name no
 * artifact of the job has, or whose newest artifact was purged. `path` is a file or folder, relative to `root`. The
 * search enters only the folders of jobs, and does not follow symbolic links.
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
