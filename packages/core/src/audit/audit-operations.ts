import { z } from 'zod';
import type { Operation } from '../operation.ts';
import { operation, page } from '../operation-row.ts';
import { cursorSchema, limitSchema } from '../values/wire-values.ts';
import { auditEntrySchema } from './audit-entry.ts';

/** Operations on the audit log. */
export const auditOperations = {
  listAudit: operation({
    method: 'GET',
    path: '/api/audit',
    action: 'audit.read',
    summary: 'List administrative acts and decisions, newest first',
    description:
      'Every call that changes something has one entry, written in the commit of its change. Creating jobs, claims and other calls of workers on their jobs, uploads, deposits, events and read marks have none. A refused call has none.',
    query: z.strictObject({
      target: z.string().max(200).optional().meta({ description: '`<kind>:<id>`, such as `user:0198…`.' }),
      limit: limitSchema(200, 50),
      cursor: cursorSchema,
    }),
    output: page(auditEntrySchema),
    errors: ['invalid_cursor'],
  }),
} as const satisfies Record<string, Operation>;
