import { sql } from 'kysely';
import type { Turn } from '../../queue/queue-dialect.ts';
import { statementsBy } from '../../engine/statement.ts';
import { first, put, type Verb } from '../../engine/verb.ts';

/** Names the turns among the advisory locks of the database: "Prof", and a number (2 is `read-only-role.ts`'s). */
const locks: Readonly<Record<Turn, number>> = { promotion: 0x50726f66_0001, routes: 0x50726f66_0003 };

const tryTurn = statementsBy((of: Turn, db) => ({
  compile: () => sql<{ taken: boolean }>`select pg_try_advisory_xact_lock(${sql.lit(locks[of])}) as taken`.compile(db),
}));

const awaitTurn = statementsBy((of: Turn, db) => ({
  compile: () => sql`select pg_advisory_xact_lock(${sql.lit(locks[of])})`.compile(db),
}));

/** What the one before did is committed when its turn ends, so the next statement sees it. */
export function* postgresTurn(of: Turn, others: 'wait' | 'leave'): Verb<boolean> {
  if (others === 'leave') return (yield* first(tryTurn(of), {}))?.taken === true;
  yield* put(awaitTurn(of), {});
  return true;
}
