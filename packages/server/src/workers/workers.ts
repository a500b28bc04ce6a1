import { AppError, actorOf, type CredentialRecord, type Principal, type WorkerPolicy } from '@proofhouse/core';
import type { Clock } from '../kernel/clock.ts';
import type { Commits } from '../kernel/commit.ts';
import type { Ids } from '../kernel/ids.ts';
import { decodeCursor, encodeCursor } from '../kernel/page.ts';
import { sameHash, sha256Hex, workerTokenPrefix } from '../kernel/secret.ts';
import type { WorkerStore } from './worker-store.ts';

export interface NewWorkerToken {
  readonly workerId: string;
  readonly description?: string | null | undefined;
  readonly allowedRepositories?: readonly string[] | null | undefined;
  readonly allowedJobTypes?: readonly string[] | null | undefined;
  readonly capabilities?: readonly string[] | null | undefined;
  readonly expiresAt?: string | null | undefined;
}

/** `lastUsedAt` is written at most this often for each credential. */
const touchEveryMs = 60 * 60 * 1000;
const maxAttempts = 5;

/** Worker identities and the tokens that speak for them. */
export class Workers {
  readonly #store: WorkerStore;
  readonly #commits: Commits;
  readonly #clock: Clock;
  readonly #ids: Ids;

  constructor(parts: { store: WorkerStore; commits: Commits; clock: Clock; ids: Ids }) {
    this.#store = parts.store;
    this.#commits = parts.commits;
    this.#clock = parts.clock;
    this.#ids = parts.ids;
  }

  /** Makes a token, and the worker when it is new. The raw token is given once and never kept. */
  async createToken(
    principal: Principal,
    input: NewWorkerToken,
  ): Promise<{ token: string; credential: CredentialRecord }> {
    const now = this.#clock.now();
    const expiresAt = input.expiresAt == null ? null : Date.parse(input.expiresAt);
    if (expiresAt !== null && expiresAt <= now) {
      throw new AppError('invalid_request', 'expiresAt: the token would have expired already.', {
        errors: [{ path: 'expiresAt', message: 'must lie in the future' }],
      });
    }
    const token = this.#ids.secret(workerTokenPrefix);
    const credential: CredentialRecord = {
      id: this.#ids.uuid(),
      workerId: input.workerId,
      secretSha256: sha256Hex(token),
      description: input.description ?? null,
      policy: policyOf(input),
      experimentId: null,
      createdBy: actorOf(principal),
      createdAt: now,
      expiresAt,
      revokedAt: null,
      lastUsedAt: null,
      version: 1,
    };
    const worker = {
      id: input.workerId,
      name: null,
      experimentId: null,
      labels: {},
      createdBy: actorOf(principal),
      createdAt: now,
    };
    await this.#commits.commit({
      changes: [
        { kind: 'add-worker-if-absent', worker },
        { kind: 'add-credential', credential },
      ],
      preconditions: [],
      now,
    });
    return { token, credential };
  }

  async listTokens(query: { workerId?: string | undefined; limit: number; cursor?: string | undefined }) {
    const filter = { workerId: query.workerId };
    const page = await this.#store.listCredentials(filter, {
      limit: query.limit,
      after: decodeCursor(filter, query.cursor),
    });
    return { items: page.items, nextCursor: page.next === undefined ? null : encodeCursor(filter, page.next) };
  }

  /** Revoking again changes nothing. Errors: `not_found`, `version_conflict`. */
  async revokeToken(credentialId: string): Promise<CredentialRecord> {
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      const credential = await this.#store.findCredential(credentialId);
      if (credential === undefined) throw new AppError('not_found', `There is no worker token ${credentialId}.`);
      if (credential.revokedAt !== null) return credential;
      const now = this.#clock.now();
      const revoked = { ...credential, revokedAt: now, version: credential.version + 1 };
      const change = { kind: 'update-credential', credential: revoked } as const;
      const result = await this.#commits.commit({ changes: [change], preconditions: [], now });
      if (result.outcome === 'done') return revoked;
    }
    throw new AppError('version_conflict', `Worker token ${credentialId} keeps changing; try again.`);
  }

  /**
   * The worker that a secret speaks for, or undefined: unknown, revoked, expired, or of another worker
   * than `workerId` names. A wrong secret costs as much as a right one.
   */
  async authenticate(secret: string, workerId?: string): Promise<Principal | undefined> {
    const hash = sha256Hex(secret);
    const credential = await this.#store.findCredentialBySecret(hash);
    if (credential === undefined || !sameHash(credential.secretSha256, hash)) return undefined;
    const now = this.#clock.now();
    if (credential.revokedAt !== null || (credential.expiresAt !== null && credential.expiresAt <= now))
      return undefined;
    if (workerId !== undefined && workerId !== credential.workerId) return undefined;
    if (credential.lastUsedAt === null || now - credential.lastUsedAt >= touchEveryMs) {
      await this.#store.touchCredential(credential.id, now).catch(ignore);
    }
    return { kind: 'worker', workerId: credential.workerId, policy: credential.policy };
  }
}

// Best effort: a store that cannot write now must still let workers read.
function ignore(): undefined {
  return undefined;
}

function policyOf(input: NewWorkerToken): WorkerPolicy {
  return {
    ...(input.allowedJobTypes == null ? {} : { allowedJobTypes: input.allowedJobTypes }),
    ...(input.allowedRepositories == null ? {} : { allowedRepositories: input.allowedRepositories }),
    ...(input.capabilities == null ? {} : { capabilities: input.capabilities }),
  };
}
