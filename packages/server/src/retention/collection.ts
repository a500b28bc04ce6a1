import { irregularFingerprint, type BlobListing, type Blobs } from '@proofhouse/blobs';
import {
  AppError,
  artifactTypes,
  ownedBlob,
  retentionVerdict,
  type ArtifactRecord,
  type ArtifactType,
  type JobRecord,
  type RetentionPolicy,
} from '@proofhouse/core';
import { z } from 'zod';
import type { JobView } from '../artifacts/job-view.ts';
import type { BlobOwners, BlobOwnerState } from '../kernel/blob-owners.ts';
import type { Clock } from '../kernel/time/clock.ts';
import { update, type Commits } from '../kernel/commit.ts';
import type { PageKey } from '../kernel/page.ts';
import type { Logger } from '../kernel/logger.ts';
import { keyPrefixSchema, keySlice } from './key-slice.ts';
import { SliceCursor } from './slice-cursor.ts';
import { StorageTime } from './storage-time.ts';
import { strangersRefusal, type BlobCensus } from './strangers.ts';

/** Reads the artifacts that retention may purge; see `ArtifactStore.expirable`. */
export interface ExpirableArtifacts {
  expirable(
    filter: { readonly type: ArtifactType; readonly olderThan: number },
    after: PageKey | undefined,
    limit: number,
  ): Promise<ArtifactRecord[]>;
}

export interface CollectionParts {
  readonly store: ExpirableArtifacts;
  readonly owners: Pick<BlobOwners, 'statesOf'>;
  readonly commits: Commits;
  readonly findJob: (jobId: string) => Promise<JobRecord | undefined>;
  readonly blobs: Blobs;
  readonly jobView: JobView;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly policy: RetentionPolicy;
  /**
   * Grace period in ms. Bytes that no record refers to are kept for this time, measured by the clock of the blob
   * storage.
   */
  readonly graceMs: number;
  /**
   * Throws if the database and the blob storage belong to different stores. Called before every slice of a collection.
   */
  readonly requireSame: () => Promise<void>;
  /** True if the database is durable. */
  readonly databaseLasts: boolean;
  /**
   * Epoch ms at which the store got its id or last adopted blobs. Automatic collection does nothing for one grace
   * period after this time.
   */
  readonly since: number;
  /**
   * Returns what protects an artifact from retention, for example a task for which the artifact is the proof. Returns
   * undefined if the artifact may expire.
   */
  readonly protectorOf?: (artifact: ArtifactRecord) => Promise<string | undefined>;
}

/** What was removed, or what a dry run would remove: the bytes of one artifact, one orphan, or one staged file. */
export interface Collected {
  readonly reason: 'retention' | 'orphan' | 'staging';
  readonly artifactId: string | null;
  /** One sentence that describes the removed bytes and the reason for the removal. */
  readonly what: string;
  readonly sizeBytes: number;
  readonly createdAt: number;
}

export interface CollectionRequest {
  readonly dryRun: boolean;
  /**
   * True to remove strangers (blobs that no record ever referred to) even if there are many. Many strangers usually
   * mean that the database is the wrong one. Default false.
   */
  readonly yesRemoveMost?: boolean | undefined;
  readonly cursor?: string | null | undefined;
}

export interface CollectedSlice {
  readonly items: readonly Collected[];
  /**
   * Set only in a dry run: one sentence that says why a real run would fail with `storage_policy`. Null if it would not
   * fail.
   */
  readonly refusal: string | null;
  /** Paths such as `blobs/a` that were skipped because the blob backend did not create the entry there. */
  readonly skipped: readonly string[];
  /** Cursor for the next call. Null after the last slice. */
  readonly nextCursor: string | null;
}

/**
 * The position of a run of collection. A run first counts the old blobs, and how many of them are strangers (blobs that
 * no record ever referred to). Then it removes expired artifacts by type, orphans by blob key, and staged files of
 * interrupted uploads.
 */
