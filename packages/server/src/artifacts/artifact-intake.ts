import {
  AppError,
  ownedBlob,
  type ArtifactRecord,
  type OwnedContent,
  type SecretFindings,
  type StorageProvider,
} from '@proofhouse/core';
import type { Blobs, ChunkObserver, StagedBlob, StoredBlob } from '@proofhouse/blobs';
import {
  idempotencyLifeMs,
  type Change,
  type Commits,
  type Conflict,
  type IdempotencyKey,
  type Precondition,
} from '../kernel/commit.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Meter } from '../kernel/meter.ts';
import { sha256Hex } from '../kernel/secret.ts';
import { storedKey } from '../secrets/stored-key.ts';
import type { Clock } from '../kernel/time/clock.ts';
import { nothingFound, type ScannedContent } from '../secrets/content-scan.ts';
import type { CheckedText } from '../secrets/checked-text.ts';
import type { SecretPolicy } from '../secrets/secret-policy.ts';
import type { ArtifactStore } from './artifact-store.ts';
import type { StoredContent } from './new-artifact.ts';

export interface ArtifactIntakeParts {
  readonly store: Pick<ArtifactStore, 'find'>;
  readonly commits: Commits;
  readonly blobs: Blobs;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** Age in ms below which collection keeps bytes that no record refers to. */
  readonly graceMs: number;
  /** Throws `storage_full` when the storage quota is used up. */
  readonly requireRoom: () => void;
  readonly secrets: SecretPolicy;
  readonly logger: Logger;
  readonly meter?: Meter | undefined;
}

/** Staged bytes of an upload, with the result of their scan for secrets. */
export interface StagedUpload extends StagedBlob {
  readonly scanned: ScannedContent;
}

/** The durable bytes of a new artifact, with the storage provider and the secrets that were found in them. */
export interface StoredBytes extends StoredContent<OwnedContent> {
  readonly findings: SecretFindings | null;
}

/** The artifact to create from staged bytes, and the commit that creates it. */
export interface NewArtifact {
  /** The digest that the caller expects: the 64 lower-case hex digits, without the prefix `sha256:`. */
  readonly sha256?: string | undefined;
  /** The text fields of the record, which the scanner checks for secrets. */
  readonly texts: readonly CheckedText[];
  /** Returns the record of the artifact. Called after the bytes are durable. */
  readonly record: (bytes: StoredBytes) => ArtifactRecord;
  /** Returns all changes of the commit that creates the artifact. They must include the insert of its record. */
  readonly changes: (artifact: ArtifactRecord) => readonly Change[];
  readonly preconditions: readonly Precondition[];
  readonly repetition?: Repetition | undefined;
  readonly refusal: (conflict: Conflict, artifact: ArtifactRecord) => AppError;
}

/** The idempotency key of a request, used to recognize a repetition of the request. */
export interface Repetition extends Pick<IdempotencyKey, 'principal' | 'operation' | 'key'> {
  /**
   * Returns fields of the artifact that the first request created. A repeated request must have the same values, else
   * it fails with `idempotency_conflict`.
   */
  readonly same: (artifact: ArtifactRecord) => readonly unknown[];
}

export type KeptArtifact =
  | { readonly created: true; readonly artifact: ArtifactRecord; readonly lastSeqs: Readonly<Record<string, number>> }
  /** No artifact was created, because an earlier request with the same idempotency key had created this one. */
  | { readonly created: false; readonly artifact: ArtifactRecord };

/**
 * Creates artifacts from uploaded bytes, for uploads to jobs and for deposits in experiments. The bytes are staged, then
 * made durable. Then the artifact record that refers to them is committed.
 */
export class ArtifactIntake {
  readonly #parts: ArtifactIntakeParts;

  constructor(parts: ArtifactIntakeParts) {
    this.#parts = parts;
  }

  /** Throws `storage_full` when the quota is used up. Callers must call this before they read any byte of an upload. */
  requireRoom(): void {
    this.#parts.requireRoom();
  }

