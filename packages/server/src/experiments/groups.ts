import {
  actorOf,
  adminsGroup,
  AppError,
  cycleClosedBy,
  groupIdPattern,
  groupLimits,
  normalizeName,
  standingGroups,
  type GroupEdge,
  type GroupRecord,
  type Membership,
  type Principal,
  type WorkerRecord,
} from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';
import { KeyedMutex } from '../kernel/keyed-mutex.ts';
import { exists, update, type Change, type Commit, type Commits, type Conflict } from '../kernel/commit.ts';
import { decideAndCommit, type DecisionParts } from '../kernel/decide-and-commit.ts';
import type { Ids, RandomBytes } from '../kernel/ids.ts';
import { decodeCursor, nextCursorOf } from '../kernel/page.ts';
import { checkedField } from '../secrets/checked-text.ts';
import type { SecretPolicy } from '../secrets/secret-policy.ts';
import { hideGroup, newGroupWrites } from './group-changes.ts';
import type { ExperimentStore } from './experiment-store.ts';

export interface NewGroup {
  readonly name?: string | undefined;
  /** Ids of workers and groups. A repeated id counts once. */
  readonly members?: readonly string[] | undefined;
}

/**
 * Creates, reads and changes groups. A group belongs to one experiment, and its members are workers and groups. Every
 * parameter for a group id also accepts the name of a standing group (a group that each experiment has from its
 * creation).
 */
export class Groups {
  readonly #store: ExperimentStore;
  readonly #commits: Commits;
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #deciding: DecisionParts;
  readonly #secrets: SecretPolicy;
  readonly #nesting = new KeyedMutex();

