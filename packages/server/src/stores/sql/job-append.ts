import { checkFence } from '@proofhouse/core';
import type { Appended, AppendRequest } from '../../jobs/job-store.ts';
import { nameResource, useKey } from './idempotency.ts';
import { jobFromRow } from './job-row.ts';
import { insertEvents } from './job-writes.ts';
import { lockJob } from './job-apply.ts';
import type { SqlDialect } from './sql-dialect.ts';
import { statement } from './statement.ts';
import { first, put, Undo, type Verb } from './verb.ts';

const setLastSeq = statement<{ id: string; lastSeq: number }>()((db, p) =>
  db.updateTable('jobs').set({ last_seq: p.lastSeq }).where('id', '=', p.id),
);

export function* appendEvents(dialect: SqlDialect, request: AppendRequest): Verb<Appended | undefined> {
  const { jobId, fence, events, now, idempotency } = request;
  if (idempotency !== undefined) {
    const known = yield* useKey({ ...idempotency, resourceId: '' }, now);
    if (known.use === 'conflict') return { outcome: 'conflict' };
    if (known.use === 'repeated') return { outcome: 'repeated', firstSeq: Number(known.resourceId) };
  }
  const row = yield* first(lockJob, { id: jobId });
  if (row === undefined) throw new Undo(undefined);
  const refusal = checkFence(jobFromRow(row), fence, now);
  if (refusal !== undefined) throw new Undo({ outcome: 'refused', refusal } satisfies Appended);
  const firstSeq = row.last_seq + 1;
  yield* put(setLastSeq, { id: jobId, lastSeq: row.last_seq + events.length });
  yield* insertEvents(dialect, jobId, row.last_seq, events, now);
  if (idempotency !== undefined) yield* nameResource(idempotency, String(firstSeq));
  return { outcome: 'appended', firstSeq };
}
