import { AppError, groupToJson, workerToJson, type Principal } from '@proofhouse/core';
import type { JsonHandlers } from '../../calls/operation-call.ts';
import type { Groups } from '../../experiments/groups.ts';
import type { Workers } from '../../workers/workers.ts';

type V0WorkerOperations =
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

/** Returns the handlers of /v0 for the workers and groups of an experiment. */
export function v0WorkerHandlers(workers: Workers, groups: Groups): Pick<JsonHandlers, V0WorkerOperations> {
  return {
    registerWorker: async ({ principal, params, body }) => {
      const { worker, token } = await workers.register(principal, params.experimentId, body);
      return { body: { ...workerToJson(worker), registration_token: token } };
    },
    listRegisteredWorkers: async ({ params, query }) => {
      const { items, nextCursor } = await pageOrWhole(query, (page) =>
        workers.listRegistered(params.experimentId, page),
      );
      return { body: { workers: items.map(workerToJson), ...nextOf(nextCursor) } };
    },
    getRegisteredWorker: async ({ params }) => {
      return { body: workerToJson(await workers.getRegistered(params.experimentId, params.workerId)) };
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
      return { body: groupToJson(await groups.create(principal, params.experimentId, body)) };
    },
    listGroups: async ({ params, query }) => {
      const { items, nextCursor } = await pageOrWhole(query, (page) => groups.list(params.experimentId, page));
      return { body: { groups: items.map(groupToJson), ...nextOf(nextCursor) } };
    },
    getGroup: async ({ params }) => {
      return { body: groupToJson(await groups.get(params.experimentId, params.groupId)) };
    },
    addGroupMember: async ({ params, body }) => {
      return { body: groupToJson(await groups.addMember(params.experimentId, params.groupId, body.member_id)) };
    },
    removeGroupMember: async ({ params }) => {
      return { body: groupToJson(await groups.removeMember(params.experimentId, params.groupId, params.memberId)) };
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

interface ListQuery {
  readonly name?: string | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

interface ListedPage<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}

const readAtOnce = 1000;

/**
 * Returns one page of a list if the query has a limit. Without a limit, returns all items after the cursor. They are
 * read page by page.
 */
async function pageOrWhole<Item>(
  query: ListQuery,
  list: (page: ListQuery & { readonly limit: number }) => Promise<ListedPage<Item>>,
): Promise<ListedPage<Item>> {
  if (query.limit !== undefined) return list({ ...query, limit: query.limit });
  const items: Item[] = [];
  for (let { cursor } = query; ;) {
    const page = await list({ ...query, limit: readAtOnce, cursor });
    for (const item of page.items) items.push(item);
    if (page.nextCursor === null) return { items, nextCursor: null };
    cursor = page.nextCursor;
  }
}

function nextOf(cursor: string | null): { next_cursor?: string } {
  return cursor === null ? {} : { next_cursor: cursor };
}
