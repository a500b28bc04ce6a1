import type { AuditLog } from '../../audit/audit-log.ts';
import type { Handlers } from '../operation-route.ts';

/** Returns the handler that lists the audit log. */
export function auditHandlers(log: AuditLog): Pick<Handlers, 'listAudit'> {
  return {
    listAudit: async ({ query }) => ({ body: await log.list(query) }),
  };
}
