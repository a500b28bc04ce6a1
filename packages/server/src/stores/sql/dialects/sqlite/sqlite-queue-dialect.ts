import { insertJobsOneByOne, insertOneByOne, writeOneByOne } from '../../queue/job-writes.ts';
import type { QueueDialect } from '../../queue/queue-dialect.ts';
import { takeOneByOne } from '../../records/idempotency.ts';
import type { Verb } from '../../engine/verb.ts';
import { sqliteClaimCandidates } from './claim-candidates.ts';
import { isClosedRoute } from './sqlite-errors.ts';
import { sqliteSyntax } from './sqlite-syntax.ts';

// eslint-disable-next-line require-yield -- the only writer needs no lock.
function* alwaysTaken(): Verb<boolean> {
  return true;
}

/**
 * The operations of the queue on SQLite. One process writes, in one transaction at a time. So rows need no locks, and
 * each row is written by its own statement.
 */
export const sqliteQueueDialect: QueueDialect = {
  ...sqliteSyntax,
  // Limits for batching calls. Writes already share a commit (see `WriteQueue`), so only one batch runs at a time.
  // Claims in one batch also share a query for candidates.
  batchLimits: { calls: 64, verbs: 1 },
  claimCandidates: sqliteClaimCandidates,
  advisoryLock: alwaysTaken,
  isClosedRoute,
  insertJobs: insertJobsOneByOne,
  writeJobs: writeOneByOne,
  insertEvents: insertOneByOne,
  takeKeys: takeOneByOne,
};
