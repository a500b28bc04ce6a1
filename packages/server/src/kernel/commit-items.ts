import { AppError } from '@proofhouse/core';
import type { Change, Commit, Precondition } from './commit.ts';

/** Items of one commit at most: the limit of DynamoDB's TransactWriteItems. */
export const maxItems = 100;

/** Errors: `internal` when the commit has more than `maxItems` items; its caller must write it in several commits. */
export function requireFewItems(commit: Commit): void {
  const items = itemsOf(commit);
  if (items <= maxItems) return;
  const message = `A commit has ${String(items)} items; at most ${String(maxItems)} fit in one transaction of every store.`;
  throw new AppError('internal', message);
}

/**
 * The rows that a commit writes or checks, each counted once, as TransactWriteItems counts items: changes, preconditions on
 * rows that no change writes, and the idempotency key. Rows that a store derives from a record, such as owners of blobs and
 * usage, are not counted.
 */
export function itemsOf({ changes, preconditions, idempotency }: Commit): number {
  const items = new Set([...changes.flatMap(itemsOfChange), ...preconditions.map(itemOfPrecondition)]);
  return items.size + (idempotency === undefined ? 0 : 1);
}

function itemsOfChange(change: Change, index: number): string[] {
  switch (change.kind) {
    case 'insert':
      // No precondition names a record that has no id of its own.
      return 'id' in change.value ? [item(change.record, change.value.id)] : [item('insert', String(index))];
    case 'update':
      return [item(change.record, change.value.id)];
    case 'raise':
      return [item(change.record, change.id)];
    case 'take-path':
      return [item('path', change.jobId, change.path)];
    // An event also raises its job's `lastSeq`.
    case 'append-event':
      return [item('job', change.jobId), item('event', String(index))];
    // The job with its route and its first event.
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
