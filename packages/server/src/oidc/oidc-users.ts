import { isAppError, shortTextPattern, systemActor, type AuditEntry, type UserRecord } from '@proofhouse/core';
import { z } from 'zod';
import { insert, type Commits } from '../kernel/commit.ts';
import type { Ids } from '../kernel/ids.ts';
import { sha256Hex } from '../kernel/secret.ts';
import type { Clock } from '../kernel/time/clock.ts';
import { checkedField } from '../secrets/checked-text.ts';
import type { SecretPolicy } from '../secrets/secret-policy.ts';
import type { Users } from '../users/users.ts';

/** A person as a token of an issuer names it. The issuer never gives a subject to another person. */
export interface OidcPerson {
  readonly issuer: string;
  readonly subject: string;
  readonly name: unknown;
  readonly email: unknown;
}

export interface OidcUsersParts {
  readonly users: Pick<Users, 'find'>;
  readonly commits: Commits;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly secrets: Pick<SecretPolicy, 'checkUnmarked'>;
}

/** The users of an OpenID Connect provider. */
export class OidcUsers {
  readonly #parts: OidcUsersParts;

  constructor(parts: OidcUsersParts) {
    this.#parts = parts;
  }

  /**
   * Returns the user of a person. The first call inserts it, with the role read-only: its tokens give it a role for each
   * call, and the stored role is that of other credentials. The commit stores an audit entry. If several calls insert it at
   * the same time, one row and one entry result.
   */
  async userOf(person: OidcPerson): Promise<UserRecord> {
    const { users, commits, clock } = this.#parts;
    const id = oidcUserId(person);
    const found = await users.find(id);
    if (found !== undefined) return found;
    const now = clock.now();
    const user: UserRecord = {
      ...{ id, ...(await this.#textsOf(person)) },
      role: 'read-only',
      disabledAt: null,
      ...{ epoch: 1, version: 1, createdAt: now, updatedAt: now },
    };
    const changes = [insert('user', user, 'conflict'), insert('audit-entry', this.#entryOf(user))];
    // The conflict `exists` means that another call inserted the user.
    await commits.commit({ changes, preconditions: [] });
    return (await users.find(id)) ?? user;
  }

  #entryOf({ id, role, createdAt }: UserRecord): AuditEntry {
    const target = `user:${id}`;
    return {
      ...{ id: this.#parts.ids.uuid(), createdAt, actor: systemActor, broker: null },
      ...{ operation: 'createUser', target, outcome: 'done', remote: null },
      detail: { created: [target], given: { role } },
    };
  }

  /** Returns the name and the e-mail address to store. Texts that the secret policy refuses are left out. */
  async #textsOf({ subject, name, email }: OidcPerson): Promise<{ name: string; email: string | null }> {
    const texts = { name: shortText(name) ?? shortText(subject) ?? unnamed, email: address(email) };
    try {
      await this.#parts.secrets.checkUnmarked('user', [
        ...checkedField('name', texts.name),
        ...checkedField('email', texts.email),
      ]);
      return texts;
    } catch (error) {
      if (!isAppError(error, 'secret_found')) throw error;
      return { name: unnamed, email: null };
    }
  }
}

const unnamed = 'OpenID Connect user';

/**
 * Returns the id of the user, a UUID of version 8 made of the sha256 of issuer and subject. So the pair needs no column,
 * and two servers that see a person for the first time insert the same row.
 */
function oidcUserId({ issuer, subject }: Pick<OidcPerson, 'issuer' | 'subject'>): string {
  const hex = sha256Hex(JSON.stringify([issuer, subject]));
  const variant = ((parseInt(hex.slice(16, 17), 16) & 3) | 8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}

function shortText(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  return text !== '' && text.length <= 255 && shortTextPattern.test(text) ? text : undefined;
}

function address(value: unknown): string | null {
  const parsed = z.email().max(320).safeParse(value);
  return parsed.success ? parsed.data : null;
}
