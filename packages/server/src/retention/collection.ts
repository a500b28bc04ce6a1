import { irregularFingerprint, type BlobListing, type Blobs } from '@proofhouse/blobs';
import {
  artifactTypes,
  retentionVerdict,
  type ArtifactRecord,
  type ArtifactType,
  type JobRecord,
  type RetentionPolicy,
} from '@proofhouse/core';
import { z } from 'zod';
import type { JobView } from '../artifacts/job-view.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Commits } from '../kernel/commit.ts';
import type { Logger } from '../kernel/logger.ts';
import { keyPrefixSchema, keySlice } from './key-slice.ts';
import type { RetentionStore } from './retention-store.ts';
import { SliceCursor } from './slice-cursor.ts';
import { StorageTime } from './storage-time.ts';

export interface CollectionParts {
  readonly store: RetentionStore;
  readonly commits: Commits;
  readonly findJob: (jobId: string) => Promise<JobRecord | undefined>;
  readonly blobs: Blobs;
  readonly jobView: JobView;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly policy: RetentionPolicy;
  /** Bytes that no record names are left alone for so long, by the storage's own time. */
  readonly graceMs: number;
  /** What an artifact proves, if it does: such bytes never go. */
  readonly protectorOf?: (artifact: ArtifactRecord) => Promise<string | undefined>;
}

/** Something that went, or would go. */
export interface Collected {
  readonly reason: 'retention' | 'orphan' | 'staging';
  readonly artifactId: string | null;
  /** A sentence: what it is and why it goes. */
  readonly what: string;
  readonly sizeBytes: number;
  readonly createdAt: number;
}

export interface CollectedSlice {
  readonly items: readonly Collected[];
  /** Hand it to the next call; null when all was looked at. */
  readonly nextCursor: string | null;
}

