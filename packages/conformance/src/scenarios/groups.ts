import { textMember, type Answer } from '../expectations/answer.ts';
import { expectEqual, expectMatch, expectMembers, expectStatus, expectThat } from '../expectations/expectations.ts';
import {
  addMember,
  createGroup,
  idPattern,
  registerWorker,
  removeMember,
  standingGroup,
  unknownId,
  whileInAdmins,
} from '../experiment-parts.ts';
import { expectProblem } from '../expectations/problem-expectations.ts';
import { scenariosOf } from '../scenario.ts';
import type { Credential, ServerUnderTest } from '../server-under-test.ts';
import { spacedNames, wrongNames } from './worker-registration.ts';

async function membersOf(server: ServerUnderTest, groupId: string): Promise<readonly unknown[]> {
  const answer = await server.v0('GET', `/groups/${groupId}`);
  expectStatus(answer, 200);
  return answer.items('members');
}

/** Creates a group. Only the admin and the members of the group `admins` may do this. */
function administer(server: ServerUnderTest, as: Credential): Promise<Answer> {
  return server.v0('POST', '/groups', { as, json: { name: server.name('made-by-a-worker') } });
}

export const groupScenarios = scenariosOf('groups', [
  {
    name: 'a group is made, read and listed as it was made',
    requirements: ['GR-01', 'GR-02', 'GR-03', 'GR-04', 'GR-20'],
    run: async (server) => {
      const worker = await registerWorker(server);
      const name = server.name('group');
      const made = await server.v0('POST', '/groups', { json: { name, members: [worker.id] } });
      expectStatus(made, 200);
      const id = made.member('group_id');
      expectMatch(made.request, 'member group_id', id, idPattern.group);
      expectMembers(made, { experiment_id: server.target.experiment, name, members: [worker.id], created_by: 'admin' });
      expectThat(!Number.isNaN(Date.parse(made.member('created_at'))), {
        request: made.request,
        what: 'member created_at',
        expected: 'a time',
        seen: made.member('created_at'),
      });
      for (const as of ['admin', worker] as const) {
        const one = await server.v0('GET', `/groups/${id}`, { as });
        expectStatus(one, 200);
        expectEqual(one.request, 'the group', one.document(), made.document());
        const named = await server.v0('GET', `/groups?name=${name}`, { as });
        expectStatus(named, 200);
        expectEqual(named.request, 'groups of this name', named.items('groups'), [made.document()]);
        expectStatus(await server.v0('GET', '/groups', { as }), 200);
        expectProblem(await server.v0('GET', `/groups/${unknownId.group}`, { as }), 'not-found');
      }
    },
  },
  {
    name: 'a group without name and members has no name and no members',
    requirements: ['GR-01'],
    run: async (server) => {
      const made = await server.v0('POST', '/groups', { json: {} });
      expectStatus(made, 200);
      expectMembers(made, { members: [] });
      expectThat(!('name' in made.document()), {
        request: made.request,
        what: 'name',
        expected: 'none',
        seen: made.text,
      });
    },
  },
  {
    name: 'members are added once, however often it is said, and taken out',
    requirements: ['GR-06', 'GR-07', 'GR-19'],
    run: async (server) => {
      const [one, two] = [await registerWorker(server), await registerWorker(server)];
      const group = await createGroup(server, { members: [one.id] });
      for (const _ of ['first', 'again']) {
        const answer = await addMember(server, group, two.id);
        expectStatus(answer, 200);
        expectMembers(answer, { group_id: group });
        expectEqual(answer.request, 'members', answer.items('members').toSorted(), [one.id, two.id].toSorted());
      }
      const without = await removeMember(server, group, one.id);
      expectStatus(without, 200);
      expectMembers(without, { members: [two.id] });
      expectEqual('GET …/groups/{G}', 'members', await membersOf(server, group), [two.id]);
      expectProblem(await addMember(server, unknownId.group, one.id), 'not-found');
      expectProblem(await removeMember(server, unknownId.group, one.id), 'not-found');
    },
  },
  {
    name: 'a deleted group is gone',
    requirements: ['GR-08', 'GR-19'],
    run: async (server) => {
      const group = await createGroup(server);
      const deleted = await server.v0('DELETE', `/groups/${group}`);
      expectStatus(deleted, 204);
      expectEqual(deleted.request, 'the body', deleted.text, '');
      expectProblem(await server.v0('GET', `/groups/${group}`), 'not-found');
      expectProblem(await server.v0('DELETE', `/groups/${group}`), 'not-found');
    },
  },
  {
    name: 'a worker may not write to groups, known or unknown',
    requirements: ['GR-05'],
    run: async (server) => {
      const as = await registerWorker(server);
      const known = await createGroup(server, { members: [as.id] });
      expectProblem(await administer(server, as), 'forbidden');
      for (const group of [known, unknownId.group, await standingGroup(server, 'admins')]) {
        expectProblem(await addMember(server, group, as.id, as), 'forbidden');
        expectProblem(await removeMember(server, group, as.id, as), 'forbidden');
        expectProblem(await server.v0('DELETE', `/groups/${group}`, { as }), 'forbidden');
      }
    },
  },
  {
    name: 'members that do not exist are kept and resolve to nobody',
    requirements: ['GR-10', 'GR-09'],
    run: async (server) => {
      const inner = await createGroup(server);
      const members = [unknownId.worker, unknownId.group, inner];
      const outer = await createGroup(server, { members });
      expectEqual('GET …/groups/{G}', 'members', (await membersOf(server, outer)).toSorted(), members.toSorted());
      expectStatus(await addMember(server, inner, unknownId.worker), 200);
    },
  },
  {
    name: 'a group never becomes a member of itself, however far around',
    requirements: ['GR-11', 'GR-09'],
    run: async (server) => {
      const [a, b, c] = [await createGroup(server), await createGroup(server), await createGroup(server)];
      expectProblem(await addMember(server, a, a), 'cycle-detected');
      expectStatus(await addMember(server, a, b), 200);
      expectProblem(await addMember(server, b, a), 'cycle-detected');
      expectStatus(await addMember(server, b, c), 200);
      expectProblem(await addMember(server, c, a), 'cycle-detected');
      expectEqual('GET …/groups/{G}', 'members after a refusal', await membersOf(server, c), []);
      expectStatus(await removeMember(server, a, b), 200);
      expectStatus(await addMember(server, c, a), 200);
    },
  },
  {
    name: 'of edits made at once that would close a cycle together one is refused',
    requirements: ['GR-12'],
    run: async (server) => {
      for (const size of [2, 2, 2, 2, 5]) {
        const ring = await Promise.all(Array.from({ length: size }, () => createGroup(server)));
        const next = (index: number): string => ring[(index + 1) % size] ?? '';
        const answers = await Promise.all(ring.map((group, index) => addMember(server, group, next(index))));
        const refused = answers.filter((answer) => answer.status !== 200);
        expectEqual(`${size} edits that make a ring`, 'refusals', refused.length, 1);
        for (const answer of refused) expectProblem(answer, 'cycle-detected');
      }
    },
  },
  {
    name: 'members added at once are all kept',
    requirements: ['GR-21'],
    run: async (server) => {
      const group = await createGroup(server);
      const workers = await Promise.all(Array.from({ length: 10 }, () => registerWorker(server)));
      const answers = await Promise.all(workers.map(({ id }) => addMember(server, group, id)));
      for (const answer of answers) expectStatus(answer, 200);
      const kept = (await membersOf(server, group)).toSorted();
      expectEqual('GET …/groups/{G}', 'members', kept, workers.map(({ id }) => id).toSorted());
    },
  },
  {
    name: 'the standing groups exist, and nobody makes another of their name',
    requirements: ['GR-13', 'GR-15'],
    run: async (server) => {
      for (const name of ['admins', 'orchestrators'] as const) {
        expectMatch(`GET …/groups?name=${name}`, 'group_id', await standingGroup(server, name), idPattern.group);
        expectProblem(await server.v0('POST', '/groups', { json: { name } }), 'reserved-identifier');
      }
    },
  },
  {
    name: 'names of groups follow the rules of names',
    requirements: ['GR-14'],
    run: async (server) => {
      for (const name of [...wrongNames, ...spacedNames])
        expectProblem(await server.v0('POST', '/groups', { json: { name } }), 'invalid-name');
      const word = server.name('caf');
      const made = await server.v0('POST', '/groups', { json: { name: `${word}e\u0301` } });
      expectStatus(made, 200);
      expectMembers(made, { name: `${word}\u00e9` });
    },
  },
  {
    name: 'a member of admins is admin-class, until it is taken out',
    requirements: ['GR-16', 'GR-18', 'GR-20'],
    run: async (server) => {
      const worker = await registerWorker(server);
      expectProblem(await administer(server, worker), 'forbidden');
      await whileInAdmins(server, worker.id, async () => {
        const made = await administer(server, worker);
        expectStatus(made, 200);
        expectMembers(made, { created_by: worker.id });
      });
      expectProblem(await administer(server, worker), 'forbidden');
    },
  },
  {
    name: 'admin class reaches through nested groups, and ends with the group in between',
    requirements: ['GR-17', 'GR-18'],
    run: async (server) => {
      const worker = await registerWorker(server);
      const inner = await createGroup(server, { members: [worker.id] });
      const middle = await createGroup(server, { members: [inner] });
      await whileInAdmins(server, middle, async () => {
        expectStatus(await administer(server, worker), 200);
        expectStatus(await removeMember(server, inner, worker.id), 200);
        expectProblem(await administer(server, worker), 'forbidden');
        expectStatus(await addMember(server, inner, worker.id), 200);
        expectStatus(await administer(server, worker), 200);
        expectStatus(await server.v0('DELETE', `/groups/${inner}`), 204);
        expectProblem(await administer(server, worker), 'forbidden');
      });
    },
  },
  {
    name: 'a member of orchestrators, or of a group that merely looks like admins, is not admin-class',
    requirements: ['GR-16'],
    run: async (server) => {
      const worker = await registerWorker(server);
      const orchestrators = await standingGroup(server, 'orchestrators');
      await createGroup(server, {
        name: server.name('admins'),
        members: [worker.id, await standingGroup(server, 'admins')],
      });
      expectStatus(await addMember(server, orchestrators, worker.id), 200);
      const tried = await administer(server, worker);
      await removeMember(server, orchestrators, worker.id);
      expectProblem(tried, 'forbidden');
    },
  },
  {
    name: 'members that are no list of distinct ids are refused',
    requirements: ['GR-23'],
    run: async (server) => {
      const { id } = await registerWorker(server);
      const other = await createGroup(server);
      for (const members of [
        id,
        { 0: id },
        [1],
        [null],
        [[id]],
        [{ worker_id: id }],
        [''],
        ['nobody'],
        [id, other, id],
      ])
        expectProblem(await server.v0('POST', '/groups', { json: { members } }), 'bad-request');
      const group = await createGroup(server);
      for (const json of [{ member_id: 1 }, { member_id: [id] }, { member_id: 'nobody' }, { members: [id] }])
        expectProblem(await server.v0('POST', `/groups/${group}/members`, { json }), 'bad-request');
      expectEqual('GET …/groups/{G}', 'members after refusals', await membersOf(server, group), []);
    },
  },
  {
    name: 'a list of groups without a limit has all of them',
    requirements: ['GR-24'],
    run: async (server) => {
      const made: string[] = [];
      while (made.length < 110)
        made.push(...(await Promise.all(Array.from({ length: 10 }, () => createGroup(server)))));
      const listed = await server.v0('GET', '/groups');
      expectStatus(listed, 200);
      const ids = new Set(listed.items('groups').map((group) => textMember(group, 'group_id')));
      expectEqual(listed.request, 'groups that are missing', made.filter((id) => !ids.has(id)).length, 0);
    },
  },
  {
    name: 'one member taken out leaves the others',
    requirements: ['GR-07', 'GR-03'],
    run: async (server) => {
      const workers = await Promise.all([1, 2, 3].map(() => registerWorker(server)));
      const ids = workers.map(({ id }) => id);
      const group = await createGroup(server, { name: server.name('three'), members: ids });
      expectStatus(await removeMember(server, group, ids[1] ?? ''), 200);
      const listed = await server.v0('GET', '/groups');
      const found = listed.items('groups').find((each) => textMember(each, 'group_id') === group);
      if (found !== undefined) expectEqual(listed.request, 'members', found['members'], [ids[0], ids[2]]);
    },
  },
]);
