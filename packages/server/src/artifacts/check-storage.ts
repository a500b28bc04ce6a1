import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactRecord } from '@proofhouse/core';
import { isAppError } from '@proofhouse/core';
import type { Blobs } from '@proofhouse/blobs';
import type { ArtifactStore } from './artifact-store.ts';

/** One thing that is not as it should be. `path` is relative to the root of the job view. */
export type StorageFinding =
  /** Bytes are lost: the record cannot be downloaded. */
  | { readonly kind: 'row-without-bytes'; readonly artifactId: string }
  /** Bytes of another size or digest, or no plain file. */
  | { readonly kind: 'row-with-wrong-bytes'; readonly artifactId: string }
  /** What an upload that was cut off left; collection takes it. */
  | { readonly kind: 'bytes-without-row'; readonly key: string; readonly sizeBytes: number }
  | { readonly kind: 'staging-leftover'; readonly name: string; readonly sizeBytes: number }
  /** The job view lacks the newest bytes of a name, or shows others. */
  | { readonly kind: 'view-missing'; readonly path: string }
  | { readonly kind: 'view-outdated'; readonly path: string }
  /** Something in the job view that no record explains: a temporary name, or somebody's own file. */
  | { readonly kind: 'view-leftover'; readonly path: string };

export type FindingKind = StorageFinding['kind'];

export interface StorageCheck {
  readonly store: ArtifactStore;
  readonly blobs: Blobs;
  /** Absent where there is no job view. */
  readonly viewRoot?: string | undefined;
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
    'staging-leftover': 0,
    'view-missing': 0,
    'view-outdated': 0,
    'view-leftover': 0,
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
  if (check.viewRoot !== undefined) await checkView(check.store, check.viewRoot, tell);
  return { rows, blobs, found };
}

type Tell = (finding: StorageFinding | undefined) => void;

async function checkRows(check: StorageCheck, tell: Tell): Promise<number> {
  let count = 0;
  let afterId: string | undefined;
  for (;;) {
    const page = await check.store.listOwned(afterId, pageRows);
    for (let index = 0; index < page.length; index += atOnce) {
      await Promise.all(page.slice(index, index + atOnce).map((row) => checkRow(check, row, tell)));
    }
    count += page.length;
    afterId = page.at(-1)?.id;
    if (page.length < pageRows) return count;
  }
}

async function checkRow(check: StorageCheck, row: ArtifactRecord, tell: Tell): Promise<void> {
  const trouble = await checkBytes(check, row);
  tell(trouble);
  if (trouble === undefined && check.viewRoot !== undefined) tell(await checkShown(check, check.viewRoot, row));
}

async function checkBytes(check: StorageCheck, row: ArtifactRecord): Promise<StorageFinding | undefined> {
  const wrong = { kind: 'row-with-wrong-bytes', artifactId: row.id } as const;
  try {
    const stat = await check.blobs.stat(row.blob.key);
    if (stat === undefined) return { kind: 'row-without-bytes', artifactId: row.id };
    if (stat.sizeBytes !== row.blob.sizeBytes) return wrong;
    if (check.hashBytes === true) await check.blobs.verify(row.blob);
    return undefined;
  } catch (error) {
    if (isAppError(error, 'integrity_failure')) return wrong;
    throw error;
  }
}

/** Whether the view shows this row, when it is the newest of its name. */
async function checkShown(check: StorageCheck, root: string, row: ArtifactRecord): Promise<StorageFinding | undefined> {
  const { jobId, name } = row;
  if (jobId === null || name === null) return undefined;
  const newest = await check.store.newestOfJob(jobId, name);
  const source = check.blobs.localPath(row.blob.key);
  if (newest?.id !== row.id || source === undefined) return undefined;
  const path = `${jobId}/${name}`;
  const [shown, blob] = await Promise.all([statOf(join(root, path)), statOf(source)]);
  if (shown === undefined) return { kind: 'view-missing', path };
  if (shown.ino === blob?.ino && shown.dev === blob.dev) return undefined;
  // Where a file cannot have two names the view holds a copy.
  const isCopy = shown.isFile() && Number(shown.size) === row.blob.sizeBytes;
  if (isCopy && (await sha256Of(join(root, path))) === row.blob.sha256) return undefined;
  return { kind: 'view-outdated', path };
}

async function checkBlobs({ store, blobs, olderThan }: StorageCheck, tell: Tell): Promise<number> {
  let count = 0;
  let batch: { key: string; sizeBytes: number }[] = [];
  const flush = async (): Promise<void> => {
    const owned = await store.ownedKeys(batch.map(({ key }) => key));
    for (const { key, sizeBytes } of batch) if (!owned.has(key)) tell({ kind: 'bytes-without-row', key, sizeBytes });
    batch = [];
  };
  for await (const { key, sizeBytes, createdAt } of blobs.list()) {
    count += 1;
    if (createdAt >= olderThan) continue;
    batch.push({ key, sizeBytes });
    if (batch.length === pageRows) await flush();
  }
  if (batch.length > 0) await flush();
  return count;
}

/** Everything in the view must be the name of some record. Links are not followed. */
async function checkView(store: ArtifactStore, root: string, tell: Tell, folder = ''): Promise<void> {
  const entries = await opendir(join(root, folder)).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  if (entries === undefined) return;
  for await (const entry of entries) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) await checkView(store, root, tell, path);
    else if (!(await isNamed(store, path))) tell({ kind: 'view-leftover', path });
  }
}

async function isNamed(store: ArtifactStore, path: string): Promise<boolean> {
  const slash = path.indexOf('/');
  if (slash === -1) return false;
  return (await store.newestOfJob(path.slice(0, slash), path.slice(slash + 1))) !== undefined;
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
