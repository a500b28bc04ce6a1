/** The parts of the protocol. A server may conform to some of them; the report states to which. */
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

/** The groups that need no experiment. They call `/api/queue` only. */
export const queueGroups: readonly Group[] = ['queue lifecycle', 'claim atomicity'];

/**
 * `must`: required for conformance. `optional`: a server may omit it, but must implement it correctly if it is present.
 * `latitude`: intentionally left to the server; recorded so that no scenario asserts it by accident.
 */
export type Level = 'must' | 'optional' | 'latitude';

/**
 * One obligation of a server of this protocol. Scenarios cite ids, and an id without a scenario is a failure of the
 * kit.
 */
export interface Requirement {
  /** Stable and never reused, such as `AT-03`. */
  readonly id: string;
  readonly group: Group;
  readonly level: Level;
  /** The obligation, in one sentence. */
  readonly text: string;
  /** The document that it comes from. */
  readonly source: string;
  /** The reason why no scenario tests it: it is not visible from outside, or is left to the server. */
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

/** An obligation that is visible only inside the server, such as surviving a power cut. */
export function operational(text: string, source: string, uncovered: string): Row {
  return { level: 'must', text, source, uncovered };
}
