import type { Group } from './requirement.ts';
import type { ServerUnderTest } from './server-under-test.ts';

/** One story told to a server. It makes what it needs under random names and knows nothing of other scenarios. */
export interface Scenario {
  readonly group: Group;
  /** What the server does, as a sentence. */
  readonly name: string;
  /** Ids of the requirements that it shows. */
  readonly requirements: readonly string[];
  /** How long it may take; 30 seconds unless said. */
  readonly limitMs?: number;
  /** Throws a `Mismatch` when the server does something else, and `NotTried` when it offers none of it. */
  readonly run: (server: ServerUnderTest) => Promise<void>;
}

export function scenariosOf(group: Group, rows: readonly Omit<Scenario, 'group'>[]): readonly Scenario[] {
  return rows.map((row) => ({ group, ...row }));
}
