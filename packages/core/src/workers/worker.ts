import { z } from 'zod';
import { jobTypePattern, jobTypeRule } from '../queue/job-types.ts';
import type { WorkerPolicy } from '../principal.ts';
import { textSchema, timeSchema, uuidSchema } from '../values/wire-values.ts';

/** A worker's identity; any number of credentials speak for it. */
export interface WorkerRecord {
  readonly id: string;
  readonly name: string | null;
  /** The experiment it was registered in; a worker that only ever got queue tokens has none. */
  readonly experimentId: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdBy: string;
  readonly createdAt: number;
  /** Optimistic lock, from 1. */
  readonly version: number;
  /** From 1; raised when a registration token is reissued. A registration token of another epoch is refused. */
  readonly registrationEpoch: number;
}

/** A worker token as it is kept: never the secret, only its sha256. */
export interface CredentialRecord {
  readonly id: string;
  readonly workerId: string;
  /** Lower-case hex of the whole token. */
  readonly secretSha256: string;
  readonly description: string | null;
  readonly policy: WorkerPolicy;
  /** Set on a registration token, the only credential that opens /v0; null on a queue token. */
  readonly experimentId: string | null;
  /** The worker's epoch for which a registration token was made; null on a queue token. */
  readonly registrationEpoch: number | null;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  /** Kept coarsely: at most one write an hour. */
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

/** No colon: a bearer may be written `<workerId>:<secret>`. */
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

/** A worker that asked for work, or kept a lease alive, lately. */
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
    createdBy: credential.createdBy,
    createdAt: new Date(credential.createdAt).toISOString(),
    expiresAt: time(credential.expiresAt),
    revokedAt: time(credential.revokedAt),
    lastUsedAt: time(credential.lastUsedAt),
  };
}
