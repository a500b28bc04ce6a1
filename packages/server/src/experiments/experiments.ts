import {
  actorOf,
  AppError,
  experimentIdPattern,
  normalizeName,
  standingGroups,
  type ExperimentRecord,
  type Principal,
} from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';
import { insert, type Commits } from '../kernel/commit.ts';
import type { Ids } from '../kernel/ids.ts';
import { decodeCursor, nextCursorOf } from '../kernel/page.ts';
import { checkedField } from '../secrets/checked-text.ts';
import type { SecretPolicy } from '../secrets/secret-policy.ts';
import type { ExperimentStore } from './experiment-store.ts';

export interface NewExperiment {
  /** Id of the new experiment. Generated if it is absent. */
  readonly experimentId?: string | null | undefined;
  readonly name?: string | null | undefined;
}

const list = { list: 'experiments' };

/** Creates and reads experiments, each of which contains its own workers, groups and deposits under /v0. */
export class Experiments {
  readonly #store: ExperimentStore;
  readonly #commits: Commits;
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #secrets: SecretPolicy;

  constructor(parts: { store: ExperimentStore; commits: Commits; clock: Clock; ids: Ids; secrets: SecretPolicy }) {
    this.#store = parts.store;
    this.#commits = parts.commits;
    this.#clock = parts.clock;
    this.#ids = parts.ids;
    this.#secrets = parts.secrets;
  }

  /**
   * Creates an experiment with its standing groups, which have no members yet. Errors: `already_exists`, `invalid_name`,
   * `invalid_request` (malformed id), `secret_found`.
   */
  async create(principal: Principal, input: NewExperiment): Promise<ExperimentRecord> {
    const id = input.experimentId ?? this.#ids.experimentId();
    if (!experimentIdPattern.test(id)) {
      const message = 'must be exp_ and 26 characters of lower-case base32';
      throw new AppError('invalid_request', `experimentId: ${message}.`, {
        errors: [{ path: 'experimentId', message }],
      });
    }
    const now = this.#clock.now();
    const createdBy = actorOf(principal);
    const name = input.name == null ? null : normalizeName(input.name, 'experiment');
    await this.#secrets.checkUnmarked('experiment', checkedField('name', name));
    const experiment: ExperimentRecord = { id, name, createdBy, createdAt: now, version: 1 };
    const groups = standingGroups.map((standing) => {
      const [groupId, experimentId] = [this.#ids.groupId(), id];
      const made = { createdBy, createdAt: now, version: 1, hiddenAt: null };
      return insert('group', { id: groupId, experimentId, name: standing, ...made });
    });
    const changes = [insert('experiment', experiment, 'conflict'), ...groups];
    const { outcome } = await this.#commits.commit({ changes, preconditions: [] });
    if (outcome !== 'done') throw new AppError('already_exists', `There is an experiment ${id} already.`);
    return experiment;
  }

  /**
   * Returns the experiment. Creates it if it does not exist. Concurrent calls create it only once. Errors:
   * `invalid_request`.
   */
  async ensure(experimentId: string): Promise<ExperimentRecord> {
    const found = await this.find(experimentId);
    if (found !== undefined) return found;
    try {
      return await this.create({ kind: 'admin' }, { experimentId });
    } catch (error) {
      const made = await this.find(experimentId);
      if (made === undefined) throw error;
      return made;
    }
  }

  find(experimentId: string): Promise<ExperimentRecord | undefined> {
    return this.#store.find(experimentId);
  }

  /** Returns a page of experiments, newest first. Errors: `invalid_cursor`. */
  async list(query: { limit: number; cursor?: string | undefined }) {
    const { items, next } = await this.#store.list({ limit: query.limit, after: decodeCursor(list, query.cursor) });
    return { items, nextCursor: nextCursorOf(list, next) };
  }
}
