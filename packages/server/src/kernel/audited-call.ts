import { AsyncLocalStorage } from 'node:async_hooks';
import type { AuditEntry } from '@proofhouse/core';
import type { Change } from './commit.ts';

/**
 * The audited call that is being handled. The first commit of the call stores its entry. `AuditedCommits` adds the entry
 * to the commit; `Jobs` passes it to the store with the decision about a job.
 */
export class AuditedCall {
  readonly #entry: AuditEntry;
  readonly #newId: () => string;
  readonly #items: AuditedCall[] = [];
  #isStored = false;

  /** `entry` is the entry with the outcome `unchanged`. `newId` returns the id of the entry of an item. */
  constructor(entry: AuditEntry, newId: () => string) {
    this.#entry = entry;
    this.#newId = newId;
  }

  /** Returns the calls that succeeded and whose entries are not stored yet: this call, or its items if it has items. */
  unstored(): readonly AuditedCall[] {
    return (this.#items.length === 0 ? [this] : this.#items).filter(({ isStored }) => !isStored);
  }

  /** Runs one item of the call. The entry of the item has the target of the item. An item that fails has no entry. */
  async runItem<Result>(target: string, work: () => Promise<Result>): Promise<Result> {
    const item = new AuditedCall({ ...this.#entry, id: this.#newId(), target }, this.#newId);
    this.#items.push(item);
    try {
      return await inAuditedCall(item, work);
    } catch (error) {
      item.stored();
      throw error;
    }
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

  /** Must be called when no commit of the call may add the entry any more, because it is stored or the call failed. */
  stored(): void {
    this.#isStored = true;
  }
}

const calls = new AsyncLocalStorage<AuditedCall>();

/** Runs `work` as a part of the call. */
export function inAuditedCall<Result>(call: AuditedCall, work: () => Promise<Result>): Promise<Result> {
  return calls.run(call, work);
}

/** Runs one item of a bulk call, such as one job of many. Each item has an entry of its own in the audit log. */
export function inAuditedItem<Result>(target: string, work: () => Promise<Result>): Promise<Result> {
  const call = calls.getStore();
  return call === undefined ? work() : call.runItem(target, work);
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
