import type { Answer } from '../expectations/answer.ts';
import { expectEqual, expectHeader, expectStatus, expectThat } from '../expectations/expectations.ts';
import { deposit, fetchUri, registerWorker, unknownId } from '../experiment-parts.ts';
import { expectAnyProblem, expectProblem, type ProblemType } from '../expectations/problem-expectations.ts';
import { scenariosOf } from '../scenario.ts';
import { experimentHeader, type ServerUnderTest } from '../server-under-test.ts';

const document = ['PJ-01', 'PJ-02', 'PJ-03', 'PJ-04', 'PJ-05', 'PJ-16'];

/** Headers of a form whose body has no closing boundary. */
const brokenForm = { 'content-type': 'multipart/form-data; boundary=here' };

export const problemJsonScenarios = scenariosOf('problem json', [
  {
    name: 'every kind of refusal is a whole problem document of its type',
    requirements: document,
    run: async (server) => {
      const worker = await registerWorker(server);
      const refusals: readonly (readonly [ProblemType, () => Promise<Answer>])[] = [
        ['unauthorized', () => server.v0('GET', '/workers', { as: null })],
        ['forbidden', () => server.v0('POST', '/workers', { as: worker, json: {} })],
        ['not-found', () => fetchUri(server, 'urn:nobody:has this')],
        ['bad-request', () => server.v0('POST', '/groups', { json: { members: 'nobody' } })],
        ['experiment-id-mismatch', () => server.v0('GET', '/workers', { headers: { [experimentHeader]: null } })],
        ['reserved-identifier', () => server.v0('POST', '/groups', { json: { name: 'admins' } })],
        ['invalid-name', () => server.v0('POST', '/groups', { json: { name: '' } })],
      ];
      for (const [type, ask] of refusals) expectProblem(await ask(), type);
    },
  },
  {
    name: 'unknown routes are 404 problems, near known ones and far from them',
    requirements: ['PJ-06', 'PJ-01', 'PJ-05'],
    run: async (server) => {
      for (const tail of ['/nothing', '/workers/x/y/z', '/artifacts/x', '/whoami/x', ''])
        expectProblem(await server.v0('GET', tail), 'not-found');
      const { id, secret } = { id: 'admin', secret: server.target.adminToken };
      for (const path of ['/v0', '/v0/', '/v0/nothing', '/v0/experiments']) {
        const headers = { authorization: `Bearer ${id}:${secret}`, [experimentHeader]: server.target.experiment };
        expectProblem(await server.call('GET', path, { headers }), 'not-found');
      }
    },
  },
  {
    name: 'an unknown path below an experiment is 400 before it is 404',
    requirements: ['PJ-22'],
    run: async (server) => {
      for (const header of [null, '', unknownId.experiment]) {
        const headers = { [experimentHeader]: header };
        for (const tail of ['/nothing', '/workers/x/y/z', '/artifacts/x'])
          expectProblem(await server.v0('GET', tail, { headers }), 'experiment-id-mismatch');
      }
    },
  },
  {
    name: 'unknown methods on known routes are problems of the closed list',
    requirements: ['PJ-07', 'PJ-03'],
    run: async (server) => {
      for (const [method, tail] of [
        ['PUT', '/workers'],
        ['PATCH', '/groups'],
        ['DELETE', '/artifacts'],
        ['POST', '/whoami'],
      ] as const)
        expectAnyProblem(await server.v0(method, tail));
    },
  },
  {
    name: 'a request must name the experiment of its path, and one that exists',
    requirements: ['PJ-08', 'PJ-09', 'PJ-10'],
    run: async (server) => {
      const ask = (id: string, header: string | null): Promise<Answer> =>
        server.call('GET', `/v0/experiments/${id}/workers`, {
          headers: { authorization: `Bearer admin:${server.target.adminToken}`, [experimentHeader]: header },
        });
      const { experiment } = server.target;
      expectStatus(await ask(experiment, experiment), 200);
      expectProblem(await ask(experiment, null), 'experiment-id-mismatch');
      expectProblem(await ask(experiment, ''), 'experiment-id-mismatch');
      expectProblem(await ask(experiment, unknownId.experiment), 'experiment-id-mismatch');
      expectProblem(await ask(unknownId.experiment, experiment), 'experiment-id-mismatch');
      expectProblem(await ask(unknownId.experiment, unknownId.experiment), 'experiment-id-mismatch');
      expectProblem(await ask('not-an-experiment', 'not-an-experiment'), 'experiment-id-mismatch');
    },
  },
  {
    name: 'an experiment that is named twice, once wrongly, is not taken by half',
    requirements: ['PJ-09'],
    run: async (server) => {
      const ids = [server.target.experiment, unknownId.experiment];
      for (const twice of [ids, ids.toReversed()]) {
        const answer = await server.rawV0('GET', '/workers', { headers: { [experimentHeader]: twice } });
        if (answer === undefined) throw new Error('no answer came to a header that was sent twice');
        expectStatus(answer, 400);
        expectAnyProblem(answer);
      }
    },
  },
  {
    name: 'a JSON body with an unknown key, a wrong type or a broken end is 400',
    requirements: ['PJ-11', 'PJ-12'],
    run: async (server) => {
      const post = (body: string): Promise<Answer> =>
        server.v0('POST', '/workers', { body, headers: { 'content-type': 'application/json' } });
      const bodies = ['{"nmae":"x"}', '{"name":1}', '{"name":', '[]', '"name"', '{"labels":"x"}', '\u0000'];
      for (const body of bodies) expectProblem(await post(body), 'bad-request');
      const headers = { 'content-type': 'text/plain' };
      expectProblem(await server.v0('POST', '/workers', { body: '{}', headers }), 'bad-request');
      expectProblem(await server.v0('POST', '/groups', { json: { created_by: 'me' } }), 'bad-request');
    },
  },
  {
    name: 'an empty body that calls itself JSON is no error',
    requirements: ['PJ-13'],
    run: async (server) => {
      const headers = { 'content-type': 'application/json' };
      const { id } = await registerWorker(server);
      expectStatus(await server.v0('GET', `/workers/${id}`, { headers }), 200);
      expectStatus(await server.v0('POST', `/workers/${id}/reissue-credential`, { headers }).then(rememberToken), 200);
      expectStatus(await server.v0('POST', '/workers', { headers }).then(rememberToken), 200);
      const group = await server.v0('POST', '/groups', { headers });
      expectStatus(group, 200);
      expectStatus(await server.v0('DELETE', `/groups/${group.member('group_id')}`, { headers }), 204);

      function rememberToken(answer: Answer): Answer {
        if (answer.status === 200) server.remember(answer.member('registration_token'));
        return answer;
      }
    },
  },
  {
    name: 'answers are JSON in UTF-8 with members in snake_case',
    requirements: ['PJ-14', 'PJ-15'],
    run: async (server) => {
      await registerWorker(server, { name: server.name('Ünïcode'), labels: {} });
      for (const answer of await Promise.all([
        server.v0('GET', '/workers'),
        server.v0('GET', '/groups'),
        server.v0('POST', '/groups', { json: { name: server.name('group') } }),
        deposit(server, 'x'),
      ])) {
        expectHeader(answer, 'content-type', /^application\/json; *charset="?utf-8"?$/i);
        const names = membersOf(answer.document());
        const others = names.filter((name) => !/^[a-z][a-z0-9_]*$/.test(name));
        expectEqual(answer.request, 'members that are not snake_case', others, []);
      }
    },
  },
  {
    name: 'malformed multipart is a problem document too',
    requirements: ['PJ-17', 'PJ-01', 'PJ-02'],
    run: async (server) => {
      const bodies = [
        '',
        'no boundary at all',
        '--here\r\n',
        '--here\r\nnonsense\r\n\r\nx\r\n--here--\r\n',
        '\u0000\u0001',
      ];
      for (const body of bodies)
        expectProblem(await server.v0('POST', '/artifacts', { body, headers: brokenForm }), 'bad-request');
    },
  },
  {
    name: 'hostile paths are answered with problems and break nothing',
    requirements: ['PJ-06', 'PJ-12', 'PJ-01'],
    run: async (server) => {
      for (const tail of ['/workers/%00', '/workers/..%2f..%2fetc', `/workers/${'x'.repeat(1500)}`, '/groups/%F0%9F'])
        expectRefusal(await server.v0('GET', tail));
      await stillWell(server);
    },
  },
]);

/** Expects that an invalid path is refused: as malformed (400) or as unknown (404). */
function expectRefusal(answer: Answer): void {
  expectStatus(answer, 400, 404);
  expectAnyProblem(answer);
}

async function stillWell(server: ServerUnderTest): Promise<void> {
  const answer = await server.v0('GET', '/groups');
  expectThat(answer.status === 200, {
    request: answer.request,
    what: 'the server',
    expected: 'well',
    seen: answer.brief(),
  });
}

/**
 * Returns the member names of a document at every depth. Omits the keys inside `labels`, because the client chooses
 * them.
 */
function membersOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(membersOf);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [name, ...(name === 'labels' ? [] : membersOf(inner))]);
}
