import { AuditLog } from '../audit/audit-log.ts';
import { auditHandlers } from '../http/routes/audit.ts';
import type { Area } from './area.ts';
import type { SharedServices } from './shared-services.ts';

/** Constructs the audit log. `composeHttpServer` wraps the handlers of all areas with it. */
export function composeAudit({ store, clock, ids }: SharedServices) {
  const auditLog = new AuditLog({ store: store.audit, commits: store, clock, ids });
  const handlers = auditHandlers(auditLog);
  return { services: { auditLog }, handlers, background: [] } satisfies Area<{ auditLog: AuditLog }, typeof handlers>;
}
