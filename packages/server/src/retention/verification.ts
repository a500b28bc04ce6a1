import { createHash } from 'node:crypto';
import { opendir } from 'node:fs/promises';
import type { BlobListing } from '@proofhouse/blobs';
import { isAppError } from '@proofhouse/core';
import { z } from 'zod';
import {
  checkOwner,
  checkShown,
  unownedBlobs,
  usageFindings,
  viewLeftovers,
  type CheckedStorage,
  type StorageFinding,
} from '../artifacts/check-storage.ts';
import type { JobView } from '../artifacts/job-view.ts';
import type { BlobOwner, BlobOwners } from '../kernel/blob-owners.ts';
import type { Ids } from '../kernel/ids.ts';
import { findingText } from './finding-text.ts';
import { keyPrefixSchema, keySlice } from './key-slice.ts';
import { SliceCursor } from './slice-cursor.ts';
import { StorageTime } from './storage-time.ts';

export interface VerificationParts extends CheckedStorage {
  readonly owners: CheckedStorage['owners'] & Pick<BlobOwners, 'repairUsage'>;
  readonly jobView: JobView;
  readonly graceMs: number;
  /** Creates the seed of a run. The seed decides which blobs are hashed. */
  readonly ids: Pick<Ids, 'token'>;
  /** Largest number of bytes that one call hashes. A single larger blob is still hashed whole. Default 256 MiB. */
  readonly bytesASlice?: number;
  /** Largest number of blob owners that one call checks. Default 500. */
  readonly rowsASlice?: number;
}

export interface VerifyRequest {
  /** Share of the blobs whose bytes are read and hashed, from 0 to 1. */
  readonly sample: number;
  /** True to repair the job view and the usage counters. Other defects are only reported. */
  readonly repair: boolean;
  readonly cursor?: string | null | undefined;
}

/** One defect of the storage, with a message for operators. */
export interface VerifyFinding {
  readonly kind: StorageFinding['kind'];
  readonly artifactId: string | null;
  /** Path in the job view, relative to its root. For a finding of kind `planted`, a path in the blob storage. */
  readonly place: string | null;
  readonly message: string;
  readonly repaired: boolean;
}

export interface VerifiedSlice {
  readonly findings: readonly VerifyFinding[];
  readonly checkedRecords: number;
  readonly checkedBlobs: number;
  readonly hashedBytes: number;
  readonly nextCursor: string | null;
}

/**
 * The position of a run of verification. A run has these steps: the blob owners by key, the usage counters, the blobs
 * by key, the staging folder, the job view by folder.
 */
const placeSchema = z.discriminatedUnion('at', [
  z.strictObject({
    at: z.literal('owners'),
    seed: z.string().max(32),
    after: z
      .string()
      .regex(/^[\x21-\x7e]{1,64}$/)
      .optional(),
  }),
  z.strictObject({ at: z.literal('usage') }),
  z.strictObject({ at: z.literal('blobs'), prefix: keyPrefixSchema }),
  z.strictObject({ at: z.literal('staging') }),
  z.strictObject({ at: z.literal('view'), after: z.string().max(100).optional() }),
]);
type Place = z.infer<typeof placeSchema>;
type PlaceOf<At extends Place['at']> = Extract<Place, { at: At }>;
type Slice = Omit<VerifiedSlice, 'findings' | 'nextCursor'> & {
  readonly findings: readonly StorageFinding[];
  readonly next: Place | undefined;
};

const cursors = new SliceCursor<Place>('verify', placeSchema);
const nothingChecked = { findings: [], checkedRecords: 0, checkedBlobs: 0, hashedBytes: 0 };
const usualBytes = 256 * 1024 * 1024;
const usualRows = 500;
const blobsASlice = 2000;
const foldersASlice = 200;
/**
 * Longest name in bytes of an entry in the root of the job view that a cursor may contain. An entry with a longer name
 * is no job folder. The last slice checks all such entries.
 */
