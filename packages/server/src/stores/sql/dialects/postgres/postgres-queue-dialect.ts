import type { QueueDialect } from '../../queue/queue-dialect.ts';
import { postgresInsertEvents, postgresTakeKeys, postgresWriteJobs } from './bulk-writes.ts';
import { postgresInsertJobs } from './job-inserts.ts';
import { isClosedRoute } from './postgres-errors.ts';
import { postgresSyntax } from './postgres-syntax.ts';
import { postgresClaimCandidates } from './claim-candidates.ts';
import { postgresAdvisoryLock } from './advisory-locks.ts';

/**
 * The operations of the queue on Postgres. Several servers write at the same time, each over a network, so rows are
 * locked and round trips are saved.
 */
export const postgresQueueDialect: QueueDialect = {
  ...postgresSyntax,
  batchLimits: { calls: 64, verbs: 2 },
  claimCandidates: postgresClaimCandidates,
  advisoryLock: postgresAdvisoryLock,
  isClosedRoute,
  insertJobs: postgresInsertJobs,
  writeJobs: postgresWriteJobs,
  insertEvents: postgresInsertEvents,
  takeKeys: postgresTakeKeys,
};
