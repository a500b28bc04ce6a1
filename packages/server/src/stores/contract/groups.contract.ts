import { cycleClosedBy, groupLimits, type AppError, type GroupEdge, type GroupRecord } from '@proofhouse/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mostMembersListed } from '../../experiments/experiment-store.ts';
import { newGroupWrites } from '../../experiments/group-changes.ts';
import type { MetadataStore } from '../metadata-store.ts';
import { commitOf, newId, start } from './records.ts';
import { storesOf, type StoreHarness } from './store-harness.ts';
import { insert } from '../../kernel/commit.ts';
import {
  addGroup,
  addMember,
  admin,
  allPages,
  asTimePasses,
  byIdOnTies,
  clean,
  clock,
  done,
  hide,
  hour,
  ids,
  newExperiment,
  newGroup,
  rulesOn,
  type Rules,
  visibleChanges,
} from './experiment-records.ts';

/** Contract tests of groups and the members of groups. */
export function groupsContract(harness: StoreHarness): void {
  const { fresh, pair } = storesOf(harness);

  describe('groups', () => {
    it('keep their members in the order of adding, each once', async () => {
      const [one, other] = await pair();
      const group = newGroup('e', { members: ['c', 'a'], name: 'n' });
      await addGroup(one, group);
      for (const member of ['b', 'a', 'z', 'b']) expect(await other.commit(addMember(group.id, member))).toEqual(done);
      expect(await one.experiments.findGroup(group.id)).toEqual({ ...group, members: ['c', 'a', 'b', 'z'] });
      const many = Array.from({ length: 30 }, (_, i) => `m${i}`);
      await Promise.all([...many, ...many].map((id, i) => (i % 2 ? one : other).commit(addMember(group.id, id))));
      const { members = [] } = (await one.experiments.findGroup(group.id)) ?? {};
      expect(members.slice(0, 4)).toEqual(['c', 'a', 'b', 'z']);
      expect(members.slice(4).toSorted()).toEqual(many.toSorted());
    });

    it('lose members, and what is no member is no matter', async () => {
      const store = await fresh();
      const group = newGroup('e', { members: ['a', 'b'] });
      await addGroup(store, group);
      const remove = commitOf([{ kind: 'remove-member', groupId: group.id, memberId: 'a' }]);
      for (let i = 0; i < 2; i++) expect(await store.commit(remove)).toEqual(done);
      await store.commit(addMember(group.id, 'a'));
      expect((await store.experiments.findGroup(group.id))?.members).toEqual(['b', 'a']);
    });

    it('are deleted once with their members, and nothing is added to them afterwards', async () => {
      const [one, other] = await pair();
      const group = newGroup('e', { members: ['a'] });
      const remove = hide(group);
      const missing = { outcome: 'conflict', conflict: { kind: 'missing', record: 'group', id: group.id } };
      await addGroup(one, group);
      const outcomes = await Promise.all([one, other, one, other].map((store) => store.commit(remove)));
      expect(outcomes.filter(({ outcome }) => outcome === 'done')).toHaveLength(1);
      expect(outcomes).toContainEqual(missing);
      expect(await other.experiments.findGroup(group.id)).toBeUndefined();
      expect(await one.commit(addMember(group.id, 'b'))).toEqual(missing);
      expect(await one.experiments.groupsHolding('e', 'a')).toEqual([]);
    });

    it('that are deleted while members are added leave none behind', async () => {
      const [one, other] = await pair();
      for (let round = 0; round < 10; round++) {
        const group = newGroup('e');
        await addGroup(one, group);
        await Promise.all([
          ...['x', 'y', 'z'].map((id) => one.commit(addMember(group.id, id))),
          other.commit(hide(group)),
        ]);
        // After the cleaner has deleted the row of a hidden group, a new group may get the same id. Members of the old
        // group that remained would then be members of the new group.
        await clean(one, start + hour);
        await addGroup(one, group);
        expect((await one.experiments.findGroup(group.id))?.members).toEqual([]);
      }
    });

    it('with many members are invisible until all are added, and then have them in order', async () => {
      const [one, other] = await pair();
      const many = Array.from({ length: 250 }, (_, i) => `w${String(i)}`);
      const group = newGroup('e', { name: 'large', members: [...many, 'grp_inner'] });
      const { hidden, visible, made } = newGroupWrites(group);
      expect(hidden.length).toBeGreaterThan(2);
      for (const { changes, preconditions } of hidden) {
        expect(await one.commit(commitOf(changes, { preconditions }))).toEqual(done);
        expect(await other.experiments.findGroup(group.id)).toBeUndefined();
        expect(
          (await other.experiments.listGroups({ experimentId: 'e' }, { limit: 5, after: undefined })).items,
        ).toEqual([]);
        expect(await other.experiments.groupsHolding('e', 'w0')).toEqual([]);
        expect((await other.experiments.nestedGroups('e')).edges).toEqual([]);
        expect(await other.commit(addMember(group.id, 'early'))).toMatchObject({ conflict: { kind: 'missing' } });
      }
      expect(await one.commit(commitOf(visible))).toEqual(done);
      expect(await other.experiments.findGroup(group.id)).toEqual(made);
      expect(await other.experiments.groupsHolding('e', 'w249')).toEqual([{ id: group.id, name: 'large' }]);
      expect((await other.experiments.nestedGroups('e')).edges).toHaveLength(1);
    });

    it('that were never finished are removed after an hour, and cannot be made visible then', async () => {
      const store = await fresh();
      const group = newGroup('e', { members: Array.from({ length: 150 }, (_, i) => `w${String(i)}`) });
      const { hidden, visible } = newGroupWrites(group);
      const batches = hidden.map(({ changes, preconditions }) => commitOf(changes, { preconditions }));
      for (const batch of batches.slice(0, 2)) expect(await store.commit(batch)).toEqual(done);
      expect(await clean(store, start + hour - 1)).toBe(0);
      expect(await clean(store, start + hour, 10)).toBe(10);
      const changed = { outcome: 'conflict', conflict: { kind: 'version', record: 'group', id: group.id } };
      expect(await store.commit(batches[2]!)).toEqual(changed);
      expect(await store.commit(commitOf(visible))).toEqual(changed);
      // This call removes the 90 members that the first batch left, and then the row of the group.
      expect(await clean(store, start + hour)).toBe(90);
      expect(await clean(store, start + hour)).toBe(0);
      expect(await store.commit(commitOf(visible))).toEqual(changed);
      expect(await store.experiments.findGroup(group.id)).toBeUndefined();
    });

    it('that were deleted lose their members in batches, many small groups in one', async () => {
      const [one, other] = await pair();
      const large = newGroup('e', { members: Array.from({ length: 120 }, (_, i) => `w${String(i)}`) });
      const small = Array.from({ length: 5 }, () => newGroup('e', { members: ['a', 'b'] }));
      const kept = newGroup('e', { members: ['w0'] });
      for (const group of [large, ...small, kept]) await addGroup(one, group);
      await one.commit(hide({ ...large, version: 2 }));
      for (const group of small) await one.commit(hide(group, start + 1));
      expect(await clean(one, start + hour + 1, 100)).toBe(100);
      // One call removes at most 100 rows. First it removes the last 20 members and the row of the large group: 21
      // rows. Then it removes two members and the row of each of the five small groups: 15 rows.
      expect(await clean(other, start + hour + 1, 100)).toBe(36);
      expect(await one.experiments.groupsHolding('e', 'w0')).toEqual([{ id: kept.id, name: null }]);
    });

    it('are listed oldest first, by name, in pages, also those of one moment, of one experiment', async () => {
      const store = await fresh();
      const made = Array.from({ length: 20 }, (_, i) =>
        newGroup('e', { name: i % 4 === 0 ? null : `n${i % 2}`, createdAt: start + (i % 3), members: [`m${i}`] }),
      );
      const all = [...made, newGroup('f', { name: 'n1' })];
      await store.commit(commitOf(visibleChanges(all)));
      for (const name of [undefined, 'n0', 'n1', 'absent']) {
        const filter = { experimentId: 'e', name };
        const listed = await allPages((after) => store.experiments.listGroups(filter, { limit: 3, after }));
        const wanted = made.filter((group) => name === undefined || group.name === name);
        expect(listed).toEqual(wanted.toSorted(byIdOnTies));
      }
    });
  });

  describe('who is in a group', () => {
    const names = async (store: MetadataStore, member: string, experimentId = 'e') =>
      (await store.experiments.groupsHolding(experimentId, member)).map(({ name }) => name).toSorted();

    it('is found through fifty groups, and through two ways once', async () => {
      const store = await fresh();
      const groups = Array.from({ length: 50 }, (_, i) => newGroup('e', { name: `n${i}` }));
      const [bottom] = groups;
      const chained = groups.map((group, i) => ({ ...group, members: i === 0 ? ['w'] : [groups[i - 1]!.id] }));
      await store.commit(commitOf(visibleChanges(chained.slice(0, 30))));
      await store.commit(commitOf(visibleChanges(chained.slice(30))));
      expect(await names(store, 'w')).toEqual(groups.map(({ name }) => name).toSorted());
      const [left, right] = ['left', 'right'].map((name) => newGroup('e', { name, members: [bottom!.id] }));
      const top = newGroup('e', { name: 'top', members: [left!.id, right!.id, groups[49]!.id] });
      for (const group of [left!, right!, top]) await addGroup(store, group);
      expect(await names(store, 'w')).toHaveLength(53);
      expect(await store.experiments.groupsHolding('e', 'nobody')).toEqual([]);
    });

    it('ends also where groups hold each other', async () => {
      const store = await fresh();
      const [a, b] = ['a', 'b'].map((name) => newGroup('e', { name }));
      for (const group of [a!, b!]) await addGroup(store, group);
      await store.commit(addMember(a!.id, b!.id));
      await store.commit(addMember(b!.id, a!.id));
      await store.commit(addMember(a!.id, 'w'));
      expect(await names(store, 'w')).toEqual(['a', 'b']);
    });

    it('ends with a group that is gone, and does not cross experiments', async () => {
      const store = await fresh();
      const inner = newGroup('e', { name: 'inner', members: ['w'] });
      const outer = newGroup('e', { name: 'outer', members: ['x', inner.id] });
      const foreign = newGroup('f', { name: 'foreign', members: ['w', inner.id] });
      for (const group of [inner, outer, foreign]) await addGroup(store, group);
      expect(await names(store, 'w')).toEqual(['inner', 'outer']);
      expect(await names(store, 'w', 'f')).toEqual(['foreign']);
      await store.commit(hide(inner));
      expect(await names(store, 'w')).toEqual([]);
      expect((await store.experiments.findGroup(outer.id))?.members).toEqual(['x', inner.id]);
    });

    it('counts at once: an admin through groups, and no longer when taken out', async () => {
      const { experiments, groups } = rulesOn(await fresh());
      const { id } = await experiments.create(admin, { name: 'an experiment' });
      const crew = await groups.create(admin, id, { name: 'crew', members: ['wkr', 'wkr', 'gone'] });
      expect(crew.members).toEqual(['wkr', 'gone']);
      expect(await groups.membershipOf(id, 'wkr')).toEqual({ experimentId: id, groupIds: [crew.id], isAdmin: false });
      const admins = await groups.addMember(id, 'admins', crew.id);
      expect(admins).toMatchObject({ name: 'admins', members: [crew.id] });
      expect(await groups.membershipOf(id, 'wkr')).toMatchObject({ isAdmin: true });
      await groups.removeMember(id, crew.id, 'wkr');
      expect(await groups.membershipOf(id, 'wkr')).toEqual({ experimentId: id, groupIds: [], isAdmin: false });
      expect(await groups.get(id, admins.id)).toEqual(await groups.get(id, 'admins'));
    });
  });

  describe('nesting', () => {
    it('tells every nested group with the version, and nothing of an experiment that is not there', async () => {
      const store = await fresh();
      const experiment = newExperiment();
      const inner = newGroup(experiment.id, { members: ['wkr_x', 'grp'] });
      const outer = newGroup(experiment.id, { members: ['w', inner.id] });
      const changes = visibleChanges([inner, outer]);
      await store.commit(commitOf([insert('experiment', experiment, 'conflict'), ...changes]));
      const edges: GroupEdge[] = [{ groupId: outer.id, memberGroupId: inner.id }];
      expect(await store.experiments.nestedGroups(experiment.id)).toEqual({ version: 1, edges });
      expect(await store.experiments.nestedGroups('absent')).toEqual({ version: 0, edges: [] });
    });

    it('never closes a circle: a group in itself, in its member, through a standing group', async () => {
      const { experiments, groups } = rulesOn(await fresh());
      const { id } = await experiments.create(admin, {});
      const a = await groups.create(admin, id, {});
      const b = await groups.create(admin, id, { members: [a.id, 'admins'] });
      const cycle = { code: 'cycle_detected' };
      await expect(groups.addMember(id, a.id, a.id)).rejects.toMatchObject(cycle);
      await expect(groups.addMember(id, a.id, b.id)).rejects.toMatchObject(cycle);
      await expect(groups.addMember(id, 'admins', b.id)).rejects.toMatchObject(cycle);
      await expect(groups.addMember(id, 'admins', 'admins')).rejects.toMatchObject(cycle);
      await groups.removeMember(id, b.id, 'admins');
      expect((await groups.addMember(id, 'admins', b.id)).members).toEqual([b.id]);
      const { items } = await groups.list(id, { limit: 10 });
      expect(items).toHaveLength(4);
    });

    it('of a hundred edits at once on one server loses none', async () => {
      const { experiments, groups } = rulesOn(await fresh());
      const { id } = await experiments.create(admin, {});
      const made = await Promise.all(Array.from({ length: 100 }, () => groups.create(admin, id, {})));
      await Promise.all(made.map((group) => groups.addMember(id, 'orchestrators', group.id)));
      expect((await groups.get(id, 'orchestrators')).members.toSorted()).toEqual(made.map((group) => group.id));
      expect(await experiments.find(id)).toMatchObject({ version: 101 });
    });

    it('of two edits that close a circle together, on two servers, refuses exactly one', async () => {
      const rules = (await pair()).map(rulesOn) as [Rules, Rules];
      const { id } = await rules[0].experiments.create(admin, {});
      for (let round = 0; round < 10; round++) {
        const [a, b] = [await rules[0].groups.create(admin, id, {}), await rules[1].groups.create(admin, id, {})];
        const outcomes = await asTimePasses(
          Promise.allSettled([rules[0].groups.addMember(id, a.id, b.id), rules[1].groups.addMember(id, b.id, a.id)]),
        );
        const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
        expect(refused.map(({ reason }) => (reason as AppError).code)).toEqual(['cycle_detected']);
      }
    });

    it('never makes a circle, whatever is nested at the same time on two servers', { timeout: 120_000 }, async () => {
      const [one, other] = await pair();
      const rules = [rulesOn(one), rulesOn(other)] as const;
      const edit = fc.record({ from: fc.nat(4), to: fc.nat(4), server: fc.nat(1), remove: fc.nat(4) });
      await fc.assert(
        fc.asyncProperty(fc.array(edit, { minLength: 4, maxLength: 14 }), async (edits) => {
          const { id } = await rules[0].experiments.create(admin, {});
          const made: GroupRecord[] = [];
          for (let i = 0; i < 5; i++) made.push(await rules[0].groups.create(admin, id, {}));
          const edited = edits.map(async ({ from, to, server, remove }) => {
            const { groups } = rules[server as 0 | 1];
            const verb = remove === 0 ? 'removeMember' : 'addMember';
            return groups[verb](id, made[from]!.id, made[to]!.id).catch((error: unknown) => (error as AppError).code);
          });
          const outcomes = await asTimePasses(Promise.all(edited));
          const codes = outcomes.filter((outcome) => typeof outcome === 'string');
          expect(['cycle_detected', 'too_busy']).toEqual(expect.arrayContaining(codes));
          const { edges } = await one.experiments.nestedGroups(id);
          expect(cycleClosedBy([], edges)).toBeUndefined();
        }),
        { numRuns: 15 },
      );
    });
  });

  describe('the rules of groups', () => {
    it('bound the members of a group, the nestings of an experiment, and a page', { timeout: 120_000 }, async () => {
      const [one, other] = await pair();
      const [{ experiments, groups }, second] = [rulesOn(one), rulesOn(other)];
      const { id } = await experiments.create(admin, {});
      const most = Math.max(groupLimits.members, groupLimits.nestings);
      expect([groupLimits.members, groupLimits.nestings, mostMembersListed]).toEqual([most, most, 2 * most]);
      const numbered = (prefix: string) => Array.from({ length: most }, (_, i) => `${prefix}${i}`);
      const [nesting, large] = [numbered('grp_'), numbered('w')].map((members, i) =>
        newGroup(id, { members, createdAt: clock.now() + 1 + i }),
      ) as [GroupRecord, GroupRecord];
      for (const group of [nesting, large]) await addGroup(one, group);
      const published = [nesting, large].map((group) => ({ ...group, version: 2 }));
      const small = newGroup(id, { members: ['w'], createdAt: clock.now() + 3 });
      await addGroup(one, small);

      const pages: number[] = [];
      const listed = await allPages(async (after) => {
        const page = await one.experiments.listGroups({ experimentId: id }, { limit: 1000, after });
        pages.push(page.items.length);
        return page;
      });
      expect(pages).toEqual([4, 1]);
      expect(listed.slice(2)).toEqual([...published, small]);

      const refused = (limit: string) => ({
        code: 'invalid_request',
        message: expect.stringContaining(limit) as string,
      });
      await expect(groups.addMember(id, large.id, 'another')).rejects.toMatchObject(refused('10000 members'));
      await expect(groups.addMember(id, small.id, 'grp_x')).rejects.toMatchObject(refused('10000 times'));
      await expect(groups.create(admin, id, { members: ['w', 'GRP_x'] })).rejects.toMatchObject(refused('10000 times'));
      await expect(
        groups.create(admin, id, { members: Array.from({ length: most + 1 }, (_, i) => `x${i}`) }),
      ).rejects.toMatchObject(refused('10000 members'));
      // A full group accepts a member that it already has. Workers do not count for the limit of nested groups.
      expect((await groups.addMember(id, large.id, 'w7')).members).toEqual(large.members);
      expect((await groups.addMember(id, nesting.id, 'grp_7')).members).toEqual(nesting.members);
      expect((await groups.addMember(id, small.id, 'x')).members).toEqual(['w', 'x']);
      // The group can accept only one more member. So exactly one of two concurrent calls on two servers succeeds.
      for (const [full, freed, fresh] of [
        [large.id, 'w3', ['y1', 'y2']],
        [nesting.id, 'grp_3', ['grp_y1', 'grp_y2']],
      ] as const) {
        await groups.removeMember(id, full, freed);
        const outcomes = await asTimePasses(
          Promise.allSettled(fresh.map((member, i) => (i === 0 ? groups : second.groups).addMember(id, full, member))),
        );
        expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
        expect((await groups.get(id, full)).members).toHaveLength(most);
      }
    });

    it('refuse what is not there, what stands, and bad names', async () => {
      const { experiments, groups } = rulesOn(await fresh());
      const { id } = await experiments.create(admin, {});
      const foreign = await experiments.create(admin, {});
      const group = await groups.create(admin, foreign.id, {});
      const missing = { code: 'not_found' };
      for (const absent of [group.id, 'grp_x', '', newId(), 'Admins', '\0', 'é'.repeat(5000)]) {
        await expect(groups.get(id, absent)).rejects.toMatchObject(missing);
        await expect(groups.addMember(id, absent, 'w')).rejects.toMatchObject(missing);
        await expect(groups.delete(id, absent)).rejects.toMatchObject(missing);
      }
      for (const standing of ['admins', 'orchestrators', (await groups.get(id, 'admins')).id]) {
        await expect(groups.delete(id, standing)).rejects.toMatchObject({ code: 'reserved_identifier' });
      }
      for (const name of ['admins', 'Orchestrators'])
        await expect(groups.create(admin, id, { name })).rejects.toMatchObject({ code: 'reserved_identifier' });
      for (const name of [' ', ' crew', 'admins '])
        await expect(groups.create(admin, id, { name })).rejects.toMatchObject({ code: 'invalid_name' });
      const absent = ids.experimentId();
      for (const members of [[], [group.id]]) {
        await expect(groups.create(admin, absent, { members })).rejects.toMatchObject({ code: 'experiment_not_found' });
      }
      await expect(experiments.create(admin, { experimentId: 'exp_1' })).rejects.toMatchObject({
        code: 'invalid_request',
      });
      const named = await groups.create(admin, id, { name: 'e\u0301quipe' });
      expect(named.name).toBe('équipe');
      expect((await groups.list(id, { name: 'e\u0301quipe', limit: 5 })).items).toEqual([named]);
      await groups.delete(id, named.id);
      await expect(groups.get(id, named.id)).rejects.toMatchObject(missing);
    });
  });
}
