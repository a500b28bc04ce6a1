import type { AuditEntry } from '@proofhouse/core';
import type { Page, PageRequest } from '../kernel/page.ts';

/** Reads the audit log. Entries are written by commits (`audit-entry`) and by `JobStore.apply`. */
export interface AuditStore {
  /** Returns entries, newest first by (createdAt, id): all, or those with the target. */
  list(filter: { readonly target?: string | undefined }, page: PageRequest): Promise<Page<AuditEntry>>;
}
