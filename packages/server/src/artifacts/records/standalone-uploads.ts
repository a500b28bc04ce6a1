import {
  actorOf,
  artifactTypeOf,
  baseName,
  normalizeArtifactName,
  ownedBlob,
  type ArtifactRecord,
  type ArtifactType,
  type DataClass,
  type FirstStatus,
  type Principal,
} from '@proofhouse/core';
import { insert } from '../../kernel/commit.ts';
import type { Ids } from '../../kernel/ids.ts';
import type { Clock } from '../../kernel/time/clock.ts';
import type { SecretPolicy } from '../../secrets/secret-policy.ts';
import type { Users } from '../../users/users.ts';
import type { ArtifactIntake, Repetition, StagedUpload, StoredBytes } from '../artifact-intake.ts';
import { cleanFilename } from '../clean-filename.ts';
import { contentTypeOf } from '../content-type-of.ts';
import { newArtifact } from '../new-artifact.ts';
import { textsOfRecord } from './record-texts.ts';
import { relationPreconditions, relationRefusal } from './relations.ts';

/** Description of an upload outside of any job. The bytes are passed separately. */
export interface StandaloneUpload {
  /** The name as the caller wrote it, not yet normalized. Several artifacts may have the same name. */
  readonly name?: string | undefined;
  /** The filename of the form part, as the client sent it. */
  readonly filename?: string | undefined;
  readonly contentType?: string | undefined;
  /** The content type of the form part. It counts if `contentType` is absent. */
  readonly partContentType?: string | undefined;
  /** The digest that the caller expects, in lower-case hex. */
  readonly sha256?: string | undefined;
  readonly type?: ArtifactType | undefined;
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  readonly status?: FirstStatus | undefined;
  readonly dataClass?: DataClass | undefined;
  readonly visibility?: DataClass | undefined;
  readonly experimentId?: string | undefined;
  readonly assistantJobId?: string | undefined;
  readonly reviewer?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  readonly idempotencyKey?: string | undefined;
}

export interface StandaloneUploadsParts {
  readonly intake: ArtifactIntake;
  readonly secrets: SecretPolicy;
  readonly users: Pick<Users, 'get'>;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Size limit of one artifact, in bytes. */
  readonly maxBytes: number;
}

/** Creates artifacts from uploads that belong to no job. */
export class StandaloneUploads {
  readonly #parts: StandaloneUploadsParts;

  constructor(parts: StandaloneUploadsParts) {
    this.#parts = parts;
  }

  get maxBytes(): number {
    return this.#parts.maxBytes;
  }

  /** Throws `storage_full` when the quota is used up. Must be called before the bytes are read. */
  requireRoom(): void {
    this.#parts.intake.requireRoom();
  }

  /** Stages the bytes of an upload; see `ArtifactIntake.stage`. Errors: `artifact_too_large`, `storage_full`. */
  stage(source: AsyncIterable<Uint8Array>): Promise<StagedUpload> {
    return this.#parts.intake.stage(source, this.#parts.maxBytes);
  }

  /**
   * Creates an artifact from staged bytes. The bytes become durable first, then the record is committed. `created` is
   * false if an earlier request with the same idempotency key created the artifact.
   *
   * Errors: `invalid_artifact_name`, `digest_mismatch`, `storage_policy`, `secret_found`, `invalid_request`, `forbidden`,
   * `experiment_not_found`, `user_not_found`, `idempotency_conflict`, `request_timeout`, `unavailable`.
   */
  async add(
    principal: Principal,
    staged: StagedUpload,
    about: StandaloneUpload,
  ): Promise<{ artifact: ArtifactRecord; created: boolean }> {
    const { intake, secrets, users } = this.#parts;
    const { artifact, created } = await intake.keep(staged, async () => {
      const names = namesOf(about);
      await secrets.requireMetadata(about.metadata);
      if (about.reviewer !== undefined) await users.get(about.reviewer);
      return {
        sha256: about.sha256,
        texts: textsOfRecord({ ...about, ...names }),
        record: (bytes) => this.#record(principal, about, names, bytes),
        changes: (made) => [insert('artifact', made)],
        preconditions: relationPreconditions(principal, about),
        repetition: repetitionOf(principal, about),
        refusal: relationRefusal,
      };
    });
    return { artifact, created };
  }

  #record(principal: Principal, about: StandaloneUpload, names: Names, bytes: StoredBytes): ArtifactRecord {
    const { name, filename } = names;
    return newArtifact(
      {
        ...about,
        ...bytes,
        ...names,
        principal,
        sourceType: principal.kind === 'worker' ? 'assistant-output' : 'manual-upload',
        type: about.type ?? artifactTypeOf(name ?? filename ?? ''),
        title: about.title ?? name?.slice(0, 500) ?? filename ?? 'artifact',
      },
      this.#parts,
    );
  }
}

interface Names {
  readonly name: string | undefined;
  readonly filename: string | null;
  readonly contentType: string;
}

function namesOf({ name: rawName, filename: rawFilename, contentType, partContentType }: StandaloneUpload): Names {
  const name = rawName === undefined ? undefined : normalizeArtifactName(rawName);
  const filename = name === undefined ? cleanFilename(rawFilename ?? '') : baseName(name);
  return { name, filename, contentType: contentTypeOf(name ?? filename ?? '', contentType, partContentType) };
}

function repetitionOf(principal: Principal, { idempotencyKey: key }: StandaloneUpload): Repetition | undefined {
  if (key === undefined) return undefined;
  const same = (artifact: ArtifactRecord) => [
    artifact.name,
    artifact.filename,
    artifact.type,
    ownedBlob(artifact).sha256,
  ];
  return { principal: actorOf(principal), operation: 'uploadStandaloneArtifact', key, same };
}