const placeSchema = z.discriminatedUnion('at', [
  z.strictObject({ at: z.literal('census'), prefix: keyPrefixSchema, old: z.int().min(0), strangers: z.int().min(0) }),
  z.strictObject({
    at: z.literal('retention'),
    type: z.enum(artifactTypes),
    after: z.strictObject({ at: z.int(), id: z.string().regex(/^[\x21-\x7e]{1,64}$/) }).optional(),
  }),
  z.strictObject({ at: z.literal('orphan'), prefix: keyPrefixSchema }),
  z.strictObject({ at: z.literal('staging') }),
]);
type Place = z.infer<typeof placeSchema>;
type PlaceOf<At extends Place['at']> = Extract<Place, { at: At }>;

const cursors = new SliceCursor<Place>('gc', placeSchema);
const recordsASlice = 200;
const blobsASlice = 2000;
const leftoversASlice = 1000;

interface Slice {
  readonly items: readonly Collected[];
  readonly refusal?: string | undefined;
  readonly skipped?: readonly string[];
  readonly next: Place | undefined;
}

interface Mode {
  readonly dryRun: boolean;
  readonly yesRemoveMost: boolean;
}

/**
 * Removes the bytes of expired artifacts, orphan blobs, and staged files of interrupted uploads. Each call does one
 * slice.
 *
 * Nothing is removed if the database and the blob storage belong to different stores. Nothing is removed either if a
 * large share of the old blobs are strangers (no record ever referred to them), because the blobs may belong to another
 * database.
 *
 * Collection may run during uploads, and on several servers at the same time. An orphan is removed only if no record
 * refers to it and it is older than the grace period by the clock of the blob storage. No record can refer to such a
 * blob later, because `ArtifactIntake` refuses bytes older than half the grace period.
 */
export class Collection {
  readonly #parts: CollectionParts;
  readonly #types: readonly ArtifactType[];
  readonly #time: StorageTime;

  constructor(parts: CollectionParts) {
    this.#parts = parts;
    this.#time = new StorageTime(parts.blobs);
    this.#types = artifactTypes.filter((type) => parts.policy.days[type] !== undefined);
  }

  /**
   * Runs the slice at the cursor, or the first slice. With `dryRun` it makes the same decisions but removes nothing. If
   * a real run would be refused, a dry run returns the reason instead of throwing. Errors: `invalid_cursor`,
   * `storage_policy` (too many strangers), `unavailable` (different stores), those of the stores.
   */
  async slice({ cursor, dryRun, yesRemoveMost = false }: CollectionRequest): Promise<CollectedSlice> {
    const mode = { dryRun, yesRemoveMost };
    const place = cursor === undefined || cursor === null ? this.#first(mode) : cursors.read(cursor);
    const { items, refusal = null, skipped = [], next } = await this.#slice(place, mode);
    return { items, refusal, skipped, nextCursor: next === undefined ? null : cursors.write(next) };
  }

  /** Runs an automatic collection. Does nothing for one grace period after the store got its id or adopted blobs. */
  async runUnasked(signal?: AbortSignal): Promise<void> {
    const { clock, since, graceMs, logger } = this.#parts;
    if (clock.now() - since >= graceMs) await this.run(signal);
    else logger.info('nothing is collected unasked within the first grace period of a database');
  }

  /** Runs all slices one after another, until `signal` is aborted. Errors: those of `slice`. */
  async run(signal?: AbortSignal): Promise<{ readonly count: number; readonly bytes: number }> {
    let count = 0;
    let bytes = 0;
    const mode = { dryRun: false, yesRemoveMost: false };
    for (let place: Place | undefined = this.#first(mode); place !== undefined && signal?.aborted !== true;) {
      const { items, skipped = [], next }: Slice = await this.#slice(place, mode);
      if (skipped.length > 0) this.#parts.logger.warn({ skipped }, 'planted folders among blobs were passed over');
      count += items.length;
      bytes += items.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      place = next;
    }
    if (count > 0) this.#parts.logger.info({ count, bytes }, 'collected what is no longer wanted');
    return { count, bytes };
  }

