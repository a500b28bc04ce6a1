import {
  AppError,
  actorOf,
  defaultContentType,
  saidContentType,
  ownedBlob,
  type ArtifactRecord,
  type GrantRecord,
  type Principal,
} from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';
import { exists, insert, type Commits } from '../kernel/commit.ts';
import type { Ids } from '../kernel/ids.ts';
import type { ArtifactAcl } from './artifact-access.ts';
import type { ArtifactIntake, Repetition, StagedUpload, StoredBytes } from './artifact-intake.ts';
import type { ArtifactStore } from './artifact-store.ts';
import { requireKept } from './artifacts.ts';
import { cleanFilename } from './clean-filename.ts';
import { newArtifact } from './new-artifact.ts';

/** Permission to deposit an artifact in an experiment. `Deposits.permit` returns it before the bytes are read. */
export interface DepositPermit {
  readonly principal: Principal;
  readonly experimentId: string;
  readonly maxBytes: number;
}

export interface DepositDescription {
  /** The content type as the client wrote it, not yet validated. */
  readonly contentType: string | undefined;
  /** The file name as the client wrote it, not yet cleaned. */
  readonly filename: string | undefined;
  readonly idempotencyKey?: string | undefined;
}

export interface DepositsParts {
  readonly store: ArtifactStore;
  /** Returns true if `id` is a worker or a group to which read access may be granted in the experiment. */
  readonly isReader: (experimentId: string, id: string) => Promise<boolean>;
  readonly commits: Commits;
  readonly intake: ArtifactIntake;
  readonly acl: ArtifactAcl;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly maxBytes: number;
}

/**
 * Deposits artifacts in experiments. Finds artifacts by the URI that a deposit returned, and grants read access to
 * them.
 */
export class Deposits {
  readonly #parts: DepositsParts;

  constructor(parts: DepositsParts) {
    this.#parts = parts;
  }

  /** Returns the permission for a deposit. Must be called before the bytes are read. Errors: `storage_full`. */
  async permit(principal: Principal, experimentId: string): Promise<DepositPermit> {
    this.#parts.intake.requireRoom();
    return { principal, experimentId, maxBytes: this.#parts.maxBytes };
  }

  /** Stages the bytes of a deposit; see `ArtifactIntake.stage`. Errors: `artifact_too_large`, `storage_full`. */
  stage(permit: DepositPermit, source: AsyncIterable<Uint8Array>): Promise<StagedUpload> {
    return this.#parts.intake.stage(source, permit.maxBytes);
  }

  /**
   * Creates an artifact of the experiment from staged bytes, always with a new URI. First the bytes become durable,
   * then the record is committed. `created` is false if an earlier request with the same idempotency key created the
   * artifact. Errors: `idempotency_conflict`, `experiment_id_mismatch` (the experiment no longer exists),
   * `request_timeout`, `secret_found`, `unavailable` (the scanner failed).
   */
  async deposit(
    permit: DepositPermit,
    staged: StagedUpload,
    about: DepositDescription,
  ): Promise<{ artifact: ArtifactRecord; created: boolean }> {
    const { artifact, created } = await this.#parts.intake.keep(staged, () => ({
      texts: [
        { field: 'filename', text: about.filename ?? '' },
        { field: 'contentType', text: about.contentType ?? '' },
      ],
      record: (bytes) => this.#record(permit, about, bytes),
      changes: (made) => [insert('artifact', made)],
      preconditions: [exists('experiment', permit.experimentId)],
      repetition: repetitionOf(permit, about.idempotencyKey),
      refusal: () => new AppError('experiment_id_mismatch', `Experiment ${permit.experimentId} is gone.`),
    }));
    return { artifact, created };
  }

  /**
   * Returns the artifact of the experiment with exactly this URI. Errors, in this order: `artifact_not_found`,
   * `forbidden`, `artifact_expired`.
   */
  async findByUri(principal: Principal, experimentId: string, uri: string): Promise<ArtifactRecord> {
    const artifact = await this.#require(experimentId, uri);
    if (!(await this.#parts.acl(principal, 'artifact.read', artifact))) {
      throw new AppError('forbidden', 'The artifact was deposited by another worker, who may grant you to read it.');
    }
    requireKept(artifact);
    return artifact;
  }

  /**
   * Grants a worker or a group read access to the artifact. Granting it again is a no-op. The worker or group must exist,
   * so that a mistyped id is refused. Errors, in this order: `artifact_not_found`, `forbidden`, `invalid_request` (no
   * worker or group has this id).
   */
  async grantRead(principal: Principal, experimentId: string, uri: string, reader: string): Promise<GrantRecord> {
    const artifact = await this.#require(experimentId, uri);
    if (!(await this.#parts.acl(principal, 'artifact.grant', artifact))) {
      throw new AppError('forbidden', 'Only whoever deposited an artifact, or the admin, lets others read it.');
    }
    if (!(await this.#parts.isReader(experimentId, reader))) throw unknownReader(reader);
    const now = this.#parts.clock.now();
    const grant = { artifactId: artifact.id, reader, grantedBy: actorOf(principal), grantedAt: now };
    await this.#parts.commits.commit({ changes: [insert('grant', grant, 'keep')], preconditions: [] });
    return (await this.#parts.store.grantOf(artifact.id, reader)) ?? grant;
  }

  async #require(experimentId: string, uri: string): Promise<ArtifactRecord> {
    const artifact = issuedUri.test(uri) ? await this.#parts.store.findByUri(uri) : undefined;
    // A registered artifact of the experiment is no deposit: its bytes are not stored here.
    if (artifact?.experimentId === experimentId && artifact.content.kind === 'owned') return artifact;
    throw new AppError('artifact_not_found', 'This experiment has no artifact under this URI.');
  }

  #record({ principal, experimentId }: DepositPermit, about: DepositDescription, bytes: StoredBytes): ArtifactRecord {
    const filename = cleanFilename(about.filename ?? '');
    const traits = {
      ...bytes,
      principal,
      sourceType: 'assistant-output',
      type: 'other',
      title: filename ?? 'artifact',
      filename,
      contentType: saidContentType(about.contentType) ?? defaultContentType,
      experimentId,
    } as const;
    return newArtifact(traits, this.#parts);
  }
}

/** Matches every artifact URI that Proofhouse issues. A text that does not match is refused without a query. */
const issuedUri = /^[\x21-\x7e]{1,2048}$/;

function repetitionOf({ principal, experimentId }: DepositPermit, key: string | undefined): Repetition | undefined {
  if (key === undefined) return undefined;
  const same = (artifact: ArtifactRecord) => [experimentId, ownedBlob(artifact).sha256, artifact.contentType];
  return { principal: actorOf(principal), operation: 'depositArtifact', key, same };
}

function unknownReader(reader: string): AppError {
  const message = 'must be a worker of this experiment or of none, or a group of this experiment';
  return new AppError('invalid_request', `reader: ${JSON.stringify(reader)} ${message}.`, {
    errors: [{ path: 'reader', message }],
  });
}
