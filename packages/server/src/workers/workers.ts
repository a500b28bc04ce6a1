import {
  AppError,
  actorOf,
  isUuid,
  normalizeName,
  type CredentialRecord,
  type Principal,
  type WorkerPolicy,
  type WorkerRecord,
} from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';
import { exists, insert, update, type Commits } from '../kernel/commit.ts';
import type { Ids } from '../kernel/ids.ts';
import { decodeCursor, nextCursorOf } from '../kernel/page.ts';
import { sameHash, sha256Hex, workerTokenPrefix } from '../kernel/secret.ts';
import type { WorkerStore } from './worker-store.ts';

export interface NewWorkerToken {
  readonly workerId: string;
  readonly description?: string | null | undefined;
  readonly allowedRepositories?: readonly string[] | null | undefined;
  readonly allowedJobTypes?: readonly string[] | null | undefined;
  readonly capabilities?: readonly string[] | null | undefined;
  readonly canEnqueue?: boolean | null | undefined;
  readonly readMetrics?: boolean | null | undefined;
  readonly expiresAt?: string | null | undefined;
}

export interface NewRegistration {
  /** Names need not be unique. */
  readonly name?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** Who a worker's secret speaks for. */
export interface AuthenticatedWorker {
  readonly principal: Principal & { readonly kind: 'worker' };
  /** The experiment whose door the secret opens; null for a plain queue token. */
  readonly registeredIn: string | null;
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
    const { token, credential } = this.#newToken(principal, now, {
      workerId: input.workerId,
      description: input.description ?? null,
      policy: policyOf(input),
      experimentId: null,
      expiresAt,
    });
    const worker = {
      id: input.workerId,
      name: null,
      experimentId: null,
      labels: {},
      createdBy: actorOf(principal),
      createdAt: now,
    };
    await this.#commits.commit({
      changes: [insert('worker', worker, 'keep'), insert('credential', credential)],
      preconditions: [],
    });
    return { token, credential };
  }

  /**
   * A new worker of the experiment, with its registration token, which is given once.
   * Errors: `invalid_name`, `reserved_identifier`, `experiment_not_found`.
   */
  async register(
    principal: Principal,
    experimentId: string,
    input: NewRegistration,
  ): Promise<{ worker: WorkerRecord; token: string }> {
    const now = this.#clock.now();
    const worker: WorkerRecord = {
      id: this.#ids.registeredWorkerId(),
      name: input.name === undefined ? null : normalizeName(input.name, 'worker'),
      experimentId,
      labels: input.labels ?? {},
      createdBy: actorOf(principal),
      createdAt: now,
    };
    const { token, credential } = this.#newRegistration(principal, now, worker.id, experimentId);
    const { outcome } = await this.#commits.commit({
      changes: [insert('worker', worker), insert('credential', credential)],
      preconditions: [exists('experiment', experimentId)],
    });
    if (outcome !== 'done') throw new AppError('experiment_not_found', `There is no experiment ${experimentId}.`);
    return { worker, token };
  }

  /**
   * A new registration token; all older ones are refused from then on, queue tokens stay. Of several at once the last
   * one holds. Errors: `not_found`.
   */
  async reissue(principal: Principal, experimentId: string, workerId: string): Promise<{ token: string }> {
    await this.getRegistered(experimentId, workerId);
    const now = this.#clock.now();
    const { token, credential } = this.#newRegistration(principal, now, workerId, experimentId);
    const { outcome } = await this.#commits.commit({
      changes: [{ kind: 'revoke-registrations', workerId, revokedAt: now }, insert('credential', credential)],
      preconditions: [],
    });
    if (outcome !== 'done') throw notRegistered(experimentId, workerId);
    return { token };
  }

  /** Of any experiment, or of none. */
  find(workerId: string): Promise<WorkerRecord | undefined> {
    return this.#store.findWorker(workerId);
  }

  /** Errors: `not_found`, also for a worker of another experiment or of none. */
  async getRegistered(experimentId: string, workerId: string): Promise<WorkerRecord> {
    const worker = await this.#store.findWorker(workerId);
    if (worker?.experimentId !== experimentId) throw notRegistered(experimentId, workerId);
    return worker;
  }

  /** Oldest first. Errors: `invalid_cursor`. */
  async listRegistered(
    experimentId: string,
    query: { name?: string | undefined; limit: number; cursor?: string | undefined },
  ) {
    const filter = { list: 'registered', experimentId, name: query.name?.normalize('NFC') };
    const page = { limit: query.limit, after: decodeCursor(filter, query.cursor) };
    const { items, next } = await this.#store.listWorkers(filter, page);
    return { items, nextCursor: nextCursorOf(filter, next) };
  }

  async listTokens(query: { workerId?: string | undefined; limit: number; cursor?: string | undefined }) {
    const filter = { workerId: query.workerId };
    const page = await this.#store.listCredentials(filter, {
      limit: query.limit,
      after: decodeCursor(filter, query.cursor),
    });
    return { items: page.items, nextCursor: nextCursorOf(filter, page.next) };
  }

  /** Revoking again changes nothing. Errors: `not_found`, `version_conflict`. */
  async revokeToken(credentialId: string): Promise<CredentialRecord> {
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      const credential = isUuid(credentialId) ? await this.#store.findCredential(credentialId) : undefined;
      if (credential === undefined) {
        throw new AppError('not_found', `There is no worker token ${JSON.stringify(credentialId.slice(0, 80))}.`);
      }
      if (credential.revokedAt !== null) return credential;
      const now = this.#clock.now();
      const revoked = { ...credential, revokedAt: now, version: credential.version + 1 };
      const change = update('credential', revoked, credential.version);
      const result = await this.#commits.commit({ changes: [change], preconditions: [] });
      if (result.outcome === 'done') return revoked;
    }
    throw new AppError('version_conflict', `Worker token ${credentialId} keeps changing; try again.`);
  }

  /**
   * The worker that a secret speaks for, or undefined: unknown, revoked, expired, or of another worker
   * than `workerId` names. A wrong secret costs as much as a right one.
   */
  authenticate(secret: string, workerId?: string): Promise<AuthenticatedWorker | undefined> {
    return this.authenticateHash(sha256Hex(secret), workerId);
  }

  /** The same by the sha256 (lower-case hex) of the secret, for who has it already. */
  async authenticateHash(hash: string, workerId?: string): Promise<AuthenticatedWorker | undefined> {
    const credential = await this.#store.findCredentialBySecret(hash);
    if (credential === undefined || !sameHash(credential.secretSha256, hash)) return undefined;
    const now = this.#clock.now();
    if (credential.revokedAt !== null || (credential.expiresAt !== null && credential.expiresAt <= now))
      return undefined;
    if (workerId !== undefined && workerId !== credential.workerId) return undefined;
    if (credential.lastUsedAt === null || now - credential.lastUsedAt >= touchEveryMs) {
      await this.#store.touchCredential(credential.id, now).catch(ignore);
    }
    const principal = { kind: 'worker', workerId: credential.workerId, policy: credential.policy } as const;
    return { principal, registeredIn: credential.experimentId };
  }

  #newRegistration(principal: Principal, now: number, workerId: string, experimentId: string) {
    return this.#newToken(principal, now, { workerId, experimentId, description: null, policy: {}, expiresAt: null });
  }

  #newToken(principal: Principal, now: number, of: TokenTraits): { token: string; credential: CredentialRecord } {
    const token = this.#ids.secret(workerTokenPrefix);
    const credential = {
      id: this.#ids.uuid(),
      ...of,
      secretSha256: sha256Hex(token),
      createdBy: actorOf(principal),
      createdAt: now,
      revokedAt: null,
      lastUsedAt: null,
      version: 1,
    };
    return { token, credential };
  }
}

type TokenTraits = Pick<CredentialRecord, 'workerId' | 'description' | 'policy' | 'experimentId' | 'expiresAt'>;

function notRegistered(experimentId: string, workerId: string): AppError {
  return new AppError('not_found', `There is no worker ${JSON.stringify(workerId)} in experiment ${experimentId}.`);
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
    ...(input.canEnqueue === true ? { canEnqueue: true } : {}),
    ...(input.readMetrics === true ? { readMetrics: true } : {}),
  };
}
