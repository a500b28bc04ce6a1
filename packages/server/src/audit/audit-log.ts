import { actorOf, auditEntryToJson, userActor, type AuditEntryJson, type Principal } from '@proofhouse/core';
import { AuditedCall, inAuditedCall, unstoredCall } from '../kernel/audited-call.ts';
import { insert, type Commit, type CommitResult, type Commits } from '../kernel/commit.ts';
import type { Ids } from '../kernel/ids.ts';
import { decodeCursor, nextCursorOf } from '../kernel/page.ts';
import type { Clock } from '../kernel/time/clock.ts';
import type { AuditStore } from './audit-store.ts';

/** What the audit log stores about a call before it runs. */
export interface AuditedAct {
  readonly principal: Principal;
  readonly operation: string;
  readonly target: string | null;
  readonly remote: string | null;
  readonly given: Readonly<Record<string, string | number | boolean>>;
  /** True if the effects of the call are outside the database, so that no commit can store the entry together with them. */
  readonly isOutside: boolean;
}

/** Writes and lists the audit log. */
export class AuditLog {
  readonly #store: AuditStore;
  readonly #commits: Commits;
  readonly #clock: Clock;
  readonly #ids: Ids;

  constructor(parts: { store: AuditStore; commits: Commits; clock: Clock; ids: Ids }) {
    this.#store = parts.store;
    this.#commits = parts.commits;
    this.#clock = parts.clock;
    this.#ids = parts.ids;
  }

  /**
   * Runs a call and stores exactly one entry if it succeeds, or one for each item of a bulk call (`inAuditedItem`). The first commit of the call stores the entry. If the call
   * commits nothing, the entry is committed afterwards, with the outcome `unchanged`. The entry of a call with effects
   * outside the database is committed before the call runs.
   */
  async run<Result>(act: AuditedAct, work: () => Promise<Result>): Promise<Result> {
    const call = new AuditedCall(this.#entryOf(act), () => this.#ids.uuid());
    if (act.isOutside) await this.#write(call, 'started');
    const result = await inAuditedCall(call, work);
    for (const each of call.unstored()) await this.#write(each, 'unchanged');
    return result;
  }

  /** Lists entries, newest first. Errors: `invalid_cursor`. */
  async list(query: {
    readonly target?: string | undefined;
    readonly limit: number;
    readonly cursor?: string | undefined;
  }): Promise<{ items: AuditEntryJson[]; nextCursor: string | null }> {
    const filter = { list: 'audit', target: query.target };
    const page = { limit: query.limit, after: decodeCursor(filter, query.cursor) };
    const { items, next } = await this.#store.list(filter, page);
    return { items: items.map(auditEntryToJson), nextCursor: nextCursorOf(filter, next) };
  }

  #entryOf({ principal, operation, target, remote, given }: AuditedAct) {
    const brokerId = principal.kind === 'worker' ? undefined : principal.brokerId;
    return {
      id: this.#ids.uuid(),
      createdAt: this.#clock.now(),
      actor: actorOf(principal),
      broker: brokerId === undefined ? null : userActor(brokerId),
      operation,
      target,
      outcome: 'unchanged',
      remote,
      detail: Object.keys(given).length === 0 ? {} : { given },
    } as const;
  }

  async #write(call: AuditedCall, outcome: 'unchanged' | 'started'): Promise<void> {
    await this.#commits.commit({ changes: [insert('audit-entry', call.entryWith(outcome))], preconditions: [] });
    call.stored();
  }
}

/**
 * Passes commits to the store. Adds the audit entry of the call that is being handled, if the call is audited and its
 * entry is not stored yet.
 */
export class AuditedCommits implements Commits {
  readonly #commits: Commits;

  constructor(commits: Commits) {
    this.#commits = commits;
  }

  async commit(commit: Commit): Promise<CommitResult> {
    const call = commit.isPreparation === true || commit.changes.length === 0 ? undefined : unstoredCall();
    if (call === undefined) return this.#commits.commit(commit);
    const entry = insert('audit-entry', call.entryFor(commit.changes));
    const result = await this.#commits.commit({ ...commit, changes: [...commit.changes, entry] });
    if (result.outcome === 'done') call.stored();
    return result;
  }
}
