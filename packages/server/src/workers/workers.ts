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
import { counterAt, exists, insert, raise, update, type Commits } from '../kernel/commit.ts';
import { decideAndCommit, type DecisionParts } from '../kernel/decide-and-commit.ts';
import type { Ids } from '../kernel/ids.ts';
import { KeyedMutex } from '../kernel/keyed-mutex.ts';
import { decodeCursor, nextCursorOf } from '../kernel/page.ts';
import { sameHash, sha256Hex, workerTokenPrefix } from '../kernel/secret.ts';
import { checkedField, checkedList, type CheckedText } from '../secrets/checked-text.ts';
import type { SecretPolicy } from '../secrets/secret-policy.ts';
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
  /** The name of the worker. Several workers may have the same name. */
  readonly name?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** The result of the authentication of a worker token. */
export interface AuthenticatedWorker {
  readonly principal: Principal & { readonly kind: 'worker' };
  /** For a registration token, the id of the experiment in which the worker is registered. Null for a queue token. */
  readonly registeredIn: string | null;
}

/** Shortest time in milliseconds between two writes of `lastUsedAt` of one credential. */
const touchEveryMs = 60 * 60 * 1000;
/**
 * Largest number of registration tokens that one reissue revokes. A worker has one valid registration token, unless an
 * older version of Proofhouse left more.
 */
const maxRevoked = 50;
/**
 * Largest number of tries of a reissue. It is higher than usual, because several servers may reissue the token of one
 * worker at the same time.
 */
const reissueTries = 10;

/** Workers and the tokens that authenticate them. */
export class Workers {
  readonly #store: WorkerStore;
  readonly #commits: Commits;
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #deciding: DecisionParts;
  readonly #secrets: SecretPolicy;
  readonly #reissues = new KeyedMutex();

  constructor(parts: { store: WorkerStore; clock: Clock; ids: Ids; secrets: SecretPolicy } & DecisionParts) {
    this.#store = parts.store;
    this.#commits = parts.commits;
    this.#clock = parts.clock;
    this.#ids = parts.ids;
    this.#deciding = parts;
    this.#secrets = parts.secrets;
  }

