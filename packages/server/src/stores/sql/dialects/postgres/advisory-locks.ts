import { sql } from 'kysely';
import type { AdvisoryLock } from '../../queue/queue-dialect.ts';
import { statementsBy } from '../../engine/statement.ts';
import { first, put, type Verb } from '../../engine/verb.ts';

/**
 * Keys of the advisory locks in the database. A key consists of "Prof" in ASCII and a number. `read-only-role.ts` uses
 * the key with the number 2.
 */
const keys: Readonly<Record<AdvisoryLock, number>> = { promotion: 0x50726f66_0001, routes: 0x50726f66_0003 };

const tryLock = statementsBy((lock: AdvisoryLock, db) => ({
  compile: () => sql<{ taken: boolean }>`select pg_try_advisory_xact_lock(${sql.lit(keys[lock])}) as taken`.compile(db),
}));

const awaitLock = statementsBy((lock: AdvisoryLock, db) => ({
  compile: () => sql`select pg_advisory_xact_lock(${sql.lit(keys[lock])})`.compile(db),
}));

/**
 * Acquires the advisory lock until the transaction ends. The previous holder of the lock has committed by then, so the
 * next statement sees the writes of that holder.
 */
export function* postgresAdvisoryLock(lock: AdvisoryLock, others: 'wait' | 'skip'): Verb<boolean> {
  if (others === 'skip') return (yield* first(tryLock(lock), {}))?.taken === true;
  yield* put(awaitLock(lock), {});
  return true;
}
