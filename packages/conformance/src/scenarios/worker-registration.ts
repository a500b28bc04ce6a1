import { textMember, type Document } from '../expectations/answer.ts';
import { expectEqual, expectMatch, expectMembers, expectStatus, expectThat } from '../expectations/expectations.ts';
import { credentialOf, idPattern, registerWorker, unknownId, whileInAdmins } from '../experiment-parts.ts';
import { expectProblem } from '../expectations/problem-expectations.ts';
import { scenariosOf } from '../scenario.ts';

const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

/**
 * Matches a secret of at least 43 characters, because 256 bits need 43 characters in base64url. White space and colons
 * are excluded, because they separate the parts of a header or a credential.
 */
const secretPattern = /^[\x21-\x39\x3b-\x7e]{43,}$/;

export const wrongNames = [
  ...['', ' \t ', 'x'.repeat(129), 'a\nb', 'a\u0000b', 'a\u007fb', 'a\u0085b'],
  // Names with characters that are not allowed: a lone surrogate, three noncharacters, two unassigned code points, and
  // two private-use characters.
  ...['a\ud800b', 'a\ufdd0b', 'a\ufffe', 'a\u{1ffff}b', 'a\u0378b', 'a\u{e0080}b', 'a\ue000b', 'a\u{10fffd}b'],
];

/** Names with different kinds of white space at the start, at the end or at both ends. */
export const spacedNames = [' a', 'a ', '\u00a0a', 'a\u3000', '\u2003a\u2003'];