  /**
   * Creates a queue token. If the worker does not exist, creates the worker too. The token is returned only by this
   * call, because only its hash is stored. Errors: `invalid_request`, `secret_found`.
   */
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
    await this.#secrets.checkUnmarked('worker token', textsOfToken(input));
    const { token, credential } = this.#newToken(principal, now, {
      workerId: input.workerId,
      description: input.description ?? null,
      policy: policyOf(input),
      experimentId: null,
      registrationEpoch: null,
      expiresAt,
    });
    const worker = {
      id: input.workerId,
      name: null,
      experimentId: null,
      labels: {},
      createdBy: actorOf(principal),
      createdAt: now,
      version: 1,
      registrationEpoch: firstEpoch,
    };
    await this.#commits.commit({
      changes: [insert('worker', worker, 'keep'), insert('credential', credential)],
      preconditions: [],
    });
    return { token, credential };
  }

  /**
   * Creates a worker in the experiment with its registration token. The token is returned only by this call, because
   * only its hash is stored. Errors: `invalid_name`, `reserved_identifier`, `secret_found`, `experiment_not_found`.
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
      version: 1,
      registrationEpoch: firstEpoch,
    };
    await this.#secrets.checkUnmarked('worker', textsOfRegistration(input));
    const { token, credential } = this.#newRegistration(principal, now, worker);
    const { outcome } = await this.#commits.commit({
      changes: [insert('worker', worker), insert('credential', credential)],
      preconditions: [exists('experiment', experimentId)],
    });
    if (outcome !== 'done') throw new AppError('experiment_not_found', `There is no experiment ${experimentId}.`);
    return { worker, token };
  }

  /**
   * Reissues the registration token of a worker: creates a new one and revokes all older ones. Queue tokens stay valid.
   * If several calls run at the same time, only the token of the last one stays valid. Errors: `not_found`, `too_busy`.
   */
  async reissue(principal: Principal, experimentId: string, workerId: string): Promise<{ token: string }> {
    const { result } = await this.#reissues.run(workerId, () =>
      decideAndCommit(this.#deciding, {
        what: `The credential of worker ${workerId}`,
        tries: reissueTries,
        exhausted: () => new AppError('too_busy', `The credential of worker ${workerId} keeps changing; try again.`),
        read: async () => {
          const worker = await this.getRegistered(experimentId, workerId);
          return { worker, live: await this.#store.liveRegistrations(workerId, maxRevoked) };
        },
        decide: ({ worker, live }) => this.#reissued(principal, worker, live),
      }),
    );
    return result;
  }

  #reissued(principal: Principal, worker: WorkerRecord, live: readonly CredentialRecord[]) {
    const now = this.#clock.now();
    const epoch = { record: 'worker', id: worker.id, counter: 'registrationEpoch' } as const;
    const next = { ...worker, registrationEpoch: worker.registrationEpoch + 1 };
    const { token, credential } = this.#newRegistration(principal, now, next);
    return {
      result: { token },
      preconditions: [counterAt(epoch, worker.registrationEpoch)],
      changes: [
        raise(epoch),
        ...live.map((old) => update('credential', { ...old, revokedAt: now }, old.version)),
        insert('credential', credential),
      ],
    };
  }

  /** Returns the worker with this id, whether it belongs to an experiment or not. */
  find(workerId: string): Promise<WorkerRecord | undefined> {
    return this.#store.findWorker(workerId);
  }

  /**
   * Returns a worker of the experiment. Throws `not_found` if no worker has the id, or if the worker belongs to another
   * experiment or to none.
   */
  async getRegistered(experimentId: string, workerId: string): Promise<WorkerRecord> {
    const worker = await this.#store.findWorker(workerId);
    if (worker?.experimentId !== experimentId) throw notRegistered(experimentId, workerId);
    return worker;
  }

  /** Lists the workers of an experiment, oldest first. Errors: `invalid_cursor`. */
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

  /** Revokes a token. If it is revoked already, nothing changes. Errors: `not_found`, `version_conflict`. */
  async revokeToken(credentialId: string): Promise<CredentialRecord> {
    const { result } = await decideAndCommit(this.#deciding, {
      what: `Worker token ${credentialId}`,
      read: () => this.#getCredential(credentialId),
      decide: (credential) => {
        if (credential.revokedAt !== null) return { result: credential };
        const revoked = { ...credential, revokedAt: this.#clock.now(), version: credential.version + 1 };
        return { result: revoked, changes: [update('credential', revoked, credential.version)] };
      },
    });
    return result;
  }

  async #getCredential(credentialId: string): Promise<CredentialRecord> {
    const credential = isUuid(credentialId) ? await this.#store.findCredential(credentialId) : undefined;
    if (credential !== undefined) return credential;
    throw new AppError('not_found', `There is no worker token ${JSON.stringify(credentialId.slice(0, 80))}.`);
  }

  /**
   * Returns the worker that a token authenticates. Returns undefined if the token is unknown, revoked or expired, or if
   * it belongs to another worker than `workerId`. A wrong token needs the same query as a correct one.
   */
  authenticate(secret: string, workerId?: string): Promise<AuthenticatedWorker | undefined> {
    return this.authenticateHash(sha256Hex(secret), workerId);
  }

  /** Like `authenticate`, but takes the sha256 (lower-case hex) of the token instead of the token. */
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

  #newRegistration(principal: Principal, now: number, { id, experimentId, registrationEpoch }: WorkerRecord) {
    const none = { description: null, policy: {}, expiresAt: null };
    return this.#newToken(principal, now, { workerId: id, experimentId, registrationEpoch, ...none });
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

type TokenTraits = Pick<
  CredentialRecord,
  'workerId' | 'description' | 'policy' | 'experimentId' | 'registrationEpoch' | 'expiresAt'
>;

/**
 * The registration epoch of a new worker. Each reissue of its registration token adds one to the epoch, which revokes
 * the older tokens.
 */
const firstEpoch = 1;

function notRegistered(experimentId: string, workerId: string): AppError {
  return new AppError('not_found', `There is no worker ${JSON.stringify(workerId)} in experiment ${experimentId}.`);
}

// Ignores a failed write of `lastUsedAt`, because calls that only read must work even while the store cannot write.
function ignore(): undefined {
  return undefined;
}

/** Returns the texts of a new worker token that the scanner checks for secrets. */
function textsOfToken(input: NewWorkerToken): CheckedText[] {
  return [
    { field: 'workerId', text: input.workerId },
    ...checkedField('description', input.description),
    ...checkedList('allowedRepositories', input.allowedRepositories),
    ...checkedList('allowedJobTypes', input.allowedJobTypes),
    ...checkedList('capabilities', input.capabilities),
  ];
}

/**
 * Returns the texts of a registration that the scanner checks for secrets. All labels are joined to one text, because
 * the name of a label can show that its value is a secret.
 */
function textsOfRegistration({ name, labels }: NewRegistration): CheckedText[] {
  return [...checkedField('name', name), ...checkedField('labels', labels && JSON.stringify(labels))];
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
