import type { CreateUserToken, UserRole } from '@proofhouse/core';
import type { TestServer } from './test-server.ts';

/** A user with one token. */
export interface TestUser {
  readonly id: string;
  readonly token: string;
  readonly tokenId: string;
}

export async function makeUser(
  t: TestServer,
  role: UserRole,
  fields: Partial<CreateUserToken> = {},
): Promise<TestUser> {
  const made = await t.post('/api/users', { name: `A user with the role ${role}`, role });
  if (made.status !== 201) throw new Error(made.text);
  const id = made.json.user.id as string;
  const answer = await t.post(`/api/users/${id}/tokens`, fields);
  if (answer.status !== 201) throw new Error(answer.text);
  return { id, token: answer.json.token as string, tokenId: answer.json.userToken.id as string };
}

export async function disable(t: TestServer, userId: string, disabled = true): Promise<void> {
  const answer = await t.call('PUT', `/api/users/${userId}`, { json: { disabled } });
  if (answer.status !== 200) throw new Error(answer.text);
}
