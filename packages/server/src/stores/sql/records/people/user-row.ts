import type { SessionOwner, SessionRecord, SignInCodeRecord, UserRecord, UserTokenRecord } from '@proofhouse/core';
import type { OwnerColumns, SessionRow, SignInCodeRow, UserRow, UserTokenRow } from '../../engine/schema.ts';

export function userFromRow(row: UserRow): UserRecord {
  return {
    id: row.id,
    name: row.name,
    email: row.email,
    role: row.role,
    disabledAt: row.disabled_at,
    epoch: row.epoch,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export function userToRow(user: UserRecord): UserRow {
  return {
    id: user.id,
    name: user.name,
    email: user.email,
    role: user.role,
    disabled_at: user.disabledAt,
    epoch: user.epoch,
    version: user.version,
    created_at: user.createdAt,
    updated_at: user.updatedAt,
  };
}

export function userTokenFromRow(row: UserTokenRow): UserTokenRecord {
  return {
    id: row.id,
    userId: row.user_id,
    sha256: row.sha256,
    description: row.description,
    mayActFor: row.may_act_for === 1,
    epoch: row.epoch,
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    version: row.version,
  };
}

export function userTokenToRow(token: UserTokenRecord): UserTokenRow {
  return {
    id: token.id,
    user_id: token.userId,
    sha256: token.sha256,
    description: token.description,
    may_act_for: token.mayActFor ? 1 : 0,
    epoch: token.epoch,
    created_by: token.createdBy,
    created_at: token.createdAt,
    expires_at: token.expiresAt,
    revoked_at: token.revokedAt,
    version: token.version,
  };
}

export function sessionFromRow(row: SessionRow): SessionRecord {
  return {
    sha256: row.sha256,
    pageSecretSha256: row.page_sha256,
    owner: ownerFromRow(row),
    tokenId: row.token_id,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}

export function sessionToRow(session: SessionRecord): SessionRow {
  return {
    sha256: session.sha256,
    page_sha256: session.pageSecretSha256,
    ...ownerToRow(session.owner),
    token_id: session.tokenId,
    created_at: session.createdAt,
    expires_at: session.expiresAt,
  };
}

export function signInCodeFromRow(row: SignInCodeRow): SignInCodeRecord {
  return { sha256: row.sha256, owner: ownerFromRow(row), expiresAt: row.expires_at };
}

export function signInCodeToRow(code: SignInCodeRecord): SignInCodeRow {
  return { sha256: code.sha256, ...ownerToRow(code.owner), expires_at: code.expiresAt };
}

function ownerFromRow({ user_id: userId, epoch, admin_key: adminKey }: OwnerColumns): SessionOwner {
  return userId === null ? { kind: 'admin', adminKey: adminKey ?? '' } : { kind: 'user', userId, epoch: epoch ?? 0 };
}

function ownerToRow(owner: SessionOwner): OwnerColumns {
  return owner.kind === 'admin'
    ? { user_id: null, epoch: null, admin_key: owner.adminKey }
    : { user_id: owner.userId, epoch: owner.epoch, admin_key: null };
}
