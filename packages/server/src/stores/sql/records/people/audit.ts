import type { AuditDetail, AuditEntry } from '@proofhouse/core';
import type { AuditStore } from '../../../../audit/audit-store.ts';
import type { Page, PageRequest } from '../../../../kernel/page.ts';
import { newestFirst, pageOf, pageStart, placeOf, type PageParams, type Place } from '../../engine/paging.ts';
import type { Placeholders } from '../../engine/placeholder.ts';
import type { AuditEntryRow } from '../../engine/schema.ts';
import type { SqlEngine } from '../../engine/sql-engine.ts';
import { statement, statementsBy } from '../../engine/statement.ts';
import { put, rows, type Verb } from '../../engine/verb.ts';

const listAll = statementsBy((place: Place, db, p: Placeholders<PageParams>) =>
  newestFirst(db.selectFrom('audit_entries').selectAll(), place, p).limit(p.limit),
);

const listOfTarget = statementsBy((place: Place, db, p: Placeholders<PageParams & { target: string }>) =>
  newestFirst(db.selectFrom('audit_entries').selectAll().where('target', '=', p.target), place, p).limit(p.limit),
);

const insertEntry = statement<AuditEntryRow>()((db, p) =>
  db.insertInto('audit_entries').values({
    id: p.id,
    created_at: p.created_at,
    actor: p.actor,
    broker: p.broker,
    operation: p.operation,
    target: p.target,
    outcome: p.outcome,
    remote: p.remote,
    detail: p.detail,
  }),
);

/** Writes the entry of a call that changes a job by `JobStore.apply` and not by a commit. */
export function* insertAuditEntry(entry: AuditEntry): Verb<void> {
  yield* put(insertEntry, auditEntryToRow(entry));
}

export function auditEntryToRow({ detail, createdAt, ...entry }: AuditEntry): AuditEntryRow {
  return { ...entry, created_at: createdAt, detail: JSON.stringify(detail) };
}

function auditEntryFromRow({ detail, created_at: createdAt, ...row }: AuditEntryRow): AuditEntry {
  return { ...row, createdAt, detail: JSON.parse(detail) as AuditDetail };
}

/** Reads the audit log. */
export class SqlAuditStore implements AuditStore {
  readonly #engine: SqlEngine;

  constructor(engine: SqlEngine) {
    this.#engine = engine;
  }

  list({ target }: { readonly target?: string | undefined }, page: PageRequest): Promise<Page<AuditEntry>> {
    return this.#engine.read(function* () {
      const place = placeOf(page.after);
      const found =
        target === undefined
          ? yield* rows(listAll(place), pageStart(page))
          : yield* rows(listOfTarget(place), { target, ...pageStart(page) });
      const { items, next } = pageOf(found, page.limit);
      return { items: items.map(auditEntryFromRow), next };
    });
  }
}