const longestNameBytes = 64;

/**
 * Verifies the storage. Compares the blob owners, the usage counters, the stored blobs and the job view with each
 * other. Each call checks one slice, whose size is bounded.
 */
export class Verification {
  readonly #parts: VerificationParts;
  readonly #time: StorageTime;

  constructor(parts: VerificationParts) {
    this.#parts = parts;
    this.#time = new StorageTime(parts.blobs);
  }

  /** Checks the slice at the cursor, or the first slice. Errors: `invalid_cursor`, those of the stores. */
  async slice(request: VerifyRequest): Promise<VerifiedSlice> {
    const { cursor } = request;
    const place: Place =
      cursor === undefined || cursor === null
        ? { at: 'owners', seed: this.#parts.ids.token(16) }
        : cursors.read(cursor);
    const { findings, next, ...counts } = await this.#slice(place, request.sample);
    const drifted = findings.some(({ kind }) => kind === 'usage-drift');
    if (drifted && request.repair) await this.#parts.owners.repairUsage();
    const told: VerifyFinding[] = [];
    for (const finding of findings) told.push(await this.#told(finding, request.repair));
    return { ...counts, findings: told, nextCursor: next === undefined ? null : cursors.write(next) };
  }

  #slice(place: Place, sample: number): Promise<Slice> {
    switch (place.at) {
      case 'owners':
        return this.#checkOwners(place, sample);
      case 'usage':
        return this.#checkUsage();
      case 'blobs':
        return this.#checkBlobs(place);
      case 'staging':
        return this.#checkStaging();
      case 'view':
        return this.#checkView(place);
    }
  }

  async #checkOwners({ seed, after }: PlaceOf<'owners'>, sample: number): Promise<Slice> {
    const { rowsASlice = usualRows, bytesASlice = usualBytes } = this.#parts;
    const owners = await this.#parts.owners.listOwned(after, rowsASlice);
    const findings: StorageFinding[] = [];
    let hashedBytes = 0;
    let checked = 0;
    for (const owner of owners) {
      const hashed = isSampled(seed, owner, sample);
      if (hashed && hashedBytes > 0 && hashedBytes + owner.sizeBytes > bytesASlice) break;
      const finding = await checkOwner(this.#parts, owner, hashed);
      if (finding !== undefined) findings.push(finding);
      if (hashed) hashedBytes += owner.sizeBytes;
      checked += 1;
    }
    const last = owners[checked - 1];
    const isEnd = last === undefined || (checked === owners.length && owners.length < rowsASlice);
    const next: Place = isEnd ? { at: 'usage' } : { at: 'owners', seed, after: last.key };
    return { ...nothingChecked, findings, checkedRecords: checked, hashedBytes, next };
  }

  async #checkUsage(): Promise<Slice> {
    return { ...nothingChecked, findings: await usageFindings(this.#parts), next: { at: 'blobs', prefix: '' } };
  }

  async #checkBlobs({ prefix }: PlaceOf<'blobs'>): Promise<Slice> {
    const { blobs, owners } = this.#parts;
    const slice = await keySlice(blobs, prefix, blobsASlice);
    const olderThan = await this.#oldEnough(slice.blobs);
    const planted = slice.planted.map((place) => ({ kind: 'planted' as const, place }));
    const findings = [...planted, ...(await unownedBlobs(owners, slice.blobs, olderThan))];
    const next: Place = slice.next === undefined ? { at: 'staging' } : { at: 'blobs', prefix: slice.next };
    return { ...nothingChecked, findings, checkedBlobs: slice.blobs.length, next };
  }

  async #checkStaging(): Promise<Slice> {
    const left = await this.#parts.blobs.sweepStaging(await this.#oldEnough(), { dryRun: true });
    const findings = left.map(({ name, sizeBytes }) => ({ kind: 'staging-leftover' as const, name, sizeBytes }));
    return { ...nothingChecked, findings, next: this.#parts.viewRoot === undefined ? undefined : { at: 'view' } };
  }

  async #checkView({ after }: PlaceOf<'view'>): Promise<Slice> {
    const { viewRoot } = this.#parts;
    if (viewRoot === undefined) return { ...nothingChecked, next: undefined };
    const { names, isEnd } = await firstNames(viewRoot, after ?? '', foldersASlice);
    const findings: StorageFinding[] = [];
    for (const name of names) {
      for await (const finding of viewLeftovers(this.#parts, viewRoot, name)) findings.push(finding);
    }
    return { ...nothingChecked, findings, next: isEnd ? undefined : { at: 'view', after: names.at(-1) ?? '' } };
  }

  async #oldEnough(seen?: readonly BlobListing[]): Promise<number> {
    return (await this.#time.now(seen)) - this.#parts.graceMs;
  }

  async #told(finding: StorageFinding, repair: boolean): Promise<VerifyFinding> {
    return {
      kind: finding.kind,
      artifactId: 'artifactId' in finding ? finding.artifactId : null,
      place: placeOf(finding),
      message: findingText(finding),
      repaired:
        repair && (finding.kind === 'usage-drift' || (isMendable(finding) && (await this.#repair(finding.path)))),
    };
  }

  /** Updates one entry of the job view from the records. Returns true if the entry is correct afterwards. */
  async #repair(path: string): Promise<boolean> {
    const { jobView, store, viewRoot = '' } = this.#parts;
    const [jobId = '', ...rest] = path.split('/');
    const name = rest.join('/');
    await jobView.refresh(jobId, name);
    const newest = await store.newestOfJob(jobId, name);
    if (newest?.purgedAt === null) return (await checkShown(this.#parts, newest)) === undefined;
    return (await viewLeftovers(this.#parts, viewRoot, path).next()).done === true;
  }
}

function placeOf(finding: StorageFinding): string | null {
  if ('path' in finding) return finding.path;
  return finding.kind === 'planted' ? (finding.place ?? null) : null;
}

/**
 * Returns true if the defect is in an entry of the job view that Proofhouse made. Such an entry can be replaced without
 * loss.
 */
function isMendable(finding: StorageFinding): finding is StorageFinding & { readonly path: string } {
  return 'path' in finding && finding.kind !== 'view-foreign';
}

/**
 * Returns true if the blob of this owner must be hashed. A hash of the seed and of the owner's id decides this. One
 * seed always selects the same owners, and every owner is selected by some seeds.
 */
function isSampled(seed: string, { id }: BlobOwner, sample: number): boolean {
  if (sample >= 1) return true;
  const drawn = createHash('sha256').update(`${seed}:${id}`).digest().readUInt32BE(0);
  return drawn / 2 ** 32 < sample;
}

/**
 * Returns, in order, the first `most` names in the folder that sort after `after`. Names longer than `longestNameBytes`
 * are returned only by the last call. `isEnd` is true for the last call. Keeps at most 2 * `most` shorter names in
 * memory.
 */
async function firstNames(root: string, after: string, most: number): Promise<{ names: string[]; isEnd: boolean }> {
  let names: string[] = [];
  const long: string[] = [];
  let isCut = false;
  try {
    for await (const { name } of await opendir(root)) {
      if (Buffer.byteLength(name) > longestNameBytes) {
        long.push(name);
      } else if (name > after) {
        names.push(name);
      }
      if (names.length < 2 * most) continue;
      names = names.sort().slice(0, most);
      isCut = true;
    }
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  names.sort();
  if (isCut || names.length > most) return { names: names.slice(0, most), isEnd: false };
  return { names: [...names, ...long], isEnd: true };
}

function isMissing(error: unknown): boolean {
  return !isAppError(error) && (error as NodeJS.ErrnoException).code === 'ENOENT';
}
