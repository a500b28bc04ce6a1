import { sql } from 'kysely';
import { statement } from '../../statement.ts';
import { first, put, type Verb } from '../../verb.ts';

/** Names the turn among the advisory locks of the database: "Prof", and the number of this one. */
const turn = sql.lit(0x50726f66_0001);

const tryTurn = statement<object>()((db) => ({
  compile: () => sql<{ taken: boolean }>`select pg_try_advisory_xact_lock(${turn}) as taken`.compile(db),
}));

const awaitTurn = statement<object>()((db) => ({
  compile: () => sql`select pg_advisory_xact_lock(${turn})`.compile(db),
}));

/** What the one before made ready is committed when its turn ends, so the next statement sees it. */
export function* postgresPromotionTurn(others: 'wait' | 'leave'): Verb<boolean> {
  if (others === 'leave') return (yield* first(tryTurn, {}))?.taken === true;
  yield* put(awaitTurn, {});
  return true;
}
