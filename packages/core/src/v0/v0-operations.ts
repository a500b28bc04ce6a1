import { z } from 'zod';
import type { Operation } from '../operation.ts';
import { operation } from '../operation-row.ts';
import {
  addMemberSchema,
  createGroupSchema,
  depositSchema,
  grantReadSchema,
  readGrantSchema,
  registeredWorkerSchema,
  registerWorkerSchema,
  reissuedCredentialSchema,
  whoamiSchema,
  v0GroupSchema,
  v0WorkerSchema,
} from './v0-models.ts';
import { cursorSchema } from '../values/wire-values.ts';

const ofExperiment = { experimentId: z.string() };
const experimentParams = z.strictObject(ofExperiment);
const workerParams = z.strictObject({ ...ofExperiment, workerId: z.string() });
const groupParams = z.strictObject({ ...ofExperiment, groupId: z.string() });
const memberParams = z.strictObject({ ...ofExperiment, groupId: z.string(), memberId: z.string() });
/** Query of a list of workers or groups. Without `limit` the answer contains the complete list. */
const namedList = z.strictObject({
  name: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(1000).optional(),
  cursor: cursorSchema,
});
/** The cursor to the next page, absent on the last page. */
const nextCursor = { next_cursor: z.string().optional() };

/** Error of every operation on /v0 if a request names a wrong experiment. */
const frame = ['experiment_id_mismatch'] as const;
const naming = ['invalid_name', 'reserved_identifier'] as const;
/** Errors of calls that add groups to groups. `too_busy`: concurrent calls changed the groups again and again. */
const nesting = ['cycle_detected', 'too_busy'] as const;

