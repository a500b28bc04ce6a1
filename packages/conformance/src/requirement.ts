/** The groups of requirements. A server may conform to some of them. The report says to which ones it conforms. */
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

/** The groups whose scenarios call only `/api/queue`, so they need no experiment. */
export const queueGroups: readonly Group[] = ['queue lifecycle', 'claim atomicity'];

/**
 * How binding a requirement is.
 * - `must`: required for conformance.
 * - `optional`: a server may omit the function. If it has the function, the function must be correct.
 * - `latitude`: the server may decide. It is listed so that no scenario tests it by mistake.
 */
export type Level = 'must' | 'optional' | 'latitude';

/**
 * One obligation of a server of this protocol. Scenarios cite requirements by id. If no scenario cites a requirement,
 * `uncovered` must state the reason, or a test of the conformance kit fails.
 */
export interface Requirement {
  /** Stable id, such as `AT-03`. An id is never used again for another requirement. */
  readonly id: string;
  readonly group: Group;
  readonly level: Level;
  /** The obligation, in one sentence. */
  readonly text: string;
  /** The document that states the obligation. */
  readonly source: string;
  /** The reason why no scenario tests the requirement: it is not visible from outside, or it is left to the server. */
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

/**
 * Returns a requirement of the level `must` that is visible only inside the server, so no scenario can test it. An
 * example is that data survives a power failure.
 */
export function operational(text: string, source: string, uncovered: string): Row {
  return { level: 'must', text, source, uncovered };
}
