import { z } from 'zod';
import { AppError } from '../app-error.ts';
import { timeSchema } from '../values/wire-values.ts';
import { actorToJson } from '../people/actor.ts';

/**
 * Returns the pattern of ids with a prefix: 26 characters of lower-case Crockford base32 (no i, l, o, u). Ids that the
 * server generates are ULIDs, which begin with 0 to 7. Ids that an admin chooses may begin with any character of the
 * alphabet.
 */
const prefixedId = (prefix: string) => new RegExp(`^${prefix}_[0-9a-hjkmnp-tv-z]{26}$`);

export const experimentIdPattern = prefixedId('exp');
export const registeredWorkerIdPattern = prefixedId('wkr');
export const groupIdPattern = prefixedId('grp');

/** A set of workers, groups and deposits that belong together on /v0. */
export interface ExperimentRecord {
  readonly id: string;
  readonly name: string | null;
  readonly createdBy: string;
  readonly createdAt: number;
  /**
   * Version for optimistic locking, counted from 1. It is also raised when a group becomes a member of another group.
   * So two concurrent calls cannot create a cycle of groups.
   */
  readonly version: number;
}

export interface GroupRecord {
  readonly id: string;
  readonly experimentId: string;
  readonly name: string | null;
  /**
   * Ids of workers and groups, in the order in which they were added. An id without a worker or group has no effect.
   */
  readonly members: readonly string[];
  readonly createdBy: string;
  readonly createdAt: number;
  /**
   * Version of all fields except the members, for optimistic locking. Counted from 1. A change of members does not
   * raise it.
   */
  readonly version: number;
}

/** A group as it is stored, without its members. */
export interface GroupEntry extends Omit<GroupRecord, 'members'> {
  /**
   * Time at which the group was hidden. Null for a visible group. Readers do not find a hidden group. A new group with
   * many members is hidden until all of them are added. A deleted group is hidden until all its members are removed.
   */
  readonly hiddenAt: number | null;
}

/** One member of a group as it is stored. */
export interface GroupMember {
  readonly groupId: string;
  /** Id of a worker or a group. */
  readonly memberId: string;
  readonly experimentId: string;
  readonly addedAt: number;
  /** Position of the member in the list of members, counted from 1. */
  readonly place: number;
}

/**
 * Names of the groups that every experiment has from its creation. Members of `admins` have the rights of the admin in
 * the experiment. Members of `orchestrators` have no additional rights.
 */
export const standingGroups = ['admins', 'orchestrators'] as const;
/**
 * Name of a standing group. Its members, direct or through other groups, have the rights of the admin in the
 * experiment.
 */
export const adminsGroup = 'admins';

/** These limits keep an answer about a group small, and the check for cycles of groups fast. */
export const groupLimits = {
  /** Largest number of members of one group. */
  members: 10_000,
  /** Largest number of edges (a group that is a member of another group) in one experiment. */
  nestings: 10_000,
} as const;

const reservedNames = {
  worker: ['admin', 'system', 'internal'],
  group: standingGroups,
} as const satisfies Record<string, readonly string[]>;

/**
 * Returns a name as it is stored: Unicode form NFC, 1 to 128 code points. A name with white space at either end, or
 * with `refusedCodePoints`, throws `invalid_name`; nothing is removed. A reserved name, in any letter case, throws
 * `reserved_identifier`. So does a name that only looks like a reserved name.
 */
export function normalizeName(name: string, of: 'worker' | 'group' | 'experiment'): string {
  const text = name.normalize('NFC');
  const length = Array.from(text).length;
  if (length < 1 || length > 128) {
    throw new AppError(
      'invalid_name',
      `The name of the ${of} must have 1 to 128 characters; it has ${String(length)}.`,
    );
  }
  const objection = objectionToName(text);
  if (objection !== undefined) throw new AppError('invalid_name', `The name of the ${of} ${objection}.`);
  const reserved: readonly string[] = of === 'experiment' ? [] : reservedNames[of];
  if (reserved.includes(lookOf(text))) {
    throw new AppError('reserved_identifier', `The ${of} name ${JSON.stringify(text)} is reserved.`);
  }
  return text;
}

