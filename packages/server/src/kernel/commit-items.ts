import { AppError } from '@proofhouse/core';
import type { Change, Commit, Precondition } from './commit.ts';

/**
 * Largest number of items of one commit. It is the limit of TransactWriteItems in DynamoDB, to which commits can also
 * be mapped.
 */
export const maxItems = 100;

/** Throws `internal` if the commit has more than `maxItems` items. The caller must divide it into several commits. */
export function requireFewItems(commit: Commit): void {
  const items = itemsOf(commit);
  if (items <= maxItems) return;
  const message = `A commit has ${String(items)} items; at most ${String(maxItems)} fit in one transaction of every store.`;
  throw new AppError('internal', message);
}

/**
 * Returns the number of items of a commit, as TransactWriteItems counts them. Each row that the commit writes or checks
 * counts once. These are the rows of changes, the rows of preconditions that no change writes, and the idempotency key.
 * Rows that a store derives from a record, such as blob owners and usage counters, do not count.
 */
export function itemsOf({ changes, preconditions, idempotency }: Commit): number {
  const items = new Set([...changes.flatMap(itemsOfChange), ...preconditions.map(itemOfPrecondition)]);
  return items.size + (idempotency === undefined ? 0 : 1);
}

function itemsOfChange(change: Change, index: number): string[] {
  switch (change.kind) {
    case 'insert':
      // A record without an id counts as one row, because no precondition can name it.
      return 'id' in change.value ? [item(change.record, change.value.id)] : [item('insert', String(index))];
    case 'update':
      return [item(change.record, change.value.id)];
    case 'raise':
      return [item(change.record, change.id)];
    case 'take-path':
      return [item('path', change.jobId, change.path)];
    // Appending an event also writes the row of the job, because `lastSeq` is there.
    case 'append-event':
      return [item('job', change.jobId), item('event', String(index))];
    // A new job also inserts its route and its first event.
    case 'add-job':
      return [item('job', change.job.id), item('route', String(index)), item('event', String(index))];
    case 'add-member':
    case 'remove-member':
      return [item('group', change.groupId), item('member', change.groupId, change.memberId)];
  }
}

function itemOfPrecondition(precondition: Precondition): string {
  switch (precondition.kind) {
    case 'exists':
    case 'unchanged':
    case 'counter':
      return item(precondition.record, precondition.id);
    case 'job-over':
    case 'job-held':
      return item('job', precondition.jobId);
    case 'newest-artifact':
      return item('newest', precondition.jobId, precondition.name);
  }
}

function item(...parts: readonly string[]): string {
  return JSON.stringify(parts);
}
