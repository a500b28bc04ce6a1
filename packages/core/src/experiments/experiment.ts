import { z } from 'zod';
import { AppError } from '../app-error.ts';
import { timeSchema } from '../values/wire-values.ts';

/**
 * 26 characters of lower-case Crockford base32 (no i, l, o, u) behind a prefix. Minted ids are ULIDs, which begin with 0 to 7;
 * ids that an admin gives may begin with any character of the alphabet.
 */
const prefixedId = (prefix: string) => new RegExp(`^${prefix}_[0-9a-hjkmnp-tv-z]{26}$`);

export const experimentIdPattern = prefixedId('exp');
export const registeredWorkerIdPattern = prefixedId('wkr');
export const groupIdPattern = prefixedId('grp');

/** A set of workers, groups and deposits that belong together on the /v0 door. */
export interface ExperimentRecord {
  readonly id: string;
  readonly name: string | null;
  readonly createdBy: string;
  readonly createdAt: number;
  /** Optimistic lock, from 1. Grows whenever a group becomes a member of another, so that no two such edits make a cycle. */
  readonly version: number;
}

export interface GroupRecord {
  readonly id: string;
  readonly experimentId: string;
  readonly name: string | null;
  /** Worker and group ids, in the order in which they were added. What is unknown resolves to nobody. */
  readonly members: readonly string[];
  readonly createdBy: string;
  readonly createdAt: number;
  /** Optimistic lock of everything but the members, from 1. */
  readonly version: number;
}

/** A group without its members, as stores keep it. */
export interface GroupEntry extends Omit<GroupRecord, 'members'> {
  /**
   * A hidden group does not exist for any reader. A group with many members is hidden while they are added, before it is
   * published; a deleted group is hidden until a cleaner has removed its members. Null: visible.
   */
  readonly hiddenAt: number | null;
}

/** One member of a group, as stores keep it. */
export interface GroupMember {
  readonly groupId: string;
  /** A worker's or a group's id. */
  readonly memberId: string;
  readonly experimentId: string;
  readonly addedAt: number;
  /** Members are listed in the order of their places, from 1. */
  readonly place: number;
}

/** The groups that every experiment has from its start. Their members may do what the admin may (`admins`), or are just named. */
export const standingGroups = ['admins', 'orchestrators'] as const;
/** The group whose members, also through other groups, are admin-class in their experiment. */
export const adminsGroup = 'admins';

/** What keeps an answer about a group, and the decision about another nesting, small. */
export const groupLimits = {
  /** Members of one group. */
  members: 10_000,
  /** Times that a group is a member of another, in one experiment. */
  nestings: 10_000,
} as const;

const reservedNames = {
  worker: ['admin', 'system', 'internal'],
  group: standingGroups,
} as const satisfies Record<string, readonly string[]>;

/**
 * A name as it is kept: NFC, 1 to 128 code points. Refused, never changed: white space at either end, and code points that
 * nobody can see or keep (`refusedCodePoints`). Errors: `invalid_name`; `reserved_identifier` for the names that stand
 * for something already, in any case of letters, and for those that only look like them.
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

/** Why a text in NFC cannot be a name, as a phrase that goes after "The name"; undefined when it can. */
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

/** The name as a reader takes it: one width, no invisible characters, lower case. */
function lookOf(name: string): string {
  return name
    .normalize('NFKC')
    .replace(/[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, '')
    .toLowerCase()
    .trim();
}

/** One group as a member of another. */
export interface GroupEdge {
  readonly groupId: string;
  readonly memberGroupId: string;
}

/**
 * The first of the added edges that would make a group a member of itself, however far around, if they were added one after
 * another. The edges there are looked through once, not once for each that is added.
 */
export function cycleClosedBy(edges: Iterable<GroupEdge>, added: Iterable<GroupEdge>): GroupEdge | undefined {
  const membersOf = new Map<string, string[]>();
  for (const edge of edges) nest(membersOf, edge);
  let target: string | undefined;
  let leadElsewhere = new Set<string>();
  for (const edge of added) {
    // What does not lead to a group does not either when that group has got members: it is walked once for each group.
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

/** Whether the member leads to the group. `leadElsewhere` are the groups that do not, and grows by what was walked. */
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

/** On /api. */
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
  return { experimentId: id, name, createdBy, createdAt: new Date(createdAt).toISOString() };
}