  /**
   * Stages at most `maxBytes` bytes, hashes them, and scans them for secrets. The staged bytes are not visible yet.
   * Each of `observers` receives every chunk once, in order.
   *
   * The returned object has a `commit`, which makes the bytes visible. It throws `request_timeout` if staging began
   * more than half the grace period ago. Otherwise collection could remove the bytes just before their record is
   * committed. The other half of the grace period is a margin for the commit of the record and for clocks that differ.
   * The caller must therefore commit the record immediately after the bytes.
   *
   * Errors: `artifact_too_large`, `storage_full`.
   */
  async stage(
    source: AsyncIterable<Uint8Array>,
    maxBytes: number,
    observers: readonly ChunkObserver[] = [],
  ): Promise<StagedUpload> {
    const begunAt = this.#parts.clock.monotonic();
    const scan = this.#parts.secrets.content();
    try {
      const all = scan === undefined ? observers : [...observers, scan];
      const staged = await this.#parts.blobs.stage(source, { maxBytes, observers: all });
      const scanned = (await scan?.end()) ?? nothingFound;
      return { ...staged, scanned, commit: () => this.#makeDurable(staged, begunAt) };
    } catch (error) {
      scan?.abort();
      throw error;
    }
  }

  /**
   * Checks the secret policy and makes the staged bytes durable. Then commits the artifact record with all changes that
   * `prepare` returned. If `prepare` throws or the policy refuses the bytes, they are discarded. Errors:
   * `digest_mismatch`, `secret_found`, `unavailable`, `idempotency_conflict`, `request_timeout`, those of `prepare`,
   * and those that `NewArtifact.refusal` returns for a conflict of the commit.
   */
  async keep(staged: StagedUpload, prepare: () => NewArtifact | Promise<NewArtifact>): Promise<KeptArtifact> {
    let made: NewArtifact;
    let artifact: ArtifactRecord;
    try {
      made = await prepare();
      requireDigest(made.sha256, staged.sha256);
      const findings = await this.#parts.secrets.checkUpload(staged.scanned, made.texts);
      const content = { kind: 'owned', blob: await staged.commit() } as const;
      artifact = made.record({ content, storageProvider: storageProviderOf(this.#parts.blobs.kind), findings });
    } catch (error) {
      await staged.discard();
      throw error;
    }
    const kept = await this.#commit(artifact, made);
    if (kept.created) this.#parts.meter?.uploaded(staged.sizeBytes);
    return kept;
  }

  async #commit(artifact: ArtifactRecord, made: NewArtifact): Promise<KeptArtifact> {
    const result = await this.#parts.commits
      .commit({
        changes: made.changes(artifact),
        preconditions: made.preconditions,
        idempotency: idempotencyOf(artifact, made.repetition),
      })
      .catch(async (error: unknown) => {
        // The commit may have succeeded although it threw an error, so the bytes must stay. If no record refers to
        // them, collection removes them.
        this.#parts.logger.error({ err: error, artifactId: artifact.id }, 'artifact commit failed');
        throw error;
      });
    if (result.outcome === 'done') return { created: true, artifact, lastSeqs: result.lastSeqs };
    await this.#drop(artifact);
    if (result.outcome === 'conflict') throw refusalOf(result.conflict, artifact, made);
    const first = await this.#parts.store.find(result.resourceId);
    if (first !== undefined) return { created: false, artifact: first };
    throw new AppError('internal', 'The first upload under this Idempotency-Key cannot be found.');
  }

  async #drop(artifact: ArtifactRecord): Promise<void> {
    const { key: blobKey } = ownedBlob(artifact);
    try {
      await this.#parts.blobs.delete(blobKey);
    } catch (error) {
      this.#parts.logger.warn({ err: error, blobKey }, 'a blob that no record names is left for collection');
    }
  }

  async #makeDurable(staged: StagedBlob, begunAt: number): Promise<StoredBlob> {
    this.#requireYoung(begunAt);
    const stored = await staged.commit();
    try {
      this.#requireYoung(begunAt);
    } catch (error) {
      // If this delete fails, collection removes the blob later.
      await this.#parts.blobs.delete(stored.key).catch(() => undefined);
      throw error;
    }
    return stored;
  }

  #requireYoung(begunAt: number): void {
    const mostMs = this.#parts.graceMs / 2;
    if (this.#parts.clock.monotonic() - begunAt < mostMs) return;
    const hours = String(Math.round(mostMs / 36_000) / 100);
    throw new AppError(
      'request_timeout',
      `The upload took longer than ${hours} h, after which bytes without a record may be collected. Send it again.`,
    );
  }
}

/**
 * Returns the storage provider that records name for a blob backend. For the memory backend, which tests and demos use,
 * it is `filesystem`.
 */
function storageProviderOf(backendKind: string): StorageProvider {
  return backendKind === 's3' || backendKind === 'gcs' ? backendKind : 'filesystem';
}

function idempotencyOf(artifact: ArtifactRecord, repetition: Repetition | undefined): IdempotencyKey | undefined {
  if (repetition === undefined) return undefined;
  const { same, ...key } = repetition;
  return {
    ...key,
    key: storedKey(key.key),
    fingerprint: sha256Hex(JSON.stringify(same(artifact))),
    resourceId: artifact.id,
    expiresAt: artifact.createdAt + idempotencyLifeMs,
  };
}

function refusalOf(conflict: Conflict, artifact: ArtifactRecord, made: NewArtifact): AppError {
  if (conflict.kind !== 'idempotency') return made.refusal(conflict, artifact);
  return new AppError('idempotency_conflict', 'This Idempotency-Key was used for another upload; use a new one.');
}

function requireDigest(expected: string | undefined, actual: string): void {
  if (expected === undefined || expected === actual) return;
  throw new AppError('digest_mismatch', `The bytes have the digest sha256:${actual}, not sha256:${expected}.`, {
    details: { expected: `sha256:${expected}`, actual: `sha256:${actual}` },
  });
}
