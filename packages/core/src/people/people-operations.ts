import { z } from 'zod';
import type { Operation } from '../operation.ts';
import { operation } from '../operation-row.ts';
import { cursorSchema, limitSchema, timeSchema } from '../values/wire-values.ts';
import { identitySchema } from './identity.ts';
import { createUserSchema, createUserTokenSchema, updateUserSchema, userSchema, userTokenSchema } from './user.ts';

const userParams = z.strictObject({ userId: z.string() });
const userAnswer = z.object({ user: userSchema });
const pageQuery = z.strictObject({ limit: limitSchema(200, 50), cursor: cursorSchema });

/**
 * Operations on users and their tokens, on the caller's identity, on sign-in links for the web page, and on download links
 * that need no credential.
 */
export const peopleOperations = {
  identify: operation({
    method: 'GET',
    path: '/api/whoami',
    action: 'identity.read',
    summary: 'Whom the credential speaks for, and what it may beyond that',
    output: identitySchema,
  }),
  createSignInLink: operation({
    method: 'POST',
    path: '/api/session/links',
    request: 'json',
    status: 201,
    action: 'session.open',
    summary: 'Make a link that signs a browser in to the page as the caller',
    description: 'It works once, within ten minutes, at every server.',
    output: z.object({ url: z.string(), expiresAt: timeSchema }).meta({ id: 'SignInLink' }),
  }),
  createTicket: operation({
    method: 'POST',
    path: '/api/tickets',
    request: 'json',
    status: 201,
    action: 'artifact.read',
    audit: 'none',
    summary: 'Make a link to the bytes of one artifact that a browser can follow without a credential',
    description:
      'GET and HEAD only, with the rights of the credential that made it, for as long as that is valid. A download starts once, within a minute, and may then resume with `Range`; a preview may be read again and again for ten minutes. Whoever has the link can use it: keep it out of logs.',
    body: z.strictObject({
      path: z.string().max(2048).meta({
        description:
          '`/api/queue/jobs/{jobId}/artifacts/{artifactId}/download` or `/api/artifacts/{artifactId}/content`.',
      }),
      kind: z.enum(['download', 'preview']).default('download'),
    }),
    output: z
      .object({
        url: z.string(),
        path: z.string().meta({ description: 'The same below the base path, without a slash at the front.' }),
        expiresAt: timeSchema,
      })
      .meta({ id: 'Ticket' }),
    errors: ['job_not_found', 'artifact_not_found', 'artifact_job_mismatch', 'not_owned', 'artifact_expired'],
  }),
  createUser: operation({
    method: 'POST',
    path: '/api/users',
    request: 'json',
    status: 201,
    action: 'user.manage',
    audit: { fields: ['role'] },
    summary: 'Make a user, who gets tokens with a call of its own',
    body: createUserSchema,
    output: userAnswer,
    errors: ['secret_found'],
  }),
  listUsers: operation({
    method: 'GET',
    path: '/api/users',
    action: 'user.manage',
    summary: 'List users, newest first',
    query: pageQuery,
    output: z.object({ users: z.array(userSchema), nextCursor: z.string().nullable() }),
    errors: ['invalid_cursor'],
  }),
  getUser: operation({
    method: 'GET',
    path: '/api/users/{userId}',
    action: 'user.manage',
    summary: 'Show a user',
    params: userParams,
    output: userAnswer,
    errors: ['user_not_found'],
  }),
  updateUser: operation({
    method: 'PUT',
    path: '/api/users/{userId}',
    request: 'json',
    action: 'user.manage',
    audit: { fields: ['role', 'disabled'] },
    summary: 'Change a user, or disable or enable it',
    description:
      'A disabled user is refused at once at every server. Its tokens and sessions end for good: a user that is enabled again needs new ones. The last enabled user with the role admin can neither be disabled nor get another role.',
    params: userParams,
    body: updateUserSchema,
    output: userAnswer,
    errors: ['user_not_found', 'last_admin', 'version_conflict', 'secret_found'],
  }),
  createUserToken: operation({
    method: 'POST',
    path: '/api/users/{userId}/tokens',
    request: 'json',
    status: 201,
    action: 'user.token',
    audit: { fields: ['mayActFor'] },
    summary: 'Make a token of a user; it is shown once',
    description: 'An admin makes tokens of all users, and every user makes its own.',
    params: userParams,
    body: createUserTokenSchema,
    output: z
      .object({ token: z.string().meta({ description: 'Shown once; keep it.' }), userToken: userTokenSchema })
      .meta({ id: 'CreatedUserToken' }),
    errors: ['user_not_found', 'secret_found'],
  }),
  listUserTokens: operation({
    method: 'GET',
    path: '/api/users/{userId}/tokens',
    action: 'user.token',
    summary: 'List tokens of a user, newest first, never their secrets',
    params: userParams,
    query: pageQuery,
    output: z.object({ userTokens: z.array(userTokenSchema), nextCursor: z.string().nullable() }),
    errors: ['user_not_found', 'invalid_cursor'],
  }),
  revokeUserToken: operation({
    method: 'POST',
    path: '/api/users/{userId}/tokens/{tokenId}/revoke',
    request: 'json',
    action: 'user.token',
    summary: 'Revoke a token of a user at once and for good, with the sessions that it opened',
    params: z.strictObject({ userId: z.string(), tokenId: z.string() }),
    output: z.object({ userToken: userTokenSchema }),
    errors: ['user_not_found', 'not_found', 'version_conflict'],
  }),
} as const satisfies Record<string, Operation>;
