import { AppError, actorOf, type ArtifactRecord, type Principal, type RegisterArtifact } from '@proofhouse/core';
import { idempotencyLifeMs, insert, type Commits, type IdempotencyKey } from '../../kernel/commit.ts';
import type { Ids } from '../../kernel/ids.ts';
import { sha256Hex } from '../../kernel/secret.ts';
import type { Clock } from '../../kernel/time/clock.ts';
import type { SecretPolicy } from '../../secrets/secret-policy.ts';
import type { Users } from '../../users/users.ts';
import { storedKey } from '../../secrets/stored-key.ts';
import type { ArtifactStore } from '../artifact-store.ts';
import { newArtifact } from '../new-artifact.ts';
import type { PointerPolicy } from './pointer-policy.ts';
import { cleanedNames, textsOfRecord } from './record-texts.ts';
import { relationPreconditions, relationRefusal } from './relations.ts';

export interface RegistrationsParts {
  readonly store: Pick<ArtifactStore, 'find'>;
  readonly commits: Commits;
  readonly pointers: PointerPolicy;
  readonly secrets: SecretPolicy;
  readonly users: Pick<Users, 'get'>;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** Registers artifacts whose content is stored elsewhere. */
export class Registrations {
  readonly #parts: RegistrationsParts;

  constructor(parts: RegistrationsParts) {
    this.#parts = parts;
  }

  /**
   * Creates the record of a pointer. One commit checks the relations and writes the record. `created` is false if an
   * earlier request with the same idempotency key created the record.
   *
   * Errors: `storage_policy`, `secret_found`, `invalid_request`, `forbidden`, `job_not_found`, `experiment_not_found`,
   * `lease_lost`, `job_state_conflict`, `worker_not_authorized`, `user_not_found`, `idempotency_conflict`, `unavailable`.
   */
  async register(
    principal: Principal,
    body: RegisterArtifact,
    call: { readonly leaseId: string | undefined; readonly idempotencyKey: string | undefined },
  ): Promise<{ artifact: ArtifactRecord; created: boolean }> {
    const { secrets, commits, pointers, users } = this.#parts;
    const stored = await pointers.contentOf(body);
    await secrets.requireMetadata(body.metadata);
    const names = cleanedNames(body);
    const findings = await secrets.check(textsOfRecord({ ...body, ...names }));
    if (body.reviewer != null) await users.get(body.reviewer);
    const artifact = newArtifact(
      {
        ...body,
        ...stored,
        principal,
        sourceType: principal.kind === 'worker' ? 'assistant-output' : 'manual-link',
        filename: names.filename ?? null,
        contentType: names.contentType ?? null,
        findings,
      },
      this.#parts,
    );
    const result = await commits.commit({
      changes: [insert('artifact', artifact)],
      preconditions: relationPreconditions(principal, body, call.leaseId),
      idempotency: keyOf(artifact, body, principal, call.idempotencyKey),
    });
    if (result.outcome === 'done') return { artifact, created: true };
    if (result.outcome === 'repeated') return { artifact: await this.#first(result.resourceId), created: false };
    if (result.conflict.kind !== 'idempotency') throw relationRefusal(result.conflict);
    throw new AppError(
      'idempotency_conflict',
      'This Idempotency-Key was used for another registration; use a new one.',
    );
  }

  async #first(artifactId: string): Promise<ArtifactRecord> {
    const first = await this.#parts.store.find(artifactId);
    if (first !== undefined) return first;
    throw new AppError('internal', 'The first registration under this Idempotency-Key cannot be found.');
  }
}

function keyOf(
  artifact: ArtifactRecord,
  body: RegisterArtifact,
  principal: Principal,
  key: string | undefined,
): IdempotencyKey | undefined {
  if (key === undefined) return undefined;
  return {
    principal: actorOf(principal),
    operation: 'registerArtifact',
    key: storedKey(key),
    // The schema returns the fields in its own order, so the order in the request does not matter.
    fingerprint: sha256Hex(JSON.stringify(body)),
    resourceId: artifact.id,
    expiresAt: artifact.createdAt + idempotencyLifeMs,
  };
}
