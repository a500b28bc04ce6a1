import { identityOf, userTokenToJson, userToJson } from '@proofhouse/core';
import type { JsonHandlers } from '../../calls/operation-call.ts';
import { serverVersion } from '../../kernel/server-version.ts';
import type { Users } from '../../users/users.ts';
import type { Workers } from '../../workers/workers.ts';

type UserOperations =
  | 'identify'
  | 'createUser'
  | 'listUsers'
  | 'getUser'
  | 'updateUser'
  | 'createUserToken'
  | 'listUserTokens'
  | 'revokeUserToken';

/** Returns the handlers for users and their tokens, and for the identity of the caller. */
export function userHandlers(users: Users, workers: Workers): Pick<JsonHandlers, UserOperations> {
  return {
    identify: async ({ principal }) => {
      const isWorker = principal.kind === 'worker';
      const worker = isWorker ? await workers.find(principal.workerId) : undefined;
      const user = isWorker || principal.userId === undefined ? undefined : await users.find(principal.userId);
      return { body: identityOf(principal, { worker, user }, serverVersion) };
    },
    createUser: async ({ body }) => ({ body: { user: userToJson(await users.create(body)) } }),
    listUsers: async ({ query }) => {
      const { items, nextCursor } = await users.list(query);
      return { body: { users: items.map(userToJson), nextCursor } };
    },
    getUser: async ({ params }) => ({ body: { user: userToJson(await users.get(params.userId)) } }),
    updateUser: async ({ params, body }) => ({
      body: { user: userToJson(await users.update(params.userId, body)) },
    }),
    createUserToken: async ({ principal, params, body }) => {
      const { token, record, user } = await users.createToken(principal, params.userId, body);
      return { body: { token, userToken: userTokenToJson(record, user) } };
    },
    listUserTokens: async ({ principal, params, query }) => {
      const { user, items, nextCursor } = await users.listTokens(principal, params.userId, query);
      return { body: { userTokens: items.map((token) => userTokenToJson(token, user)), nextCursor } };
    },
    revokeUserToken: async ({ principal, params }) => {
      const { user, token } = await users.revokeToken(principal, params.userId, params.tokenId);
      return { body: { userToken: userTokenToJson(token, user) } };
    },
  };
}
