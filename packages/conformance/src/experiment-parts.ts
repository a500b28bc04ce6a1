import { textMember, type Answer } from './expectations/answer.ts';
import { expectStatus } from './expectations/expectations.ts';
import { Mismatch } from './expectations/mismatch.ts';
import { depositForm } from './calls/multipart-body.ts';
import type { Caller, Credential, ServerUnderTest } from './server-under-test.ts';

// Steps that most scenarios of /v0 need before the tested call. They assume correct answers; other scenarios check
// these answers in detail.

/** Patterns of ids. An id is a prefix and 26 lower-case Crockford base32 characters. */
export const idPattern = {
  worker: /^wkr_[0-9a-hjkmnp-tv-z]{26}$/,
  group: /^grp_[0-9a-hjkmnp-tv-z]{26}$/,
} as const;

/** Ids in the correct format that no server has issued. */
export const unknownId = {
  worker: `wkr_${'0'.repeat(26)}`,
  group: `grp_${'0'.repeat(26)}`,
  experiment: `exp_${'0'.repeat(26)}`,
} as const;

export async function registerWorker(server: ServerUnderTest, json: object = {}): Promise<Credential> {
  return credentialOf(server, await server.v0('POST', '/workers', { json }));
}

/** Returns the credential from the answer to a registration. Reports do not show its secret. */
export function credentialOf(server: ServerUnderTest, answer: Answer): Credential {
  expectStatus(answer, 200);
  const secret = answer.member('registration_token');
  server.remember(secret);
  return { id: answer.member('worker_id'), secret };
}

export async function createGroup(server: ServerUnderTest, json: object = {}): Promise<string> {
  const answer = await server.v0('POST', '/groups', { json });
  expectStatus(answer, 200);
  return answer.member('group_id');
}

export function addMember(server: ServerUnderTest, groupId: string, memberId: string, as: Caller = 'admin') {
  return server.v0('POST', `/groups/${groupId}/members`, { json: { member_id: memberId }, as });
}

export function removeMember(server: ServerUnderTest, groupId: string, memberId: string, as: Caller = 'admin') {
  return server.v0('DELETE', `/groups/${groupId}/members/${memberId}`, { as });
}

/** Returns the id of `admins` or `orchestrators`, the groups that every experiment has from its creation. */
export async function standingGroup(server: ServerUnderTest, name: 'admins' | 'orchestrators'): Promise<string> {
  const answer = await server.v0('GET', `/groups?name=${name}`);
  expectStatus(answer, 200);
  const [group] = answer.items('groups');
  if (group === undefined)
    throw new Mismatch({
      request: answer.request,
      what: 'the list',
      expected: `a group ${name}`,
      seen: answer.brief(),
    });
  return textMember(group, 'group_id', answer.request);
}

/** Adds a member to the group `admins`, runs an action, and removes the member even if the action fails. */
export async function whileInAdmins(
  server: ServerUnderTest,
  memberId: string,
  run: () => Promise<void>,
): Promise<void> {
  const admins = await standingGroup(server, 'admins');
  try {
    expectStatus(await addMember(server, admins, memberId), 200);
    await run();
  } finally {
    await removeMember(server, admins, memberId).catch(() => undefined);
  }
}

export interface DepositOptions {
  readonly as?: Caller;
  readonly filename?: string;
  readonly contentType?: string;
  readonly key?: string;
}

/**
 * Deposits bytes with a correct form, and does not check the answer. Throws `NotKnown` if the server has a known size
 * limit and the bytes exceed it.
 */
export async function deposit(
  server: ServerUnderTest,
  bytes: string | Uint8Array,
  { as = 'admin', key, ...part }: DepositOptions = {},
): Promise<Answer> {
  server.requireWithinCap(bytes.length);
  const form = depositForm(bytes, part);
  return server.v0('POST', '/artifacts', {
    as,
    body: new Uint8Array(form.body),
    headers: { 'content-type': form.contentType, ...(key === undefined ? {} : { 'idempotency-key': key }) },
  });
}

/** Deposits bytes and returns the artifact URI. */
export async function depositedUri(
  server: ServerUnderTest,
  bytes: string | Uint8Array,
  options: DepositOptions = {},
): Promise<string> {
  const answer = await deposit(server, bytes, options);
  expectStatus(answer, 201);
  return answer.member('artifacts_uri');
}

/** Fetches an artifact by its complete URI. */
export function fetchUri(
  server: ServerUnderTest,
  uri: string,
  options: { as?: Caller; method?: string; headers?: Record<string, string | null> } = {},
): Promise<Answer> {
  const { method = 'GET', ...rest } = options;
  return server.v0(method, `/artifacts?uri=${encodeURIComponent(uri)}`, rest);
}