const refusedCodePoints: readonly (readonly [RegExp, string])[] = [
  [/\p{Cc}/u, 'a control character'],
  [/\p{Cs}/u, 'a lone surrogate'],
  [/\p{Noncharacter_Code_Point}/u, 'a noncharacter'],
  [/\p{Cn}/u, 'an unassigned code point'],
  [/\p{Co}/u, 'a private-use character'],
  [/[\p{Zl}\p{Zp}]/u, 'a line or paragraph separator'],
  [/[\u202a-\u202e\u2066-\u2069]/u, 'a character that changes the direction of text'],
];

/**
 * Returns the reason why a text in NFC cannot be a name, or undefined if it can be one. The reason is a phrase that
 * follows the words "The name".
 */
function objectionToName(text: string): string | undefined {
  for (const [pattern, what] of refusedCodePoints) {
    const found = pattern.exec(text)?.[0].codePointAt(0);
    if (found !== undefined) return `must not contain ${codePointName(found)}, ${what}`;
  }
  const outer = /^\p{White_Space}|\p{White_Space}$/u.exec(text)?.[0].codePointAt(0);
  if (outer !== undefined) return `must not begin or end with white space (${codePointName(outer)})`;
  return lookOf(text) === '' ? 'must contain a visible character' : undefined;
}

function codePointName(codePoint: number): string {
  return `U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`;
}

/**
 * Returns a name by which names that look equal can be compared: in NFKC (one character width), without invisible
 * characters, in lower case.
 */
function lookOf(name: string): string {
  return name
    .normalize('NFKC')
    .replace(/[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, '')
    .toLowerCase()
    .trim();
}

/** The membership of one group in another group (an edge). */
export interface GroupEdge {
  readonly groupId: string;
  readonly memberGroupId: string;
}

/**
 * Adds the edges of `added` one after another. Returns the first one that would make a group a member of itself,
 * directly or through other groups. Returns undefined if there is none. The existing edges are traversed once, and not
 * once for each added edge.
 */
export function cycleClosedBy(edges: Iterable<GroupEdge>, added: Iterable<GroupEdge>): GroupEdge | undefined {
  const membersOf = new Map<string, string[]>();
  for (const edge of edges) nest(membersOf, edge);
  let target: string | undefined;
  let leadElsewhere = new Set<string>();
  for (const edge of added) {
    // `leadElsewhere` contains the groups from which the target cannot be reached. It stays valid while edges are added
    // only to the target. So each group is traversed once for each target.
    if (edge.groupId !== target) leadElsewhere = new Set();
    target = edge.groupId;
    if (leads(membersOf, edge, leadElsewhere)) return edge;
    nest(membersOf, edge);
  }
  return undefined;
}

function nest(membersOf: Map<string, string[]>, { groupId, memberGroupId }: GroupEdge): void {
  const members = membersOf.get(groupId);
  if (members === undefined) membersOf.set(groupId, [memberGroupId]);
  else members.push(memberGroupId);
}

/**
 * Returns true if the group `groupId` can be reached from `memberGroupId`, directly or through other groups. Groups in
 * `leadElsewhere` are known not to reach it. The function adds to them the groups that it has traversed without
 * success.
 */
function leads(
  membersOf: ReadonlyMap<string, readonly string[]>,
  { groupId, memberGroupId }: GroupEdge,
  leadElsewhere: Set<string>,
): boolean {
  const open = [memberGroupId];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next === groupId) return true;
    if (leadElsewhere.has(next)) continue;
    leadElsewhere.add(next);
    for (const member of membersOf.get(next) ?? []) open.push(member);
  }
  return false;
}

/** Body of the operation on /api that creates an experiment. */
export const createExperimentSchema = z
  .strictObject({
    experimentId: z
      .string()
      .regex(experimentIdPattern, 'must be exp_ and 26 characters of lower-case base32')
      .nullish(),
    name: z.string().nullish(),
  })
  .meta({ id: 'CreateExperiment' });

export const experimentSchema = z
  .object({
    experimentId: z.string(),
    name: z.string().nullable(),
    createdBy: z.string(),
    createdAt: timeSchema,
  })
  .meta({ id: 'Experiment' });
export type Experiment = z.infer<typeof experimentSchema>;

export function experimentToJson({ id, name, createdBy, createdAt }: ExperimentRecord): Experiment {
  return { experimentId: id, name, createdBy: actorToJson(createdBy), createdAt: new Date(createdAt).toISOString() };
}