  constructor(parts: {
    store: ExperimentStore;
    commits: Commits;
    clock: Clock;
    ids: Ids;
    random: RandomBytes;
    secrets: SecretPolicy;
  }) {
    this.#store = parts.store;
    this.#commits = parts.commits;
    this.#clock = parts.clock;
    this.#ids = parts.ids;
    this.#secrets = parts.secrets;
    this.#deciding = {
      commits: parts.commits,
      delay: (ms) => new Promise((resolve) => void parts.clock.after(ms, resolve)),
      random: () => {
        const [high = 0, low = 0] = parts.random(2);
        return (high * 256 + low) / 65_536;
      },
    };
  }

  /**
   * Creates a group. Its name need not be unique. Errors: `invalid_name`, `reserved_identifier`, `invalid_request` (too
   * many members, or too many groups inside groups), `secret_found`, `cycle_detected`, `too_busy`,
   * `experiment_not_found`.
   */
  async create(principal: Principal, experimentId: string, input: NewGroup): Promise<GroupRecord> {
    const given = await Promise.all((input.members ?? []).map((id) => this.#idOf(experimentId, id)));
    const group: GroupRecord = {
      id: this.#ids.groupId(),
      experimentId,
      name: input.name === undefined ? null : normalizeName(input.name, 'group'),
      members: [...new Set(given)],
      createdBy: actorOf(principal),
      createdAt: this.#clock.now(),
      version: 1,
    };
    if (group.members.length > groupLimits.members) throw full(group.id);
    await this.#secrets.checkUnmarked('group', checkedField('name', group.name));
    const edges = group.members.filter(isNesting).map((id) => ({ groupId: group.id, memberGroupId: id }));
    const { hidden, visible, made } = newGroupWrites(group);
    for (const commit of hidden) if ((await this.#commits.commit(commit)).outcome !== 'done') throw contended();
    const preconditions = [exists('experiment', experimentId)];
    await this.#write(experimentId, edges, { changes: visible, preconditions });
    return made;
  }

  /** Returns a page of the groups of an experiment, oldest first. Errors: `invalid_cursor`. */
  async list(experimentId: string, query: { name?: string | undefined; limit: number; cursor?: string | undefined }) {
    const filter = { list: 'groups', experimentId, name: query.name?.normalize('NFC') };
    const page = { limit: query.limit, after: decodeCursor(filter, query.cursor) };
    const { items, next } = await this.#store.listGroups(filter, page);
    return { items, nextCursor: nextCursorOf(filter, next) };
  }

  async has(experimentId: string, groupId: string): Promise<boolean> {
    return (await this.#find(experimentId, groupId)) !== undefined;
  }

  /** Returns a group by its id. Errors: `not_found`. */
  async get(experimentId: string, groupId: string): Promise<GroupRecord> {
    const group = await this.#find(experimentId, groupId);
    if (group === undefined) throw missing(groupId);
    return group;
  }

  /**
   * Adds a member and returns the changed group. If the group already has the member, nothing changes. The id of a
   * member need not exist yet. The membership then takes effect when a worker or group gets this id. Errors:
   * `not_found`, `invalid_request` (too many members, or too many groups inside groups), `cycle_detected`, `too_busy`.
   */
  async addMember(experimentId: string, groupId: string, memberId: string): Promise<GroupRecord> {
    const group = await this.get(experimentId, groupId);
    const member = await this.#idOf(experimentId, memberId);
    const edges = isNesting(member) ? [{ groupId: group.id, memberGroupId: member }] : [];
    const addedAt = this.#clock.now();
    const change: Change = { kind: 'add-member', groupId: group.id, memberId: member, addedAt };
    await this.#write(experimentId, edges, { changes: [change], preconditions: [] });
    return this.get(experimentId, group.id);
  }

  /**
   * Removes a member and returns the changed group. If the group does not have the member, nothing changes. Errors:
   * `not_found`.
   */
  async removeMember(experimentId: string, groupId: string, memberId: string): Promise<GroupRecord> {
    const group = await this.get(experimentId, groupId);
    const member = await this.#idOf(experimentId, memberId);
    const change: Change = { kind: 'remove-member', groupId: group.id, memberId: member };
    await this.#write(experimentId, [], { changes: [change], preconditions: [] });
    return this.get(experimentId, group.id);
  }

  /** Deletes a group. Errors: `not_found`, `reserved_identifier` (a standing group), `too_busy`. */
  async delete(experimentId: string, groupId: string): Promise<void> {
    await decideAndCommit(this.#deciding, {
      ...nestingTries,
      read: () => this.get(experimentId, groupId),
      decide: (group) => {
        requireDeletable(group);
        const preconditions = [exists('group', group.id)];
        return { result: undefined, changes: [hideGroup(group, this.#clock.now())], preconditions };
      },
    });
  }

  /** Returns the groups that contain the worker now, directly or through other groups. An unknown worker is in no group. */
  async membershipOf(experimentId: string, workerId: string): Promise<Membership> {
    const groups = await this.#store.groupsHolding(experimentId, workerId);
    // Only the standing group has the reserved name `admins`.
    const isAdmin = groups.some(({ name }) => name === adminsGroup);
    return { experimentId, groupIds: groups.map(({ id }) => id), isAdmin };
  }

  /**
   * Commits the changes. If they make groups members of other groups (`edges`), checks that no group contains itself.
   */
  async #write(experimentId: string, edges: readonly GroupEdge[], write: Write): Promise<void> {
    if (edges.length > 0) return this.#nesting.run(experimentId, () => this.#nest(experimentId, edges, write));
    await decideAndCommit(this.#deciding, {
      ...nestingTries,
      read: async () => undefined,
      decide: () => ({ result: undefined, ...write }),
    });
  }

  async #nest(experimentId: string, added: readonly GroupEdge[], write: Write): Promise<void> {
    await decideAndCommit(this.#deciding, {
      ...nestingTries,
      read: async () => {
        const experiment = await this.#store.find(experimentId);
        if (experiment === undefined) throw noExperiment(experimentId);
        return { experiment, ...(await this.#store.nestedGroups(experimentId)) };
      },
      decide: ({ experiment, version, edges }) => {
        const closing = cycleClosedBy(edges, added);
        if (closing !== undefined) throw new AppError('cycle_detected', cycleMessage(closing));
        // This check is exact even if several servers write. The commit requires the version of the experiment that was
        // read with `edges`. If another server has added an edge since then, the commit is refused.
        requireNestings(edges, added);
        const changes = [update('experiment', experiment, version), ...write.changes];
        return { result: undefined, changes, preconditions: write.preconditions };
      },
    });
  }

  async #idOf(experimentId: string, idOrName: string): Promise<string> {
    if (!isStanding(idOrName)) return idOrName;
    return (await this.#find(experimentId, idOrName))?.id ?? idOrName;
  }

  async #find(experimentId: string, idOrName: string): Promise<GroupRecord | undefined> {
    if (isStanding(idOrName)) {
      const named = await this.#store.listGroups({ experimentId, name: idOrName }, { limit: 1, after: undefined });
      return named.items[0];
    }
    const group = isGroupId(idOrName) ? await this.#store.findGroup(idOrName) : undefined;
    return group?.experimentId === experimentId ? group : undefined;
  }
}

type Write = Pick<Commit, 'changes' | 'preconditions'>;

/**
 * Options of `decideAndCommit`. If servers concurrently add groups to groups of one experiment, more tries are needed
 * than usual.
 */
const nestingTries = { what: 'The nesting of groups', tries: 10, refusal: refusalOf, exhausted: contended };

function refusalOf(conflict: Conflict): AppError | undefined {
  if (conflict.kind === 'group-full') return full(conflict.groupId);
  if (conflict.kind !== 'missing') return undefined;
  return conflict.record === 'group' ? missing(conflict.id) : noExperiment(conflict.id);
}

/** Throws `reserved_identifier` for a standing group. */
function requireDeletable({ name }: GroupRecord): void {
  if (!isStanding(name)) return;
  throw new AppError('reserved_identifier', `The group ${name} belongs to every experiment and stays.`);
}

function isGroupId(id: string): boolean {
  return groupIdPattern.test(id);
}

/** Returns true if the member id is the id of a group. Stores recognize groups by the same prefix. */
function isNesting(memberId: string): boolean {
  return /^grp_/i.test(memberId);
}

/**
 * Throws `invalid_request` if the existing and the added edges together exceed the limit of groups inside groups. An
 * added edge that already exists is not counted twice.
 */
function requireNestings(edges: readonly GroupEdge[], added: readonly GroupEdge[]): void {
  if (edges.length + added.length <= groupLimits.nestings) return;
  const known = new Set(edges.map(edgeKey));
  const fresh = added.filter((edge) => !known.has(edgeKey(edge)));
  if (fresh.length === 0 || edges.length + fresh.length <= groupLimits.nestings) return;
  const most = `Groups of one experiment are members of others at most ${String(groupLimits.nestings)} times.`;
  throw new AppError('invalid_request', most);
}

function edgeKey({ groupId, memberGroupId }: GroupEdge): string {
  return `${groupId} ${memberGroupId}`;
}

function isStanding(name: string | null): name is (typeof standingGroups)[number] {
  return (standingGroups as readonly (string | null)[]).includes(name);
}

function missing(groupId: string): AppError {
  return new AppError('not_found', `There is no group ${JSON.stringify(groupId)} in this experiment.`);
}

function noExperiment(experimentId: string): AppError {
  return new AppError('experiment_not_found', `There is no experiment ${experimentId}.`);
}

function full(groupId: string): AppError {
  return new AppError('invalid_request', `The group ${groupId} has at most ${String(groupLimits.members)} members.`);
}

function contended(): AppError {
  return new AppError('too_busy', 'The groups of this experiment keep changing; try again.');
}

function cycleMessage({ groupId, memberGroupId }: GroupEdge): string {
  return `The group ${groupId} would become a member of itself through ${memberGroupId}.`;
}

/**
 * Returns a function that decides whether an id may get read access in an experiment. The id must be that of a worker
 * or group of the experiment, or of a worker without an experiment.
 */
export function knownReader({
  groups,
  findWorker,
}: {
  readonly groups: Pick<Groups, 'has'>;
  readonly findWorker: (workerId: string) => Promise<WorkerRecord | undefined>;
}): (experimentId: string, id: string) => Promise<boolean> {
  return async (experimentId, id) => {
    if (groupIdPattern.test(id)) return groups.has(experimentId, id);
    const worker = await findWorker(id);
    return worker !== undefined && (worker.experimentId === null || worker.experimentId === experimentId);
  };
}
