import { z } from 'zod';
import { ownedBlob } from '../artifacts/artifact-content.ts';
import type { ArtifactRecord } from '../artifacts/artifact.ts';
import { errorTable, type WireType } from '../error-codes.ts';
import {
  groupIdPattern,
  registeredWorkerIdPattern,
  standingGroups,
  type GroupRecord,
} from '../experiments/experiment.ts';
import type { WorkerRecord } from '../workers/worker.ts';
import type { AppError } from '../app-error.ts';
import { visibleText } from '../values/visible-text.ts';
import { defaultContentType } from '../values/content-type.ts';
import { timeSchema } from '../values/wire-values.ts';
import { actorToJson } from '../people/actor.ts';

// Schemas of the JSON on /v0 (contract: wire-level deposit and fetch; seed 002). Fields are in snake_case. A field
// without a value is absent and not null.

/** Any RFC 3986 URI. */
const uriSchema = z.string().regex(/^[A-Za-z][A-Za-z0-9+.-]*:[^\s]+$/);

export const depositSchema = z
  .strictObject({ artifacts_uri: uriSchema, size_bytes: z.int().min(0), content_type: z.string().min(1) })
  .meta({ id: 'DepositArtifactResponse' });
export type Deposit = z.infer<typeof depositSchema>;

export function depositToJson(artifact: ArtifactRecord): Deposit {
  const { uri, contentType } = artifact;
  return {
    artifacts_uri: uri,
    size_bytes: ownedBlob(artifact).sizeBytes,
    content_type: contentType ?? defaultContentType,
  };
}

/** A text that every store can keep unchanged, and that logs and pages can show unchanged. */
const labelText = z
  .string()
  .refine((text) => !/[\p{Cc}\p{Cs}]/u.test(text), 'must not contain control characters or lone surrogates');

export const labelsSchema = z
  .record(labelText.min(1).max(128), labelText.max(256))
  .refine((labels) => Object.keys(labels).length <= 64, 'must have at most 64 entries');

export const registerWorkerSchema = z
  .strictObject({ name: z.string().optional(), labels: labelsSchema.optional() })
  .meta({ id: 'RegisterWorker' });

const workerFields = {
  worker_id: z.string(),
  experiment_id: z.string(),
  name: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  registered_at: timeSchema,
  registered_by: z.string(),
};

export const v0WorkerSchema = z.strictObject(workerFields).meta({ id: 'WireWorker' });
export type V0Worker = z.infer<typeof v0WorkerSchema>;

export const registeredWorkerSchema = z
  .strictObject({ ...workerFields, registration_token: z.string().meta({ description: 'Shown once; keep it.' }) })
  .meta({ id: 'RegisteredWorker' });

export const reissuedCredentialSchema = z
  .strictObject({ worker_id: z.string(), registration_token: z.string() })
  .meta({ id: 'ReissuedCredential' });

export const whoamiSchema = z
  .strictObject({ worker_id: z.string(), name: z.string().optional() })
  .meta({ id: 'Whoami' });

/** Returns the JSON of a worker, which must have been registered in an experiment. */
export function workerToJson(worker: WorkerRecord): V0Worker {
  return {
    worker_id: worker.id,
    experiment_id: worker.experimentId ?? '',
    ...(worker.name === null ? {} : { name: worker.name }),
    ...(Object.keys(worker.labels).length === 0 ? {} : { labels: { ...worker.labels } }),
    registered_at: new Date(worker.createdAt).toISOString(),
    registered_by: actorToJson(worker.createdBy),
  };
}

/** The id of a worker or a group, or the name of a standing group. An unknown id is accepted and has no effect. */
export const memberIdSchema = z
  .string()
  .refine(
    (id) =>
      registeredWorkerIdPattern.test(id) ||
      groupIdPattern.test(id) ||
      (standingGroups as readonly string[]).includes(id),
    'must be the id of a worker (wkr_…) or of a group (grp_…), or the name of a standing group',
  );

export const createGroupSchema = z
  .strictObject({
    name: z.string().optional(),
    members: z
      .array(memberIdSchema)
      .max(1000)
      .refine((ids) => new Set(ids).size === ids.length, 'must name each member once')
      .optional(),
  })
  .meta({ id: 'CreateGroup' });

export const addMemberSchema = z.strictObject({ member_id: memberIdSchema }).meta({ id: 'AddMember' });

export const v0GroupSchema = z
  .strictObject({
    group_id: z.string(),
    experiment_id: z.string(),
    name: z.string().optional(),
    members: z.array(z.string()),
    created_at: timeSchema,
    created_by: z.string(),
  })
  .meta({ id: 'WireGroup' });
export type V0Group = z.infer<typeof v0GroupSchema>;

export function groupToJson(group: GroupRecord): V0Group {
  return {
    group_id: group.id,
    experiment_id: group.experimentId,
    ...(group.name === null ? {} : { name: group.name }),
    members: [...group.members],
    created_at: new Date(group.createdAt).toISOString(),
    created_by: actorToJson(group.createdBy),
  };
}

const readerSchema = z.string().regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 printable characters');

export const grantReadSchema = z
  .strictObject({ uri: z.string().min(1).max(4096), reader: readerSchema })
  .meta({ id: 'GrantRead' });

export const readGrantSchema = z
  .strictObject({ uri: uriSchema, reader: z.string(), granted_by: z.string(), granted_at: timeSchema })
  .meta({ id: 'ReadGrant' });

interface V0Condition {
  readonly status: number;
  readonly title: string;
}

/** HTTP status and title of each problem type on /v0. */
export const v0Conditions = {
  'bad-request': { status: 400, title: 'The request is not valid.' },
  'experiment-id-mismatch': { status: 400, title: 'The experiment is missing, unknown or not the one in the path.' },
  unauthorized: { status: 401, title: 'A valid credential is required.' },
  forbidden: { status: 403, title: 'The credential does not allow this.' },
  'not-found': { status: 404, title: 'There is nothing there.' },
  'payload-too-large': { status: 413, title: 'The payload is larger than the limit.' },
  'already-exists': { status: 409, title: 'It exists already.' },
  'reserved-identifier': { status: 409, title: 'The identifier is reserved.' },
  'cycle-detected': { status: 409, title: 'The group would become a member of itself.' },
  'invalid-name': { status: 422, title: 'The name is not allowed.' },
} as const satisfies Record<NonNullable<WireType>, V0Condition>;

const v0Types = Object.keys(v0Conditions) as NonNullable<WireType>[];

/**
 * Schema of the body of every error answer on /v0 (RFC 9457). No member is empty. `type` is from the closed list, or
 * `about:blank` if the error has no type in the list.
 */
export const v0ProblemSchema = z
  .strictObject({
    type: z.enum([...v0Types.map((type) => `eden://error/${type}` as const), 'about:blank']),
    title: z.string().min(1),
    status: z.int(),
    detail: z.string().min(1),
    instance: z.url(),
  })
  .meta({ id: 'WireProblem' });
export type V0Problem = z.infer<typeof v0ProblemSchema>;

/** Returns an error as a problem document for /v0. `instance` is the absolute URL of the request. */
export function v0ProblemOf(error: AppError, instance: string): V0Problem {
  const { wireType, http, sentence } = errorTable[error.code];
  const condition: V0Condition = wireType === null ? { status: http, title: sentence } : v0Conditions[wireType];
  return {
    type: wireType === null ? 'about:blank' : `eden://error/${wireType}`,
    title: condition.title,
    status: condition.status,
    detail: error.message === '' ? sentence : visibleText(error.message),
    instance,
  };
}
