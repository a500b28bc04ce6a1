import { z } from 'zod';
import { AppError } from './app-error.ts';
import { timeSchema } from './wire-values.ts';

/** A ULID in lower-case Crockford base32 (no i, l, o, u; the first character keeps 128 bits), behind its prefix. */
const prefixedUlid = (prefix: string) => new RegExp(`^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`);

export const experimentIdPattern = prefixedUlid('exp');
export const registeredWorkerIdPattern = prefixedUlid('wkr');
export const groupIdPattern = prefixedUlid('grp');

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
}

/** The groups that every experiment has from its start. Their members may do what the admin may (`admins`), or are just named. */
export const standingGroups = ['admins', 'orchestrators'] as const;
/** The group whose members, also through other groups, are admin-class in their experiment. */
export const adminsGroup = 'admins';

const reservedNames = {
  worker: ['admin', 'system', 'internal'],
  group: standingGroups,
} as const satisfies Record<string, readonly string[]>;

/**
 * A name as it is kept: NFC, without spaces around it, 1 to 128 characters (code points), no control characters.
 * Errors: `invalid_name`; `reserved_identifier` for the names that stand for something already, in any case of letters.
 */
export function normalizeName(name: string, of: 'worker' | 'group' | 'experiment'): string {
  const text = name.normalize('NFC').trim();
  const length = Array.from(text).length;
  if (length < 1 || length > 128) {
    throw new AppError(
      'invalid_name',
      `The name of the ${of} must have 1 to 128 characters; it has ${String(length)}.`,
    );
  }
  if (/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(text)) {
    throw new AppError('invalid_name', `The name of the ${of} must not contain control characters.`);
  }
  const reserved: readonly string[] = of === 'experiment' ? [] : reservedNames[of];
  if (reserved.includes(text.toLowerCase())) {
    throw new AppError('reserved_identifier', `The ${of} name ${JSON.stringify(text)} is reserved.`);
  }
  return text;
}

/** One group as a member of another. */
export interface GroupEdge {
  readonly groupId: string;
  readonly memberGroupId: string;
}

/** Whether adding `memberGroupId` to `groupId` would make a group a member of itself, however far around. */
export function wouldMakeCycle(edges: Iterable<GroupEdge>, added: GroupEdge): boolean {
  const membersOf = new Map<string, string[]>();
  for (const { groupId, memberGroupId } of edges) {
    const members = membersOf.get(groupId);
    if (members === undefined) membersOf.set(groupId, [memberGroupId]);
    else members.push(memberGroupId);
  }
  const seen = new Set<string>();
  const open = [added.memberGroupId];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next === added.groupId) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    open.push(...(membersOf.get(next) ?? []));
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

export function experimentToWire({ id, name, createdBy, createdAt }: ExperimentRecord): Experiment {
  return { experimentId: id, name, createdBy, createdAt: new Date(createdAt).toISOString() };
}