export const workerRegistrationScenarios = scenariosOf('worker registration', [
  {
    name: 'a registration answers with an id, a time and a token',
    requirements: ['WR-01', 'WR-02', 'WR-04', 'WR-05', 'WR-16', 'WR-22'],
    run: async (server) => {
      const name = server.name('worker');
      const labels = { team: 'red', 'on-call': 'no' };
      const answer = await server.v0('POST', '/workers', { json: { name, labels } });
      const { id, secret } = credentialOf(server, answer);
      const { request } = answer;
      expectMatch(request, 'member worker_id', id, idPattern.worker);
      expectMembers(answer, { experiment_id: server.target.experiment, name, labels, registered_by: 'admin' });
      expectMatch(request, 'member registered_at', answer.member('registered_at'), rfc3339);
      expectThat(secretPattern.test(secret), {
        request,
        what: 'member registration_token',
        expected: 'at least 43 printable characters without a colon',
        seen: `${secret.length} characters`,
      });
    },
  },
  {
    name: 'what was not given is left out of the answer',
    requirements: ['WR-04'],
    run: async (server) => {
      const { id } = await registerWorker(server);
      const answer = await server.v0('GET', `/workers/${id}`);
      expectStatus(answer, 200);
      expectThat(!('name' in answer.document()), {
        request: answer.request,
        what: 'member name',
        expected: 'left out',
        seen: answer.text,
      });
    },
  },
  {
    name: 'the same name again, also at once, is another worker with another token',
    requirements: ['WR-03'],
    run: async (server) => {
      const json = { name: server.name('twin') };
      const all = await Promise.all(Array.from({ length: 10 }, () => registerWorker(server, json)));
      const request = 'POST …/workers';
      expectEqual(request, 'distinct ids', new Set(all.map(({ id }) => id)).size, 10);
      expectEqual(request, 'distinct tokens', new Set(all.map(({ secret }) => secret)).size, 10);
      const listed = await server.v0('GET', `/workers?name=${json.name}`);
      expectStatus(listed, 200);
      const ids = listed.items('workers').map((worker) => textMember(worker, 'worker_id'));
      expectEqual(listed.request, 'workers of this name', ids.toSorted(), all.map(({ id }) => id).toSorted());
    },
  },
  {
    name: 'workers are read one by one and by name, by either class, without any secret',
    requirements: ['WR-06', 'WR-07', 'WR-08'],
    run: async (server) => {
      const name = server.name('a name &=?');
      const made = await server.v0('POST', '/workers', { json: { name } });
      const worker = credentialOf(server, made);
      const { registration_token: _secret, ...shown }: Document = made.document();
      for (const as of ['admin', worker] as const) {
        const one = await server.v0('GET', `/workers/${worker.id}`, { as });
        expectStatus(one, 200);
        expectEqual(one.request, 'the worker', one.document(), shown);
        const named = await server.v0('GET', `/workers?name=${encodeURIComponent(name)}`, { as });
        expectStatus(named, 200);
        expectEqual(named.request, 'workers of this name', named.items('workers'), [shown]);
        const all = await server.v0('GET', '/workers', { as });
        expectStatus(all, 200);
        const suspects = [worker.secret, 'token', 'secret', 'sha256', 'hash'].filter((word) => all.text.includes(word));
        expectEqual(all.request, 'words of secrets in the list', suspects, []);
        expectProblem(await server.v0('GET', `/workers/${unknownId.worker}`, { as }), 'not-found');
      }
      const nobody = await server.v0('GET', `/workers?name=${server.name('nobody')}`);
      expectEqual(nobody.request, 'workers of a name that nobody has', nobody.items('workers'), []);
    },
  },
  {
    name: 'only the admin registers workers and reissues credentials',
    requirements: ['WR-09'],
    run: async (server) => {
      const worker = await registerWorker(server);
      expectProblem(await server.v0('POST', '/workers', { as: worker, json: {} }), 'forbidden');
      for (const id of [worker.id, unknownId.worker])
        expectProblem(await server.v0('POST', `/workers/${id}/reissue-credential`, { as: worker }), 'forbidden');
    },
  },
  {
    name: 'a member of admins neither registers workers nor reissues credentials',
    requirements: ['WR-21', 'WR-09'],
    run: async (server) => {
      const [member, other] = [await registerWorker(server), await registerWorker(server)];
      await whileInAdmins(server, member.id, async () => {
        expectProblem(await server.v0('POST', '/workers', { as: member, json: {} }), 'forbidden');
        for (const id of [other.id, member.id, unknownId.worker])
          expectProblem(await server.v0('POST', `/workers/${id}/reissue-credential`, { as: member }), 'forbidden');
      });
      expectStatus(await server.v0('GET', '/whoami', { as: other }), 200);
    },
  },
  {
    name: 'a list of workers without a limit has all of them',
    requirements: ['WR-20'],
    run: async (server) => {
      const json = { name: server.name('many') };
      const made: string[] = [];
      while (made.length < 110) {
        const batch = await Promise.all(Array.from({ length: 10 }, () => registerWorker(server, json)));
        made.push(...batch.map(({ id }) => id));
      }
      for (const tail of ['/workers', `/workers?name=${json.name}`]) {
        const listed = await server.v0('GET', tail);
        expectStatus(listed, 200);
        const ids = new Set(listed.items('workers').map((worker) => textMember(worker, 'worker_id')));
        expectEqual(listed.request, 'workers that are missing', made.filter((id) => !ids.has(id)).length, 0);
      }
    },
  },
  {
    name: 'a reissued credential replaces the one before',
    requirements: ['WR-10', 'WR-11', 'WR-12'],
    run: async (server) => {
      const old = await registerWorker(server);
      expectStatus(await server.v0('GET', '/whoami', { as: old }), 200);
      const answer = await server.v0('POST', `/workers/${old.id}/reissue-credential`, { json: {} });
      const fresh = credentialOf(server, answer);
      const members = Object.keys(answer.document()).toSorted();
      expectEqual(answer.request, 'the members', members, ['registration_token', 'worker_id']);
      expectEqual(answer.request, 'member worker_id', fresh.id, old.id);
      expectThat(fresh.secret !== old.secret, {
        request: answer.request,
        what: 'the token',
        expected: 'new',
        seen: 'old',
      });
      expectProblem(await server.v0('GET', '/whoami', { as: old }), 'unauthorized');
      expectStatus(await server.v0('GET', '/whoami', { as: fresh }), 200);
      const unknown = await server.v0('POST', `/workers/${unknownId.worker}/reissue-credential`, { json: {} });
      expectProblem(unknown, 'not-found');
    },
  },
  {
    name: 'reserved names are refused',
    requirements: ['WR-13'],
    run: async (server) => {
      for (const name of ['admin', 'system', 'internal'])
        expectProblem(await server.v0('POST', '/workers', { json: { name } }), 'reserved-identifier');
    },
  },
  {
    name: 'names that cannot be names are refused, and the longest one is not',
    requirements: ['WR-14'],
    run: async (server) => {
      for (const name of wrongNames)
        expectProblem(await server.v0('POST', '/workers', { json: { name } }), 'invalid-name');
      const long = 'é'.repeat(128);
      const answer = await server.v0('POST', '/workers', { json: { name: long } });
      credentialOf(server, answer);
      expectMembers(answer, { name: long });
    },
  },
  {
    name: 'names with white space around them are refused, not trimmed',
    requirements: ['WR-18'],
    run: async (server) => {
      for (const name of spacedNames)
        expectProblem(await server.v0('POST', '/workers', { json: { name } }), 'invalid-name');
    },
  },
  {
    name: 'names are kept in NFC',
    requirements: ['WR-19'],
    run: async (server) => {
      const word = server.name('caf');
      const answer = await server.v0('POST', '/workers', { json: { name: `${word}e\u0301` } });
      credentialOf(server, answer);
      expectMembers(answer, { name: `${word}\u00e9` });
    },
  },
]);
