import { describe, expect, it } from 'vitest';
import type { SessionOwner } from '@proofhouse/core';
import { Ids } from '../../kernel/ids.ts';
import { insert, update } from '../../kernel/commit.ts';
import { sha256Hex } from '../../kernel/secret.ts';
import { ManualClock } from '../../kernel/time/manual-clock.ts';
import { noSecretPolicy } from '../../secrets/testing/no-secret-policy.ts';
import { SignIn } from '../../users/sign-in.ts';
import { Users } from '../../users/users.ts';
import type { MetadataStore } from '../metadata-store.ts';
import { commitOf, newId, newSession, newUser, newUserToken, start } from './records.ts';
import { storesOf, type StoreHarness } from './store-harness.ts';

const admin = { kind: 'admin' } as const;
const minute = 60_000;

/** Contract tests of users, their tokens, sessions and sign-in codes. */
export function peopleContract(harness: StoreHarness): void {
  const { fresh, pair } = storesOf(harness);

  const rulesOn = (...stores: MetadataStore[]) => {
    const clock = new ManualClock(start);
    const parts = { clock, ids: new Ids(clock), secrets: noSecretPolicy() };
    return {
      clock,
      users: stores.map((store) => new Users({ store: store.users, commits: store, ...parts })),
      signIns: stores.map((store) => new SignIn({ store: store.users, commits: store, adminKey: 'key', ...parts })),
    };
  };

  describe('users', () => {
    it('are found, listed newest first in pages, and changed only at the version that was read', async () => {
      const store = await fresh();
      const made = Array.from({ length: 7 }, (_, i) => newUser({ name: `ü ${i}`, createdAt: start + (i % 3) }));
      await store.commit(commitOf(made.map((user) => insert('user', user))));
      const seen = [];
      let after;
      do {
        const page = await store.users.listUsers({ limit: 3, after });
        seen.push(...page.items);
        after = page.next;
      } while (after !== undefined);
      expect(seen).toEqual(made.toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1)));
      const [user] = made;
      const changed = { ...user!, name: 'n', email: 'a@b', role: 'admin', disabledAt: start, epoch: 2, updatedAt: 9 };
      const change = update('user', changed as typeof user & object, 1);
      expect((await store.commit(commitOf([change]))).outcome).toBe('done');
      expect(await store.users.findUser(user!.id)).toEqual({ ...changed, version: 2 });
      expect((await store.commit(commitOf([change]))).outcome).toBe('conflict');
      expect(await store.users.findUser('absent')).toBeUndefined();
    });

    it('with the role admin are found while they are enabled', async () => {
      const store = await fresh();
      const made = [
        newUser({ role: 'admin' }),
        newUser({ role: 'admin', disabledAt: start }),
        newUser({ role: 'operator' }),
        newUser({ role: 'admin' }),
      ];
      await store.commit(commitOf(made.map((user) => insert('user', user))));
      expect(await store.users.enabledAdmins(5)).toEqual([made[0], made[3]]);
      expect(await store.users.enabledAdmins(1)).toHaveLength(1);
    });

    it('of two admins that are disabled at the same time at two servers, one stays', async () => {
      const { users } = rulesOn(...(await pair()));
      const [one, two] = [users[0]!, users.at(-1)!];
      let last = await one.create({ name: 'Ada', role: 'admin' });
      for (let round = 0; round < 20; round++) {
        const next = await two.create({ name: 'Eve', role: 'admin' });
        const change = round % 2 === 0 ? { disabled: true } : ({ role: 'operator' } as const);
        const done = await Promise.allSettled([one.update(last.id, change), two.update(next.id, change)]);
        const refused = done.filter((each) => each.status === 'rejected');
        expect(refused.map(({ reason }) => (reason as { code: string }).code)).toEqual(['last_admin']);
        last = await one.get(done[0].status === 'rejected' ? last.id : next.id);
        expect(last).toMatchObject({ role: 'admin', disabledAt: null });
      }
      for (const change of [{ disabled: true }, { role: 'read-only' } as const]) {
        await expect(two.update(last.id, change)).rejects.toMatchObject({ code: 'last_admin' });
      }
      expect(await two.update(last.id, { name: 'Zoe' })).toMatchObject({ name: 'Zoe', role: 'admin' });
    });
  });

  describe('a user token', () => {
    it('is found by its hash with its user, and listed newest first', async () => {
      const store = await fresh();
      const user = newUser();
      const tokens = Array.from({ length: 4 }, (_, i) =>
        newUserToken({
          ...{ userId: user.id, mayActFor: i === 2, epoch: i + 1, createdAt: start + i, createdBy: 'user:x' },
          ...{ description: i === 1 ? 'ü' : null, expiresAt: i === 3 ? start : null },
        }),
      );
      const changes = [insert('user', user), ...tokens.map((token) => insert('user-token', token))];
      await store.commit(commitOf([...changes, insert('user-token', newUserToken())]));
      for (const token of tokens) {
        expect(await store.users.findTokenBySecret(token.sha256)).toEqual({ token, user });
        expect(await store.users.findToken(token.id)).toEqual(token);
      }
      const first = await store.users.listTokens(user.id, { limit: 3, after: undefined });
      const second = await store.users.listTokens(user.id, { limit: 3, after: first.next });
      expect([...first.items, ...second.items]).toEqual(tokens.toReversed());
      expect(await store.users.findTokenBySecret('absent')).toBeUndefined();
      expect(await store.users.findToken('absent')).toBeUndefined();
    });

    it('is refused at both of two servers as soon as it is revoked or its user is disabled, for good', async () => {
      const { users, clock } = rulesOn(...(await pair()));
      const user = await users[0]!.create({ name: 'Ada', role: 'operator' });
      const accepted = async (token: string) => {
        const found = await Promise.all(users.map((each) => each.authenticateHash(sha256Hex(token))));
        return found.map((each) => each?.principal.kind);
      };
      for (let round = 0; round < 5; round++) {
        const { token } = await users[0]!.createToken(admin, user.id, {});
        const second = await users
          .at(-1)!
          .createToken(admin, user.id, { expiresAt: new Date(clock.now() + minute).toISOString() });
        expect([await accepted(token), await accepted(second.token)]).toEqual([
          users.map(() => 'operator'),
          users.map(() => 'operator'),
        ]);
        await users[round % users.length]!.update(user.id, { role: 'read-only' });
        expect(await accepted(token)).toEqual(users.map(() => 'read-only'));
        await users[0]!.update(user.id, { role: 'operator' });
        await users[(round + 1) % users.length]!.revokeToken(admin, user.id, second.record.id);
        expect(await accepted(second.token)).toEqual(users.map(() => undefined));
        await users[round % users.length]!.update(user.id, { disabled: true });
        expect(await accepted(token)).toEqual(users.map(() => undefined));
        await users[0]!.update(user.id, { disabled: false });
        expect(await accepted(token)).toEqual(users.map(() => undefined));
      }
    });

    it('ends at its time, which must lie in the future, and a disabled user gets none', async () => {
      const { users, clock } = rulesOn(await fresh());
      const user = await users[0]!.create({ name: 'Ada', role: 'operator' });
      const at = (ms: number) => ({ expiresAt: new Date(clock.now() + ms).toISOString() });
      const { token } = await users[0]!.createToken(admin, user.id, at(1000));
      clock.advance(999);
      expect(await users[0]!.authenticateHash(sha256Hex(token))).toBeDefined();
      expect(await users[0]!.authenticateHash(sha256Hex(token), user.id)).toBeDefined();
      expect(await users[0]!.authenticateHash(sha256Hex(token), newId())).toBeUndefined();
      clock.advance(1);
      expect(await users[0]!.authenticateHash(sha256Hex(token))).toBeUndefined();
      const refused = { code: 'invalid_request' };
      await expect(users[0]!.createToken(admin, user.id, at(0))).rejects.toMatchObject(refused);
      await users[0]!.update(user.id, { disabled: true });
      await expect(users[0]!.createToken(admin, user.id, {})).rejects.toMatchObject(refused);
    });
  });

  describe('a session', () => {
    it('is found by both of its secrets, with the records that decide whether it is valid', async () => {
      const store = await fresh();
      const user = newUser();
      const token = newUserToken({ userId: user.id, revokedAt: start, expiresAt: start + 5 });
      const owner: SessionOwner = { kind: 'user', userId: user.id, epoch: 3 };
      const sessions = [newSession(), newSession({ owner }), newSession({ owner, tokenId: token.id })];
      const [ofAdmin, ofUser, ofToken] = sessions as [(typeof sessions)[0], (typeof sessions)[0], (typeof sessions)[0]];
      await store.commit(
        commitOf([
          insert('user', user),
          insert('user-token', token),
          ...sessions.map((each) => insert('session', each)),
        ]),
      );
      const find = ({ sha256, pageSecretSha256 }: typeof ofAdmin) => store.users.findSession(sha256, pageSecretSha256);
      expect(await find(ofAdmin)).toEqual({ session: ofAdmin, user: undefined, token: undefined });
      expect(await find(ofUser)).toEqual({ session: ofUser, user, token: undefined });
      const times = { revokedAt: start, expiresAt: start + 5 };
      expect(await find(ofToken)).toEqual({ session: ofToken, user, token: times });
      expect(await find({ ...ofAdmin, pageSecretSha256: ofUser.pageSecretSha256 })).toBeUndefined();
      expect(await store.users.sessionsOfCookie(ofUser.sha256, 5)).toEqual([
        { session: ofUser, user, token: undefined },
      ]);
      await store.users.endSession(ofUser.sha256);
      expect(await find(ofUser)).toBeUndefined();
      await store.users.endSessions(null);
      expect([await find(ofAdmin), await find(ofToken)]).toEqual([undefined, expect.anything()]);
      await store.users.endSessions(user.id);
      expect(await find(ofToken)).toBeUndefined();
    });

    it('is valid at every server, and ends at each with its user, its token or its time', async () => {
      const { users, signIns, clock } = rulesOn(...(await pair()));
      const user = await users[0]!.create({ name: 'Ada', role: 'read-only' });
      const person = { kind: 'read-only', userId: user.id } as const;
      const live = async ({ session, pageSecret }: { session: string; pageSecret: string }) => {
        const secrets = [sha256Hex(session), sha256Hex(pageSecret)] as const;
        return (await Promise.all(signIns.map((each) => each.principalOf(...secrets)))).map((each) => each?.kind);
      };
      const everywhere = (kind: string | undefined) => signIns.map(() => kind);
      const opened = await signIns[0]!.open(person);
      expect(await live(opened)).toEqual(everywhere('read-only'));
      await users.at(-1)!.update(user.id, { role: 'operator' });
      expect(await live(opened)).toEqual(everywhere('operator'));
      await users.at(-1)!.update(user.id, { disabled: true });
      expect(await live(opened)).toEqual(everywhere(undefined));
      await users[0]!.update(user.id, { disabled: false });
      expect(await live(opened)).toEqual(everywhere(undefined));

      const { record } = await users[0]!.createToken(admin, user.id, {});
      const byToken = await signIns.at(-1)!.open(person, { tokenId: record.id });
      expect(await live(byToken)).toEqual(everywhere('operator'));
      await users[0]!.revokeToken(admin, user.id, record.id);
      expect(await live(byToken)).toEqual(everywhere(undefined));

      const ofAdmin = await signIns[0]!.open(admin);
      const tab = await signIns.at(-1)!.open(admin, { cookies: ['planted', ofAdmin.session] });
      expect(tab.session).toBe(ofAdmin.session);
      expect((await signIns[0]!.open(person, { cookies: [ofAdmin.session] })).session).not.toBe(ofAdmin.session);
      expect(await live({ ...tab, session: byToken.session })).toEqual(everywhere(undefined));
      clock.advance(12 * 60 * minute - 1);
      expect([await live(tab), await live(ofAdmin)]).toEqual([everywhere('admin'), everywhere('admin')]);
      clock.advance(1);
      expect(await live(ofAdmin)).toEqual(everywhere(undefined));
    });

    it('of another admin token is refused', async () => {
      const store = await fresh();
      const { signIns, clock } = rulesOn(store);
      const { session, pageSecret } = await signIns[0]!.open(admin);
      const { code } = await signIns[0]!.newCode(admin);
      const parts = { store: store.users, commits: store, clock, ids: new Ids(clock) };
      const later = new SignIn({ ...parts, adminKey: 'key of the next token' });
      expect(await later.principalOf(sha256Hex(session), sha256Hex(pageSecret))).toBeUndefined();
      expect(await later.redeem(code)).toBeUndefined();
    });
  });

  describe('a sign-in code', () => {
    it('is taken once, whoever asks at the same time at two servers, and not after its time', async () => {
      const { signIns, clock } = rulesOn(...(await pair()));
      const { code: late } = await signIns[0]!.newCode(admin);
      clock.advance(1);
      for (let round = 0; round < 10; round++) {
        const { code } = await signIns[0]!.newCode(admin);
        const taken = await Promise.all(
          Array.from({ length: 6 }, (_, index) => signIns[index % signIns.length]!.redeem(code)),
        );
        expect(taken.filter((each) => each !== undefined)).toEqual([admin]);
      }
      expect(await signIns[0]!.redeem('unknown')).toBeUndefined();
      clock.advance(10 * minute - 1);
      expect(await signIns[0]!.redeem(late)).toBeUndefined();
    });

    it('is that of its user, and ends when the user is disabled', async () => {
      const { users, signIns } = rulesOn(await fresh());
      const user = await users[0]!.create({ name: 'Ada', role: 'operator' });
      const person = { kind: 'operator', userId: user.id } as const;
      const [first, second] = [await signIns[0]!.newCode(person), await signIns[0]!.newCode(person)];
      expect(await signIns[0]!.redeem(first.code)).toEqual(person);
      await users[0]!.update(user.id, { disabled: true });
      await users[0]!.update(user.id, { disabled: false });
      expect(await signIns[0]!.redeem(second.code)).toBeUndefined();
    });
  });

  it('expired sessions and codes are deleted in batches, and no others', async () => {
    const store = await fresh();
    const at = (index: number) => (index < 5 ? start + index : start + 1000);
    const sessions = Array.from({ length: 8 }, (_, index) => newSession({ expiresAt: at(index) }));
    const owner: SessionOwner = { kind: 'admin', adminKey: 'key' };
    const codes = Array.from({ length: 8 }, (_, index) => ({ sha256: `code ${index}`, owner, expiresAt: at(index) }));
    await store.commit(
      commitOf([
        ...sessions.map((session) => insert('session', session)),
        ...codes.map((code) => insert('sign-in-code', code)),
      ]),
    );
    for (const name of ['sessions', 'sign-in codes']) {
      const cleaner = store.cleaners.find((each) => each.name === name)!;
      expect([await cleaner.clean(start + 10, 3), await cleaner.clean(start + 10, 3)]).toEqual([3, 2]);
      expect(await cleaner.clean(start + 10, 3)).toBe(0);
    }
    const left = await Promise.all(sessions.map((each) => store.users.sessionsOfCookie(each.sha256, 5)));
    expect(left.map((each) => each.length)).toEqual([0, 0, 0, 0, 0, 1, 1, 1]);
  });
}
