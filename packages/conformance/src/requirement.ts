/** The parts of the protocol. A server may conform to some of them; the report says to which. */
export const groups = [
  'artifact transfer',
  'worker registration',
  'worker auth',
  'problem json',
  'groups',
  'queue lifecycle',
  'claim atomicity',
] as const;
export type Group = (typeof groups)[number];

/** The groups that need no experiment: they speak to `/api/queue` alone. */
export const queueGroups: readonly Group[] = ['queue lifecycle', 'claim atomicity'];

/**
 * `must`: a server without it does not conform. `optional`: a server may leave it out, and one that has it has
 * it right. `latitude`: left to the server on purpose; written down so that no scenario asserts it by accident.
 */
export type Level = 'must' | 'optional' | 'latitude';

/** What a server of this protocol owes, as data: scenarios cite ids, and an id that no scenario cites is a failure. */
export interface Requirement {
  /** Stable and never used again, such as `AT-03`. */
  readonly id: string;
  readonly group: Group;
  readonly level: Level;
  /** The obligation, in one sentence. */
  readonly text: string;
  /** Whose words it comes from. */
  readonly source: string;
  /** Why no scenario shows it: what cannot be seen from outside, or is left to the server. */
  readonly uncovered?: string;
}

type Row = Omit<Requirement, 'id' | 'group'>;

export function requirementsOf(group: Group, rows: Readonly<Record<string, Row>>): readonly Requirement[] {
  return Object.entries(rows).map(([id, row]) => ({ id, group, ...row }));
}

export function must(text: string, source: string): Row {
  return { level: 'must', text, source };
}

export function optional(text: string, source: string): Row {
  return { level: 'optional', text, source };
}

export function latitude(text: string, source: string, uncovered = 'left to the server'): Row {
  return { level: 'latitude', text, source, uncovered };
}

/** An obligation that shows only from inside the server, such as what survives a power cut. */
export function operational(text: string, source: string, uncovered: string): Row {
  return { level: 'must', text, source, uncovered };
}