/** First what retention lets go, type by type; then bytes that no record names, by their keys; then half-written ones. */
const placeSchema = z.discriminatedUnion('at', [
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

interface Slice {
  readonly items: readonly Collected[];
  readonly next: Place | undefined;
}

/**
 * Removes what is no longer wanted, a slice a call. Safe while uploads run, and while other servers collect: a blob goes
 * only when the storage says that it is older than the grace period and no record names it at that moment. A record
 * cannot come later, since `Staging` refuses bytes that are half as old.
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

  /** With `dryRun` it decides in the same way and changes nothing. Errors: `invalid_cursor`, those of the stores. */
  async slice(options: {
    readonly dryRun: boolean;
    readonly cursor?: string | null | undefined;
  }): Promise<CollectedSlice> {
    const { cursor, dryRun } = options;
    const place = cursor === undefined || cursor === null ? this.#first() : cursors.read(cursor);
    const { items, next } = await this.#slice(place, dryRun);
    return { items, nextCursor: next === undefined ? null : cursors.write(next) };
  }

  /** All slices, one after another, unless `signal` says to stop. */
  async run(signal?: AbortSignal): Promise<{ readonly count: number; readonly bytes: number }> {
    let count = 0;
    let bytes = 0;
    for (let place: Place | undefined = this.#first(); place !== undefined && signal?.aborted !== true;) {
      const { items, next }: Slice = await this.#slice(place, false);
      count += items.length;
      bytes += items.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      place = next;
    }
    if (count > 0) this.#parts.logger.info({ count, bytes }, 'collected what is no longer wanted');
    return { count, bytes };
  }

  #slice(place: Place, dryRun: boolean): Promise<Slice> {
    switch (place.at) {
      case 'retention':
        return this.#expire(place, dryRun);
      case 'orphan':
        return this.#removeOrphans(place, dryRun);
      case 'staging':
        return this.#sweepStaging(dryRun);
    }
  }

  #first(): Place {
    return this.#typeFrom(0);
  }

  #typeFrom(index: number): Place {
    const type = this.#types[index];
    return type === undefined ? { at: 'orphan', prefix: '' } : { at: 'retention', type };
  }

  async #expire({ type, after }: PlaceOf<'retention'>, dryRun: boolean): Promise<Slice> {
    const { store, policy, clock } = this.#parts;
    const days = policy.days[type];
    const nextType = this.#typeFrom(this.#types.indexOf(type) + 1);
    // A cursor may name a type whose days were taken out of the settings meanwhile.
    if (days === undefined) return { items: [], next: this.#first() };
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
   * The record says first that its bytes are gone, then they go: cut off in between, they are an orphan that the next run
   * takes. Whether it was this call that purged it: who changed the record meanwhile keeps the bytes until the next run.
   */
  async #purge(artifact: ArtifactRecord): Promise<boolean> {
    const { commits, clock, jobView, blobs, logger } = this.#parts;
    const now = clock.now();
    const purged = { ...artifact, purgedAt: now, updatedAt: now, version: artifact.version + 1 };
    const changes = [{ kind: 'update-artifact', artifact: purged }] as const;
    // An operator may try the job again meanwhile: what it left is its worker's input then.
    const preconditions = artifact.jobId === null ? [] : [{ kind: 'job-over', jobId: artifact.jobId } as const];
    const result = await commits.commit({ changes, preconditions });
    if (result.outcome !== 'done') return false;
    if (artifact.jobId !== null && artifact.name !== null) await jobView.refresh(artifact.jobId, artifact.name);
    await blobs.delete(artifact.blob.key).catch((error: unknown) => {
      logger.warn(
        { err: error, artifactId: artifact.id },
        'expired bytes could not be removed; they are left to the next run',
      );
    });
    return true;
  }

  async #removeOrphans({ prefix }: PlaceOf<'orphan'>, dryRun: boolean): Promise<Slice> {
    const { blobs, store, graceMs } = this.#parts;
    const slice = await keySlice(blobs, prefix, blobsASlice);
    const olderThan = (await this.#time.now(slice.blobs)) - graceMs;
    // What was planted at a blob's place is nobody's upload: `verify` reports it.
    const old = slice.blobs.filter((blob) => blob.createdAt < olderThan && blob.fingerprint !== irregularFingerprint);
    const owned = await store.ownedKeys(old.map(({ key }) => key));
    const items: Collected[] = [];
    for (const blob of old) {
      if (owned.has(blob.key) || (!dryRun && !(await this.#removeOrphan(blob)))) continue;
      items.push(orphanItem(blob));
    }
    return { items, next: slice.next === undefined ? { at: 'staging' } : { at: 'orphan', prefix: slice.next } };
  }

  async #removeOrphan({ key }: BlobListing): Promise<boolean> {
    const { blobs, store, logger } = this.#parts;
    if ((await store.ownedKeys([key])).has(key)) return false;
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
    const leftovers = await blobs.sweepStaging((await this.#time.now()) - graceMs, { dryRun });
    const items = leftovers.map(({ sizeBytes, createdAt }) => ({
      reason: 'staging' as const,
      artifactId: null,
      what: `What an upload that was cut off had written, last touched ${dateText(createdAt)}.`,
      sizeBytes,
      createdAt,
    }));
    return { items, next: undefined };
  }
}

function expiredItem(artifact: ArtifactRecord, reason: string): Collected {
  const { id, name, jobId, title, blob, createdAt } = artifact;
  const what = `The bytes of ${JSON.stringify(name ?? title)} of job ${String(jobId)} go, its record stays. ${reason}`;
  return { reason: 'retention', artifactId: id, what, sizeBytes: blob.sizeBytes, createdAt };
}

function orphanItem({ sizeBytes, createdAt }: BlobListing): Collected {
  const what = `Bytes that no record names, stored ${dateText(createdAt)}: their upload was cut off, or their artifact expired.`;
  return { reason: 'orphan', artifactId: null, what, sizeBytes, createdAt };
}

function dateText(at: number): string {
  return new Date(at).toISOString();
}
