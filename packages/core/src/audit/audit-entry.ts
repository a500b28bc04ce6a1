import { z } from 'zod';
import { actorToJson } from '../people/actor.ts';
import { timeSchema, uuidSchema } from '../values/wire-values.ts';

/**
 * What an audited call did. `done`: it changed records; the entry was written in the commit of the change. `unchanged`:
 * it succeeded, and there was nothing to change. `started`: its effects are outside the database, such as the deletion
 * of bytes, so the entry was written before the call ran. A call that was refused has no entry.
 */
export const auditOutcomes = ['done', 'unchanged', 'started'] as const;
export type AuditOutcome = (typeof auditOutcomes)[number];

/** One entry of the audit log. Entries are never changed or deleted, and never contain a token or a secret. */
export interface AuditEntry {
  readonly id: string;
  /** Time at which the call began, epoch ms. */
  readonly createdAt: number;
  /** The actor (`actorOf`) in whose name the call was made. */
  readonly actor: string;
  /** The actor of the broker that made the call for `actor`; null if the actor made the call itself. */
  readonly broker: string | null;
  /** Id of the operation in the operations table. */
  readonly operation: string;
  /** `<kind>:<id>` of the record that the path names, else of the first record that the call created; null if neither. */
  readonly target: string | null;
  readonly outcome: AuditOutcome;
  /** Network address of the caller; null if it is not known. */
  readonly remote: string | null;
  readonly detail: AuditDetail;
}

export interface AuditDetail {
  /** `<kind>:<id>` of each record that the commit created. */
  readonly created?: readonly string[];
  /** The fields of the body that the row of the operation lists in `audit.fields`. */
  readonly given?: Readonly<Record<string, string | number | boolean>>;
}

/** Schema of an entry of the audit log in answers of /api. */
export const auditEntrySchema = z
  .object({
    id: uuidSchema,
    at: timeSchema,
    actor: z.string().meta({ description: '`admin`, `system`, or the id of a user or worker.' }),
    onBehalfOf: z.string().optional().meta({
      description: 'Of a call through a broker: the id of the user whose rights it had. The actor is then the broker.',
    }),
    operation: z.string(),
    target: z.string().nullable().meta({ description: '`<kind>:<id>` of the record that the call is about.' }),
    outcome: z.enum(auditOutcomes),
    remote: z.string().nullable(),
    detail: z.object({
      created: z.array(z.string()).optional(),
      given: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
    }),
  })
  .meta({ id: 'AuditEntry' });
export type AuditEntryJson = z.infer<typeof auditEntrySchema>;

export function auditEntryToJson(entry: AuditEntry): AuditEntryJson {
  const { id, createdAt, actor, broker, operation, target, outcome, remote, detail } = entry;
  const who =
    broker === null ? { actor: actorToJson(actor) } : { actor: actorToJson(broker), onBehalfOf: actorToJson(actor) };
  const { created, given } = detail;
  return {
    id,
    at: new Date(createdAt).toISOString(),
    ...who,
    operation,
    target,
    outcome,
    remote,
    detail: {
      ...(created === undefined ? {} : { created: [...created] }),
      ...(given === undefined ? {} : { given: { ...given } }),
    },
  };
}
