import {
  decideArtifactUpdate,
  may,
  AppError,
  type ArtifactRecord,
  type Principal,
  type ReviewSettings,
  type UpdateArtifact,
} from '@proofhouse/core';
import { insert, update, type Commits } from '../../kernel/commit.ts';
import { decideAndCommit } from '../../kernel/decide-and-commit.ts';
import type { Ids } from '../../kernel/ids.ts';
import type { Clock } from '../../kernel/time/clock.ts';
import type { SecretPolicy } from '../../secrets/secret-policy.ts';
import type { Users } from '../../users/users.ts';
import type { Artifacts } from '../artifacts.ts';
import type { PointerPolicy } from './pointer-policy.ts';
import { cleanedNames, textsOfRecord } from './record-texts.ts';

export interface UpdatesParts {
  readonly artifacts: Pick<Artifacts, 'require'>;
  readonly commits: Commits;
  readonly pointers: PointerPolicy;
  readonly secrets: SecretPolicy;
  readonly users: Pick<Users, 'get'>;
  readonly settings: ReviewSettings;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** Changes artifact records. */
export class Updates {
  readonly #parts: UpdatesParts;

  constructor(parts: UpdatesParts) {
    this.#parts = parts;
  }

  /**
   * Changes the fields of an artifact that the request names, and its status. The entries of the history are written in
   * the same commit. With `expectedVersion` the record must have this version. Without it, the change applies to
   * whatever version is stored.
   *
   * Errors: `artifact_not_found`, `forbidden`, `version_conflict`, `storage_policy`, `secret_found`, `invalid_request`,
   * `user_not_found`, `review_conflict`, `unavailable`.
   */
  async update(
    principal: Principal,
    artifactId: string,
    { expectedVersion: _, ...body }: UpdateArtifact,
    expectedVersion: number | undefined,
  ): Promise<ArtifactRecord> {
    const { secrets, pointers, users, settings, ids, clock } = this.#parts;
    const read = (): Promise<ArtifactRecord> => this.#require(principal, artifactId);
    const { content } = await read();
    const fields = { ...body, ...given(cleanedNames(body)) };
    const { storageUri } = fields;
    const isMoved = storageUri !== undefined && content.kind === 'pointer' && storageUri !== content.uri;
    const judged = isMoved ? await pointers.judge(storageUri) : undefined;
    await secrets.requireMetadata(fields.metadata);
    const findings = await secrets.check(textsOfRecord(fields));
    if (fields.reviewer != null) await users.get(fields.reviewer);
    const { result } = await decideAndCommit(this.#parts, {
      what: `Artifact ${artifactId}`,
      read,
      decide: (before) => {
        const now = clock.now();
        const checked = { principal, fields, expectedVersion, judged, findings };
        const decided = decideArtifactUpdate(before, { ...checked, settings, now });
        if (decided.artifact === before) return { result: before };
        const entries = decided.history.map((entry) => insert('artifact-history', { ...entry, id: ids.uuid() }));
        return {
          result: decided.artifact,
          changes: [update('artifact', decided.artifact, before.version), ...entries],
        };
      },
    });
    return result;
  }

  async #require(principal: Principal, artifactId: string): Promise<ArtifactRecord> {
    const artifact = await this.#parts.artifacts.require(artifactId);
    const { createdBy, dataClass } = artifact;
    if (may(principal, 'artifact.update', { kind: 'artifact', createdBy, dataClass, job: undefined })) return artifact;
    throw new AppError('forbidden', `Artifact ${artifactId} was made by another worker.`);
  }
}

/** Returns the fields that are not undefined. Null is kept. */
function given<Fields extends object>(fields: Fields): Partial<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<Fields>;
}