/** Operations of /v0: wire-level deposit and fetch, for workers that share only the network (seed 002). */
export const v0Operations = {
  registerWorker: operation({
    door: 'v0',
    method: 'POST',
    path: '/v0/experiments/{experimentId}/workers',
    request: 'json',
    action: 'credential.manage',
    summary: 'Register a worker: a fresh id and token every time',
    params: experimentParams,
    body: registerWorkerSchema,
    output: registeredWorkerSchema,
    errors: [...frame, ...naming, 'secret_found'],
  }),
  listRegisteredWorkers: operation({
    door: 'v0',
    method: 'GET',
    path: '/v0/experiments/{experimentId}/workers',
    action: 'experiment.read',
    summary: 'List the workers of the experiment, oldest first',
    params: experimentParams,
    query: namedList,
    output: z.strictObject({ workers: z.array(v0WorkerSchema), ...nextCursor }),
    errors: [...frame, 'invalid_cursor'],
  }),
  getRegisteredWorker: operation({
    door: 'v0',
    method: 'GET',
    path: '/v0/experiments/{experimentId}/workers/{workerId}',
    action: 'experiment.read',
    summary: 'Read a worker',
    params: workerParams,
    output: v0WorkerSchema,
    errors: [...frame, 'not_found'],
  }),
  reissueCredential: operation({
    door: 'v0',
    method: 'POST',
    path: '/v0/experiments/{experimentId}/workers/{workerId}/reissue-credential',
    request: 'json',
    action: 'credential.manage',
    summary: 'Give a worker a new token; the old one is refused from then on',
    params: workerParams,
    output: reissuedCredentialSchema,
    errors: [...frame, 'not_found'],
  }),
  whoami: operation({
    door: 'v0',
    method: 'GET',
    path: '/v0/experiments/{experimentId}/whoami',
    action: 'experiment.self',
    summary: 'Which worker the credential speaks for',
    params: experimentParams,
    output: whoamiSchema,
    errors: frame,
  }),
  createGroup: operation({
    door: 'v0',
    method: 'POST',
    path: '/v0/experiments/{experimentId}/groups',
    request: 'json',
    action: 'experiment.administer',
    summary: 'Make a group',
    params: experimentParams,
    body: createGroupSchema,
    output: v0GroupSchema,
    errors: [...frame, ...naming, ...nesting, 'secret_found'],
  }),
  listGroups: operation({
    door: 'v0',
    method: 'GET',
    path: '/v0/experiments/{experimentId}/groups',
    action: 'experiment.read',
    summary: 'List the groups of the experiment, oldest first',
    params: experimentParams,
    query: namedList,
    output: z.strictObject({ groups: z.array(v0GroupSchema), ...nextCursor }),
    errors: [...frame, 'invalid_cursor'],
  }),
  getGroup: operation({
    door: 'v0',
    method: 'GET',
    path: '/v0/experiments/{experimentId}/groups/{groupId}',
    action: 'experiment.read',
    summary: 'Read a group',
    params: groupParams,
    output: v0GroupSchema,
    errors: [...frame, 'not_found'],
  }),
  addGroupMember: operation({
    door: 'v0',
    method: 'POST',
    path: '/v0/experiments/{experimentId}/groups/{groupId}/members',
    request: 'json',
    action: 'experiment.administer',
    summary: 'Add a worker or a group to a group; adding it again changes nothing',
    params: groupParams,
    body: addMemberSchema,
    output: v0GroupSchema,
    errors: [...frame, 'not_found', ...nesting],
  }),
  removeGroupMember: operation({
    door: 'v0',
    method: 'DELETE',
    path: '/v0/experiments/{experimentId}/groups/{groupId}/members/{memberId}',
    action: 'experiment.administer',
    summary: 'Take a member out of a group',
    params: memberParams,
    output: v0GroupSchema,
    errors: [...frame, 'not_found'],
  }),
  deleteGroup: operation({
    door: 'v0',
    method: 'DELETE',
    path: '/v0/experiments/{experimentId}/groups/{groupId}',
    response: 'none',
    status: 204,
    action: 'experiment.administer',
    summary: 'Delete a group',
    params: groupParams,
    output: z.undefined(),
    errors: [...frame, 'not_found', 'reserved_identifier'],
  }),
  depositArtifact: operation({
    door: 'v0',
    method: 'POST',
    path: '/v0/experiments/{experimentId}/artifacts',
    request: 'multipart',
    status: 201,
    action: 'artifact.deposit',
    audit: 'none',
    repeatable: 'by-key',
    summary: 'Deposit bytes and get an opaque URI for them',
    description: 'Exactly one part, `file`. Every deposit mints a new URI, also for equal bytes.',
    params: experimentParams,
    output: depositSchema,
    errors: [
      ...frame,
      // `bad_request` must be the first code with its problem type, because clients map a problem type to the first
      // code that has it.
      'bad_request',
      'artifact_too_large',
      'invalid_digest',
      'digest_mismatch',
      'secret_found',
      'precondition_failed',
      'idempotency_conflict',
      'storage_full',
    ],
  }),
  fetchArtifact: operation({
    door: 'v0',
    method: 'GET',
    path: '/v0/experiments/{experimentId}/artifacts',
    response: 'bytes',
    action: 'artifact.read',
    summary: 'Fetch deposited bytes by their URI, given whole',
    params: experimentParams,
    query: z.strictObject({ uri: z.string() }),
    output: z.unknown(),
    errors: [...frame, 'artifact_not_found', 'artifact_expired', 'range_not_satisfiable', 'integrity_failure'],
  }),
  grantRead: operation({
    door: 'v0',
    method: 'POST',
    path: '/v0/experiments/{experimentId}/artifacts/grants',
    request: 'json',
    action: 'artifact.grant',
    summary: 'Let a worker or a group read an artifact',
    description: 'By its depositor or the admin, to a worker or a group that there is. Granting again changes nothing.',
    params: experimentParams,
    body: grantReadSchema,
    output: readGrantSchema,
    errors: [...frame, 'artifact_not_found'],
  }),
} as const satisfies Record<string, Operation>;
