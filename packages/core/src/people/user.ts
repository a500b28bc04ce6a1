import { z } from 'zod';
import { textSchema, timeSchema, uuidSchema } from '../values/wire-values.ts';
import { actorToJson } from './actor.ts';

/** The roles of users. The first has the most rights, the last has the fewest. */
export const userRoles = ['admin', 'operator', 'read-only'] as const;
export type UserRole = (typeof userRoles)[number];

/** Returns the role with fewer rights. */
export function lowerRole(a: UserRole, b: UserRole): UserRole {
  return userRoles.indexOf(a) > userRoles.indexOf(b) ? a : b;
}

/** A person with a role. A user is never deleted, because records name it as their creator. */
export interface UserRecord {
  readonly id: string;
  readonly name: string;
  readonly email: string | null;
  readonly role: UserRole;
  /** Time at which the user was disabled. Null if the user is enabled. */
  readonly disabledAt: number | null;
  /**
   * Counted from 1, and raised when the user is disabled. Tokens, sessions and sign-in codes of an earlier epoch are
   * refused. So they stay invalid after the user is enabled again.
   */
  readonly epoch: number;
  /** Version of the record for optimistic locking, counted from 1. */
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A token of a user as it is stored. It contains the sha256 of the token and not the token. */
export interface UserTokenRecord {
  readonly id: string;
  readonly userId: string;
  /** Sha256 of the complete token, in lower-case hex. */
  readonly sha256: string;
  readonly description: string | null;
  /** True if calls with this token may name another user in the header `Proofhouse-Actor`. */
  readonly mayActFor: boolean;
  /** The epoch of the user when the token was created. */
  readonly epoch: number;
  /** The actor (`actorOf`) that created the token. */
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  readonly version: number;
}

/**
 * A sign-in of the web page as it is stored. All records with the same `sha256` are one session. A sign-in in another
 * tab of the browser adds a record with its own page secret.
 */
export interface SessionRecord {
  /** Sha256 of the session cookie, in lower-case hex. */
  readonly sha256: string;
  /** Sha256 of the page secret, in lower-case hex. */
  readonly pageSecretSha256: string;
  readonly owner: SessionOwner;
  /**
   * Id of the user token with which the session was opened. Null after another kind of sign-in. The session ends with
   * the token.
   */
  readonly tokenId: string | null;
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** A single-use code of a sign-in link as it is stored. */
export interface SignInCodeRecord {
  /** Sha256 of the code, in lower-case hex. */
  readonly sha256: string;
  readonly owner: SessionOwner;
  readonly expiresAt: number;
}

/** The person for whom a session or a sign-in code is valid. */
export type SessionOwner =
  /** The admin token. `adminKey` identifies it, and sessions of an earlier admin token are refused. */
  | { readonly kind: 'admin'; readonly adminKey: string }
  /** A user. The user must be enabled and must still have this epoch. */
  | { readonly kind: 'user'; readonly userId: string; readonly epoch: number };

const fields = {
  name: textSchema(1, 255),
  email: z.email().max(320),
  role: z.enum(userRoles),
};

export const createUserSchema = z.strictObject({ ...fields, email: fields.email.nullish() }).meta({ id: 'CreateUser' });
export type CreateUser = z.output<typeof createUserSchema>;

export const updateUserSchema = z
  .strictObject({
    name: fields.name.optional(),
    email: fields.email.nullish().meta({ description: 'Null removes it.' }),
    role: fields.role.optional(),
    disabled: z.boolean().optional().meta({ description: 'True ends all tokens and sessions of the user at once.' }),
  })
  .meta({ id: 'UpdateUser' });
export type UpdateUser = z.output<typeof updateUserSchema>;

export const userSchema = z
  .object({
    id: uuidSchema,
    name: z.string(),
    email: z.string().nullable(),
    role: z.enum(userRoles),
    disabledAt: timeSchema.nullable(),
    version: z.number().int(),
    createdAt: timeSchema,
    updatedAt: timeSchema,
  })
  .meta({ id: 'User' });
export type User = z.infer<typeof userSchema>;

export const createUserTokenSchema = z
  .strictObject({
    description: textSchema(0, 1000).nullish(),
    expiresAt: timeSchema.nullish(),
    mayActFor: z.boolean().nullish().meta({
      description:
        'For the broker in front of the server: calls with this token may name another user in the header `Proofhouse-Actor`, and then have the lower role of both. Only an admin makes such a token.',
    }),
  })
  .meta({ id: 'CreateUserToken' });
export type CreateUserToken = z.output<typeof createUserTokenSchema>;

export const userTokenSchema = z
  .object({
    id: uuidSchema,
    userId: uuidSchema,
    description: z.string().nullable(),
    mayActFor: z.boolean(),
    createdBy: z.string(),
    createdAt: timeSchema,
    expiresAt: timeSchema.nullable(),
    revokedAt: timeSchema.nullable(),
    ended: z.boolean().meta({
      description: 'True if the token ended with the disabling of its user. It stays invalid when the user is enabled.',
    }),
  })
  .meta({ id: 'UserToken' });
export type UserToken = z.infer<typeof userTokenSchema>;

function timeToJson(at: number): string {
  return new Date(at).toISOString();
}

export function userToJson(user: UserRecord): User {
  const { id, name, email, role, disabledAt, version, createdAt, updatedAt } = user;
  return {
    ...{ id, name, email, role, version },
    disabledAt: disabledAt === null ? null : timeToJson(disabledAt),
    createdAt: timeToJson(createdAt),
    updatedAt: timeToJson(updatedAt),
  };
}

export function userTokenToJson(token: UserTokenRecord, user: UserRecord): UserToken {
  const { id, userId, description, mayActFor, createdBy, createdAt, expiresAt, revokedAt } = token;
  return {
    ...{ id, userId, description, mayActFor },
    createdBy: actorToJson(createdBy),
    createdAt: timeToJson(createdAt),
    expiresAt: expiresAt === null ? null : timeToJson(expiresAt),
    revokedAt: revokedAt === null ? null : timeToJson(revokedAt),
    ended: token.epoch !== user.epoch,
  };
}
