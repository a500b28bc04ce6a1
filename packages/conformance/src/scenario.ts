import type { Group } from './requirement.ts';
import type { ServerUnderTest } from './server-under-test.ts';

/**
 * One test of a server. A scenario creates everything that it needs, under random names. So it does not depend on other
 * scenarios.
 */
export interface Scenario {
  readonly group: Group;
  /** A sentence that states the expected behaviour of the server. */
  readonly name: string;
  /** Ids of the requirements that this scenario tests. */
  readonly requirements: readonly string[];
  /** Time limit of the whole scenario in milliseconds. Default: 30 seconds. */
  readonly limitMs?: number;
  /**
   * Throws `Mismatch` if the server behaves differently, and `NotTried` if the server does not offer what is tested.
   */
  readonly run: (server: ServerUnderTest) => Promise<void>;
}

export function scenariosOf(group: Group, rows: readonly Omit<Scenario, 'group'>[]): readonly Scenario[] {
  return rows.map((row) => ({ group, ...row }));
}
