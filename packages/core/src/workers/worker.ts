import { z } from 'zod';
import { jobTypePattern, jobTypeRule } from '../queue/job-types.ts';
import type { WorkerPolicy } from '../principal.ts';
import { textSchema, timeSchema, uuidSchema } from '../values/wire-values.ts';
import { actorToJson } from '../people/actor.ts';

/** The identity of a worker, which may have any number of credentials. */
export interface WorkerRecord {
  readonly id: string;
  readonly name: string | null;
  /** Id of the experiment in which the worker was registered. Null for a worker that only has queue tokens. */
  readonly experimentId: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdBy: string;
  readonly createdAt: number;
  /** Version of the record for optimistic locking, counted from 1. */
  readonly version: number;
  /**
   * Counted from 1. Reissuing a registration token raises it. A registration token that was issued with another epoch
   * is refused.
   */
  readonly registrationEpoch: number;
}

/** A worker token as it is stored. It contains the sha256 of the secret and not the secret. */
export interface CredentialRecord {
  readonly id: string;
  readonly workerId: string;
  /** Sha256 of the complete token, in lower-case hex. */
  readonly secretSha256: string;
  readonly description: string | null;
  readonly policy: WorkerPolicy;
  /** Id of the experiment of a registration token (the only credential that /v0 accepts). Null for a queue token. */
  readonly experimentId: string | null;
  /** The worker's `registrationEpoch` at the time when the registration token was created. Null for a queue token. */
  readonly registrationEpoch: number | null;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  /** Time of the last use, updated at most once an hour. */
  readonly lastUsedAt: number | null;
  readonly version: number;
}

const policyFields = {
  allowedRepositories: z.array(textSchema(1, 255)).max(1000).nullish(),
  allowedJobTypes: z.array(z.string().regex(jobTypePattern, jobTypeRule)).max(64).nullish(),
  capabilities: z.array(textSchema(1, 128)).max(64).nullish(),
  canEnqueue: z.boolean().nullish().meta({ description: 'May create jobs, and read those that its worker made.' }),
  readMetrics: z.boolean().nullish().meta({ description: 'May read /metrics and nothing else.' }),
};

/** A worker id must not contain a colon, because a bearer token may be written as `<workerId>:<secret>`. */
export const workerIdSchema = textSchema(1, 255).refine(
  (id) => !id.includes(':') && !reservedWorkerIds.includes(id.toLowerCase()),
  'must not contain a colon nor be "admin", "system" or "internal"',
);

const reservedWorkerIds = ['admin', 'system', 'internal'];

export const createWorkerTokenSchema = z
  .strictObject({
    workerId: workerIdSchema,
    description: textSchema(0, 1000).nullish(),
    ...policyFields,
    expiresAt: timeSchema.nullish(),
  })
  .refine(({ canEnqueue, readMetrics }) => canEnqueue !== true || readMetrics !== true, {
    message: 'a token that reads the metrics may do nothing else: make another one for canEnqueue',
    path: ['readMetrics'],
  })
  .meta({ id: 'CreateWorkerToken' });
export type CreateWorkerToken = z.input<typeof createWorkerTokenSchema>;

export const workerTokenSchema = z
  .object({
    id: uuidSchema,
    workerId: z.string(),
    description: z.string().nullable(),
    allowedRepositories: z.array(z.string()).nullable(),
    allowedJobTypes: z.array(z.string()).nullable(),
    capabilities: z.array(z.string()).nullable(),
    canEnqueue: z.boolean(),
    readMetrics: z.boolean(),
    createdBy: z.string(),
    createdAt: timeSchema,
    expiresAt: timeSchema.nullable(),
    revokedAt: timeSchema.nullable(),
    lastUsedAt: timeSchema.nullable(),
  })
  .meta({ id: 'WorkerToken' });
export type WorkerToken = z.infer<typeof workerTokenSchema>;

/** Schema of a worker in the list of workers that sent a claim or a heartbeat in the last ten minutes. */
export const seenWorkerSchema = z
  .object({
    workerId: z.string(),
    lastSeenAt: timeSchema,
    capabilities: z.array(z.string()),
    allowedTypes: z.array(z.string()).nullable(),
    version: z.string().nullable(),
    holds: z.array(uuidSchema).meta({ description: 'Jobs it holds now, at most 100.' }),
  })
  .meta({ id: 'SeenWorker' });

export const createdWorkerTokenSchema = z
  .object({ token: z.string().meta({ description: 'Shown once; keep it.' }), workerToken: workerTokenSchema })
  .meta({ id: 'CreatedWorkerToken' });

export function workerTokenToJson(credential: CredentialRecord): WorkerToken {
  const time = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
  const list = (values: readonly string[] | undefined): string[] | null => (values === undefined ? null : [...values]);
  return {
    id: credential.id,
    workerId: credential.workerId,
    description: credential.description,
    allowedRepositories: list(credential.policy.allowedRepositories),
    allowedJobTypes: list(credential.policy.allowedJobTypes),
    capabilities: list(credential.policy.capabilities),
    canEnqueue: credential.policy.canEnqueue === true,
    readMetrics: credential.policy.readMetrics === true,
    createdBy: actorToJson(credential.createdBy),
    createdAt: new Date(credential.createdAt).toISOString(),
    expiresAt: time(credential.expiresAt),
    revokedAt: time(credential.revokedAt),
    lastUsedAt: time(credential.lastUsedAt),
  };
}
