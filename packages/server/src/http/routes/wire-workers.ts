import { AppError, groupToWire, workerToWire, type Principal } from '@proofhouse/core';
import type { JsonHandlers } from '../../calls/operation-call.ts';
import type { Groups } from '../../experiments/groups.ts';
import type { Workers } from '../../workers/workers.ts';

type WireWorkerOperations =
  | 'registerWorker'
  | 'listRegisteredWorkers'
  | 'getRegisteredWorker'
  | 'reissueCredential'
  | 'whoami'
  | 'createGroup'
  | 'listGroups'
  | 'getGroup'
  | 'addGroupMember'
  | 'removeGroupMember'
  | 'deleteGroup';

/** Workers and groups of an experiment, as /v0 has them. */
export function wireWorkerHandlers(workers: Workers, groups: Groups): Pick<JsonHandlers, WireWorkerOperations> {
  return {
    registerWorker: async ({ principal, params, body }) => {
      const { worker, token } = await workers.register(principal, params.experimentId, body);
      return { body: { ...workerToWire(worker), registration_token: token } };
    },
    listRegisteredWorkers: async ({ params, query }) => {
      const { items, nextCursor } = await workers.listRegistered(params.experimentId, query);
      return { body: { workers: items.map(workerToWire), ...nextOf(nextCursor) } };
    },
    getRegisteredWorker: async ({ params }) => {
      return { body: workerToWire(await workers.getRegistered(params.experimentId, params.workerId)) };
    },
    reissueCredential: async ({ principal, params }) => {
      const { token } = await workers.reissue(principal, params.experimentId, params.workerId);
      return { body: { worker_id: params.workerId, registration_token: token } };
    },
    whoami: async ({ principal, params }) => {
      const { id, name } = await workers.getRegistered(params.experimentId, workerIdOf(principal));
      return { body: { worker_id: id, ...(name === null ? {} : { name }) } };
    },
    createGroup: async ({ principal, params, body }) => {
      return { body: groupToWire(await groups.create(principal, params.experimentId, body)) };
    },
    listGroups: async ({ params, query }) => {
      const { items, nextCursor } = await groups.list(params.experimentId, query);
      return { body: { groups: items.map(groupToWire), ...nextOf(nextCursor) } };
    },
    getGroup: async ({ params }) => {
      return { body: groupToWire(await groups.get(params.experimentId, params.groupId)) };
    },
    addGroupMember: async ({ params, body }) => {
      return { body: groupToWire(await groups.addMember(params.experimentId, params.groupId, body.member_id)) };
    },
    removeGroupMember: async ({ params }) => {
      return { body: groupToWire(await groups.removeMember(params.experimentId, params.groupId, params.memberId)) };
    },
    deleteGroup: async ({ params }) => {
      await groups.delete(params.experimentId, params.groupId);
      return { body: undefined };
    },
  };
}

function workerIdOf(principal: Principal): string {
  if (principal.kind === 'worker') return principal.workerId;
  throw new AppError('forbidden', 'Only a worker can ask who it is.');
}

function nextOf(cursor: string | null): { next_cursor?: string } {
  return cursor === null ? {} : { next_cursor: cursor };
}
