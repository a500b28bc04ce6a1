import type { Group } from './requirement.ts';
import type { ServerUnderTest } from './server-under-test.ts';

/** One test of a server. It creates everything it needs under random names and does not depend on other scenarios. */
export interface Scenario {
  readonly group: Group;
  /** The behaviour of the server, as a sentence. */
  readonly name: string;
  /** Ids of the requirements that it tests. */
  readonly requirements: readonly string[];
  /** Time limit; default 30 seconds. */
  readonly limitMs?: number;
  /** Throws a `Mismatch` when the behaviour differs, and `NotTried` when the server does not offer it. */
  readonly run: (server: ServerUnderTest) => Promise<void>;
}

export function scenariosOf(group: Group, rows: readonly Omit<Scenario, 'group'>[]): readonly Scenario[] {
  return rows.map((row) => ({ group, ...row }));
}
