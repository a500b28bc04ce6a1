import { AppError, type ArtifactRecord, type BlobReference } from '@proofhouse/core';
import type { Blobs, StagedBlob } from '@proofhouse/blobs';
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
import type { ArtifactStore } from './artifact-store.ts';
import type { Staging } from './staging.ts';

export interface ArtifactIntakeParts {
  readonly store: ArtifactStore;
  readonly commits: Commits;
  readonly blobs: Blobs;
  readonly staging: Staging;
  readonly logger: Logger;
  readonly meter?: Meter | undefined;
}

/** What staged bytes are to become. */
export interface NewArtifact {
  /** Lower-case hex, when the caller said what the bytes must be. */
  readonly sha256?: string | undefined;
  /** The record of bytes that are durable now. */
  readonly record: (blob: BlobReference) => ArtifactRecord;
  /** What is written beside the record, in its commit. */
  readonly changes: (artifact: ArtifactRecord) => readonly Change[];
  readonly preconditions: readonly Precondition[];
  readonly repetition?: Repetition | undefined;
  readonly refusal: (conflict: Conflict, artifact: ArtifactRecord) => AppError;
}

/** What makes a second request the first one again. */
export interface Repetition extends Pick<IdempotencyKey, 'principal' | 'operation' | 'key'> {
  /** Everything beside the key that must be the same. */
  readonly same: (artifact: ArtifactRecord) => readonly unknown[];
}

export type KeptArtifact =
  | { readonly created: true; readonly artifact: ArtifactRecord; readonly lastSeqs: Readonly<Record<string, number>> }
  /** The key had made this artifact before. */
  | { readonly created: false; readonly artifact: ArtifactRecord };

/** How bytes become artifacts, whatever the door: aside, then durable, then named by a record; or nothing is kept. */
export class ArtifactIntake {
  readonly #parts: ArtifactIntakeParts;

  constructor(parts: ArtifactIntakeParts) {
    this.#parts = parts;
  }

  /** To be asked before any byte is read. Errors: `storage_full`. */
  requireRoom(): void {
    this.#parts.staging.requireRoom();
  }

  /** Takes the bytes aside, hashed and capped; nothing is visible yet. Errors: `artifact_too_large`, `storage_full`. */
  stage(source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<StagedBlob> {
    return this.#parts.staging.stage(source, maxBytes);
  }

  /**
   * Bytes durable first, then the record with all that goes with it, in one commit. What `prepare` throws, too, drops the
   * bytes. Errors: `digest_mismatch`, `idempotency_conflict`, those of `prepare`.
   */
  async keep(staged: StagedBlob, prepare: () => NewArtifact): Promise<KeptArtifact> {
    let made: NewArtifact;
    let artifact: ArtifactRecord;
    try {
      made = prepare();
      requireDigest(made.sha256, staged.sha256);
      artifact = made.record(await staged.commit());
    } catch (error) {
      await staged.discard();
      throw error;
    }
    const kept = await this.#commit(artifact, made);
    if (kept.created) this.#parts.meter?.uploaded(artifact.blob.sizeBytes);
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
        // Whether the commit took effect is not known: the bytes stay, and collection takes them if no row names them.
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
    try {
      await this.#parts.blobs.delete(artifact.blob.key);
    } catch (error) {
      this.#parts.logger.warn(
        { err: error, blobKey: artifact.blob.key },
        'a blob that no record names is left for collection',
      );
    }
  }
}

function idempotencyOf(artifact: ArtifactRecord, repetition: Repetition | undefined): IdempotencyKey | undefined {
  if (repetition === undefined) return undefined;
  const { same, ...key } = repetition;
  return {
    ...key,
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
