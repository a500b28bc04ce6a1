import type { Answer } from '../expectations/answer.ts';
import { expectBytes, expectStatus, expectThat, NotTried } from '../expectations/expectations.ts';
import {
  addMember,
  createGroup,
  depositedUri,
  fetchUri,
  registerWorker,
  removeMember,
  whileInAdmins,
} from '../experiment-parts.ts';
import { expectProblem } from '../expectations/problem-expectations.ts';
import { scenariosOf } from '../scenario.ts';
import type { Caller, ServerUnderTest } from '../server-under-test.ts';

async function expectReads(server: ServerUnderTest, uri: string, as: Caller): Promise<void> {
  const got = await fetchUri(server, uri, { as });
  expectStatus(got, 200);
  expectBytes(got, Buffer.from('bytes'));
}

async function expectRefused(server: ServerUnderTest, uri: string, as: Caller): Promise<void> {
  expectProblem(await fetchUri(server, uri, { as }), 'forbidden');
}

function grant(server: ServerUnderTest, uri: string, reader: string, as: Caller): Promise<Answer> {
  return server.v0('POST', '/artifacts/grants', { as, json: { uri, reader } });
}

/** Grants read access to a worker or group. Throws `NotTried` if the server has no call for grants (404 or 405). */
async function granted(server: ServerUnderTest, uri: string, reader: string, as: Caller): Promise<void> {
  const answer = await grant(server, uri, reader, as);
  if (answer.status === 404 || answer.status === 405) throw new NotTried('the server has no grants');
  expectThat(answer.status >= 200 && answer.status < 300, {
    request: answer.request,
    what: 'the status',
    expected: '2xx',
    seen: answer.brief(),
  });
}

export const artifactReaderScenarios = scenariosOf('artifact transfer', [
  {
    name: 'the depositor and the admin may fetch, another worker may not',
    requirements: ['AT-31', 'AT-11'],
    run: async (server) => {
      const [depositor, other] = [await registerWorker(server), await registerWorker(server)];
      const theirs = await depositedUri(server, 'bytes', { as: depositor });
      await expectReads(server, theirs, depositor);
      await expectReads(server, theirs, 'admin');
      await expectRefused(server, theirs, other);
      const admins = await depositedUri(server, 'bytes');
      await expectReads(server, admins, 'admin');
      await expectRefused(server, admins, depositor);
    },
  },
  {
    name: 'a worker whose credential was reissued still reads what it deposited',
    requirements: ['AT-31', 'AT-11'],
    run: async (server) => {
      const old = await registerWorker(server);
      const uri = await depositedUri(server, 'bytes', { as: old });
      const answer = await server.v0('POST', `/workers/${old.id}/reissue-credential`);
      expectStatus(answer, 200);
      const secret = answer.member('registration_token');
      server.remember(secret);
      await expectReads(server, uri, { id: old.id, secret });
    },
  },
  {
    name: 'a member of admins may fetch, itself or through nested groups, and no longer than that',
    requirements: ['AT-32'],
    run: async (server) => {
      const [direct, nested] = [await registerWorker(server), await registerWorker(server)];
      const uri = await depositedUri(server, 'bytes', { as: await registerWorker(server) });
      await expectRefused(server, uri, direct);
      await whileInAdmins(server, direct.id, () => expectReads(server, uri, direct));
      await expectRefused(server, uri, direct);
      const inner = await createGroup(server, { members: [nested.id] });
      const outer = await createGroup(server, { members: [inner] });
      await expectRefused(server, uri, nested);
      await whileInAdmins(server, outer, () => expectReads(server, uri, nested));
      await expectRefused(server, uri, nested);
    },
  },
  {
    name: 'members of a common group do not read each other',
    requirements: ['AT-31'],
    run: async (server) => {
      const [one, two] = [await registerWorker(server), await registerWorker(server)];
      await createGroup(server, { members: [one.id, two.id] });
      await expectRefused(server, await depositedUri(server, 'bytes', { as: one }), two);
    },
  },
  {
    name: 'a granted worker may fetch this artifact and no other',
    requirements: ['AT-33'],
    run: async (server) => {
      const [depositor, reader, other] = await Promise.all([1, 2, 3].map(() => registerWorker(server)));
      if (depositor === undefined || reader === undefined || other === undefined) return;
      const [shared, kept] = [
        await depositedUri(server, 'bytes', { as: depositor }),
        await depositedUri(server, 'bytes', { as: depositor }),
      ];
      await granted(server, shared, reader.id, depositor);
      await granted(server, shared, reader.id, depositor);
      await expectReads(server, shared, reader);
      await expectRefused(server, kept, reader);
      await expectRefused(server, shared, other);
      await granted(server, kept, other.id, 'admin');
      await expectReads(server, kept, other);
    },
  },
  {
    name: 'the members of a granted group may fetch, as long as they are its members',
    requirements: ['AT-33'],
    run: async (server) => {
      const [depositor, reader] = [await registerWorker(server), await registerWorker(server)];
      const uri = await depositedUri(server, 'bytes', { as: depositor });
      const inner = await createGroup(server);
      const group = await createGroup(server, { members: [inner] });
      await granted(server, uri, group, depositor);
      await expectRefused(server, uri, reader);
      for (const place of [group, inner]) {
        expectStatus(await addMember(server, place, reader.id), 200);
        await expectReads(server, uri, reader);
        expectStatus(await removeMember(server, place, reader.id), 200);
        await expectRefused(server, uri, reader);
      }
    },
  },
  {
    name: 'only the depositor and the admin grant, and only what the server issued',
    requirements: ['AT-34'],
    run: async (server) => {
      const [depositor, reader, other] = await Promise.all([1, 2, 3].map(() => registerWorker(server)));
      if (depositor === undefined || reader === undefined || other === undefined) return;
      const uri = await depositedUri(server, 'bytes', { as: depositor });
      await granted(server, uri, reader.id, depositor);
      expectProblem(await grant(server, uri, other.id, other), 'forbidden');
      expectProblem(await grant(server, uri, other.id, reader), 'forbidden');
      await expectRefused(server, uri, other);
      expectProblem(await grant(server, `${uri}x`, other.id, depositor), 'not-found');
      expectProblem(await grant(server, uri, other.id, null), 'unauthorized');
      expectProblem(await server.v0('POST', '/artifacts/grants', { as: depositor, json: { uri } }), 'bad-request');
    },
  },
]);
