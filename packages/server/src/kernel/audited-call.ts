import { AsyncLocalStorage } from 'node:async_hooks';
import type { AuditEntry } from '@proofhouse/core';
import type { Change } from './commit.ts';

/**
 * The audited call that is being handled. The first commit of the call stores its entry. `AuditedCommits` adds the entry
 * to the commit; `Jobs` passes it to the store with the decision about a job.
 */
export class AuditedCall {
  readonly #entry: AuditEntry;
  #isStored = false;

  /** `entry` is the entry with the outcome `unchanged`. */
  constructor(entry: AuditEntry) {
    this.#entry = entry;
  }

  get isStored(): boolean {
    return this.#isStored;
  }

  /** Returns the entry for a call that changed nothing, or whose effects are outside the database. */
  entryWith(outcome: 'unchanged' | 'started'): AuditEntry {
    return { ...this.#entry, outcome };
  }

  /** Returns the entry for the commit with these changes. */
  entryFor(changes: readonly Change[]): AuditEntry {
    const created = changes.flatMap(createdBy);
    const [first = null] = created;
    const detail = created.length === 0 ? this.#entry.detail : { ...this.#entry.detail, created };
    return { ...this.#entry, outcome: 'done', target: this.#entry.target ?? first, detail };
  }

  /** Must be called after the entry was committed. Later commits of the call then add no further entry. */
  stored(): void {
    this.#isStored = true;
  }
}

const calls = new AsyncLocalStorage<AuditedCall>();

/** Runs `work` as a part of the call. */
export function inAuditedCall<Result>(call: AuditedCall, work: () => Promise<Result>): Promise<Result> {
  return calls.run(call, work);
}

/** Returns the call that is being handled, if it is audited and its entry is not stored yet. */
export function unstoredCall(): AuditedCall | undefined {
  const call = calls.getStore();
  return call === undefined || call.isStored ? undefined : call;
}

/** Returns `<kind>:<id>` of a record that the change creates. History entries belong to their artifact and do not count. */
function createdBy(change: Change): string[] {
  if (change.kind === 'add-job') return [`job:${change.job.id}`];
  if (change.kind !== 'insert' || change.record === 'artifact-history') return [];
  return 'id' in change.value ? [`${change.record}:${change.value.id}`] : [];
}
