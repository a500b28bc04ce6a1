import { checkEventFence, mergedFindings } from '@proofhouse/core';
import type { Appended, AppendRequest } from '../../../jobs/job-store.ts';
import { timeAt, type StoreTime } from '../../../kernel/time/store-time.ts';
import { eventsAfter, findJob } from './job-reads.ts';
import { nameResource, useKey } from '../records/idempotency.ts';
import { eventFromRow, findingsToRow, jobFromRow } from './job-row.ts';
import { insertEvents } from './job-writes.ts';
import { lockJob } from './job-apply.ts';
import type { QueueDialect } from './queue-dialect.ts';
import { statement } from '../engine/statement.ts';
import { first, put, rows, Undo, type Verb } from '../engine/verb.ts';

const setLastSeq = statement<{ id: string; lastSeq: number }>()((db, p) =>
  db
    .updateTable('jobs')
    .set((eb) => ({ last_seq: p.lastSeq, version: eb('version', '+', 1) }))
    .where('id', '=', p.id),
);

const setFindings = statement<{ id: string; findings: string | null }>()((db, p) =>
  db.updateTable('jobs').set({ findings: p.findings }).where('id', '=', p.id),
);

export function* appendEvents(
  dialect: QueueDialect,
  request: AppendRequest,
  time: StoreTime,
): Verb<Appended | undefined> {
  const { jobId, fence, events, idempotency } = request;
  const { now, leasesAt } = timeAt(request.now, time);
  if (idempotency !== undefined) {
    const used = yield* useKey({ ...idempotency, resourceId: '' }, now);
    if (used.use === 'conflict') return { outcome: 'conflict' };
    if (used.use === 'repeated') return yield* repeated(jobId, Number(used.resourceId), events.length);
  }
  const row = yield* first(lockJob, { id: jobId });
  if (row === undefined) throw new Undo(undefined);
  const job = jobFromRow(row);
  const refusal = checkEventFence(job, fence, now, leasesAt);
  if (refusal !== undefined) throw new Undo({ outcome: 'refused', refusal } satisfies Appended);
  const firstSeq = row.last_seq + 1;
  yield* put(setLastSeq, { id: jobId, lastSeq: row.last_seq + events.length });
  const findings = request.findings?.(firstSeq) ?? null;
  if (findings !== null) {
    yield* put(setFindings, { id: jobId, findings: findingsToRow(mergedFindings(job.findings, findings)) });
  }
  yield* insertEvents(dialect, jobId, row.last_seq, events, now);
  if (idempotency !== undefined) yield* nameResource(idempotency, String(firstSeq));
  const written = events.map((event, index) => ({ ...event, jobId, seq: firstSeq + index, createdAt: now }));
  return { outcome: 'appended', events: written, category: row.category, status: row.status };
}

function* repeated(jobId: string, firstSeq: number, count: number): Verb<Appended | undefined> {
  const row = yield* first(findJob, { id: jobId });
  if (row === undefined) return undefined;
  const found = yield* rows(eventsAfter, { jobId, after: firstSeq - 1, limit: count });
  return { outcome: 'repeated', events: found.map(eventFromRow), category: row.category, status: row.status };
}