  async #slice(place: Place, mode: Mode): Promise<Slice> {
    await this.#parts.requireSame();
    switch (place.at) {
      case 'census':
        return this.#countStrangers(place, mode);
      case 'retention':
        return this.#expire(place, mode.dryRun);
      case 'orphan':
        return this.#removeOrphans(place, mode);
      case 'staging':
        return this.#sweepStaging(mode.dryRun);
    }
  }

  #first({ yesRemoveMost }: Mode): Place {
    return yesRemoveMost ? this.#typeFrom(0) : { at: 'census', prefix: '', old: 0, strangers: 0 };
  }

  #typeFrom(index: number): Place {
    const type = this.#types[index];
    return type === undefined ? { at: 'orphan', prefix: '' } : { at: 'retention', type };
  }

  async #expire({ type, after }: PlaceOf<'retention'>, dryRun: boolean): Promise<Slice> {
    const { store, policy, clock } = this.#parts;
    const days = policy.days[type];
    const nextType = this.#typeFrom(this.#types.indexOf(type) + 1);
    // The retention days of this artifact type may have been removed from the settings since the last slice. The run
    // then starts again with the first type.
    if (days === undefined) return { items: [], next: this.#typeFrom(0) };
    const olderThan = clock.now() - days * 86_400_000;
    const records = await store.expirable({ type, olderThan }, after, recordsASlice);
    const jobs = new Map<string, JobRecord | undefined>();
    const items: Collected[] = [];
    for (const artifact of records) {
      const verdict = await this.#verdict(artifact, jobs);
      if (!verdict.expires || (!dryRun && !(await this.#purge(artifact)))) continue;
      items.push(expiredItem(artifact, verdict.reason));
    }
    const last = records.at(-1);
    if (last === undefined || records.length < recordsASlice) return { items, next: nextType };
    return { items, next: { at: 'retention', type, after: { at: last.createdAt, id: last.id } } };
  }

  async #verdict(artifact: ArtifactRecord, jobs: Map<string, JobRecord | undefined>) {
    const { findJob, policy, clock, protectorOf } = this.#parts;
    const { jobId } = artifact;
    if (jobId !== null && !jobs.has(jobId)) jobs.set(jobId, await findJob(jobId));
    const job = jobId === null ? undefined : jobs.get(jobId);
    return retentionVerdict(artifact, job, policy, clock.now(), await protectorOf?.(artifact));
  }

  /**
   * Marks the artifact record as purged, then removes the bytes. If the server stops between these steps, a later run
   * removes the bytes as an orphan. Returns true if this call marked the record. Returns false if the record has
   * changed since it was read. Its bytes are then kept until the next run.
   */
  async #purge(artifact: ArtifactRecord): Promise<boolean> {
    const { commits, clock, jobView, blobs, logger } = this.#parts;
    const now = clock.now();
    const purged = { ...artifact, purgedAt: now, updatedAt: now, version: artifact.version + 1 };
    const changes = [update('artifact', purged, artifact.version)];
    // An operator may have retried the job of the artifact meanwhile. The next attempt may need the artifact as input.
    const preconditions = artifact.jobId === null ? [] : [{ kind: 'job-over', jobId: artifact.jobId } as const];
    const result = await commits.commit({ changes, preconditions });
    if (result.outcome !== 'done') return false;
    if (artifact.jobId !== null && artifact.name !== null) await jobView.refresh(artifact.jobId, artifact.name);
    await blobs.delete(ownedBlob(artifact).key).catch((error: unknown) => {
      logger.warn(
        { err: error, artifactId: artifact.id },
        'expired bytes could not be removed; they are left to the next run',
      );
    });
    return true;
  }

  /**
   * Counts old blobs and strangers in one slice. The last slice of the count also compares the result with the limit.
   * Its cursor leads to the first slice that removes something.
   */
  async #countStrangers(place: PlaceOf<'census'>, mode: Mode): Promise<Slice> {
    const { next, ...found } = await this.#oldBlobs(place.prefix);
    // Here one slice contains all blobs, and no artifact type expires. The check in `#removeAmong` then covers all
    // blobs, so no separate count is needed.
    if (place.prefix === '' && next === undefined && this.#types.length === 0) {
      return this.#removeAmong({ ...found, next }, mode);
    }
    const census = { old: place.old + found.old.length, strangers: place.strangers + strangersAmong(found) };
    if (next !== undefined) return { items: [], next: { at: 'census', prefix: next, ...census } };
    const refusal = this.#refused(census, mode);
    const after = await this.#slice(this.#typeFrom(0), mode);
    return { ...after, refusal: refusal ?? after.refusal };
  }

  async #removeOrphans({ prefix }: PlaceOf<'orphan'>, mode: Mode): Promise<Slice> {
    return this.#removeAmong(await this.#oldBlobs(prefix), mode);
  }

  async #removeAmong({ next, skipped, ...found }: OldBlobs, mode: Mode): Promise<Slice> {
    // The limit is checked again for this slice, because the database may have been replaced after the count.
    const refusal = this.#refused({ old: found.old.length, strangers: strangersAmong(found) }, mode);
    const items: Collected[] = [];
    for (const blob of found.old) {
      const isOwned = found.states.get(blob.key) === 'owned';
      if (isOwned || (!mode.dryRun && !(await this.#removeOrphan(blob)))) continue;
      items.push(orphanItem(blob));
    }
    return { items, refusal, skipped, next: next === undefined ? { at: 'staging' } : { at: 'orphan', prefix: next } };
  }

  /** Throws `storage_policy` if there are too many strangers. In a dry run, returns the message instead. */
  #refused(census: BlobCensus, { dryRun, yesRemoveMost }: Mode): string | undefined {
    const refusal = yesRemoveMost ? undefined : strangersRefusal(census, this.#parts.databaseLasts);
    if (refusal !== undefined && !dryRun) throw new AppError('storage_policy', refusal, { details: { ...census } });
    return refusal;
  }

  async #oldBlobs(prefix: string): Promise<OldBlobs> {
    const { blobs, owners, graceMs } = this.#parts;
    const slice = await keySlice(blobs, prefix, blobsASlice);
    const olderThan = (await this.#time.now(slice.blobs)) - graceMs;
    // Excludes entries that are not plain files, because no upload created them. Collection keeps such entries, and
    // `verify` reports them.
    const old = slice.blobs.filter((blob) => blob.createdAt < olderThan && blob.fingerprint !== irregularFingerprint);
    const states = await owners.statesOf(old.map(({ key }) => key));
    return { old, states, skipped: slice.planted, next: slice.next };
  }

  async #removeOrphan({ key }: BlobListing): Promise<boolean> {
    const { blobs, owners, logger } = this.#parts;
    if ((await owners.statesOf([key])).get(key) === 'owned') return false;
    try {
      await blobs.delete(key);
      return true;
    } catch (error) {
      logger.warn({ err: error, blobKey: key }, 'bytes that no record names could not be removed');
      return false;
    }
  }

  async #sweepStaging(dryRun: boolean): Promise<Slice> {
    const { blobs, graceMs } = this.#parts;
    const skipped: string[] = [];
    const onPlanted = (place: string): void => void skipped.push(place);
    const limit = dryRun ? Infinity : leftoversASlice;
    const leftovers = await blobs.sweepStaging((await this.#time.now()) - graceMs, { dryRun, limit, onPlanted });
    const items = leftovers.map(({ sizeBytes, createdAt }) => ({
      reason: 'staging' as const,
      artifactId: null,
      what: `What an upload that was cut off had written, last touched ${dateText(createdAt)}.`,
      sizeBytes,
      createdAt,
    }));
    return { items, skipped, next: leftovers.length < limit ? undefined : { at: 'staging' } };
  }
}

interface OldBlobs {
  readonly old: readonly BlobListing[];
  readonly states: ReadonlyMap<string, BlobOwnerState>;
  readonly skipped: readonly string[];
  readonly next: string | undefined;
}

function strangersAmong({ old, states }: Pick<OldBlobs, 'old' | 'states'>): number {
  return old.filter(({ key }) => !states.has(key)).length;
}

function expiredItem(artifact: ArtifactRecord, reason: string): Collected {
  const { id, name, jobId, title, createdAt } = artifact;
  const { sizeBytes } = ownedBlob(artifact);
  const what = `The bytes of ${JSON.stringify(name ?? title)} of job ${String(jobId)} go, its record stays. ${reason}`;
  return { reason: 'retention', artifactId: id, what, sizeBytes, createdAt };
}

function orphanItem({ sizeBytes, createdAt }: BlobListing): Collected {
  const what = `Bytes that no record names, stored ${dateText(createdAt)}: their upload was cut off, or their artifact expired.`;
  return { reason: 'orphan', artifactId: null, what, sizeBytes, createdAt };
}

function dateText(at: number): string {
  return new Date(at).toISOString();
}
