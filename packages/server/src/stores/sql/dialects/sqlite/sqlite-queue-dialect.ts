import { outlookThenHeads } from '../../queue/due-times.ts';
import { insertOneByOne, writeOneByOne } from '../../queue/job-writes.ts';
import type { QueueDialect } from '../../queue/queue-dialect.ts';
import { takeOneByOne } from '../../records/idempotency.ts';
import type { Verb } from '../../engine/verb.ts';
import { sqliteReadyHeads } from './ready-heads.ts';
import { sqliteSyntax } from './sqlite-syntax.ts';

// eslint-disable-next-line require-yield -- the only writer needs no lock.
function* alwaysMyTurn(): Verb<boolean> {
  return true;
}

/** One process writes, in one transaction at a time: no locks, and one statement a row. */
export const sqliteQueueDialect: QueueDialect = {
  ...sqliteSyntax,
  // Verbs share commits anyway; batched claims also share one read of the queue.
  batchLimits: { calls: 64, verbs: 1 },
  readyHeads: sqliteReadyHeads,
  outlookAndHeads: (routes, count, known) => outlookThenHeads(known, () => sqliteReadyHeads(routes, count)),
  turn: alwaysMyTurn,
  writeJobs: writeOneByOne,
  insertEvents: insertOneByOne,
  takeKeys: takeOneByOne,
};
