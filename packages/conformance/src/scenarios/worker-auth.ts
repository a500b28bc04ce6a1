import { expectEqual, expectMembers, expectStatus, expectThat, NotTried } from '../expectations/expectations.ts';
import { registerWorker, unknownId } from '../experiment-parts.ts';
import { expectCode, OwnQueue, unknownJob } from '../own-queue.ts';
import { expectProblem } from '../expectations/problem-expectations.ts';
import { scenariosOf } from '../scenario.ts';
import { experimentHeader, otherExperiment, type Credential, type ServerUnderTest } from '../server-under-test.ts';

/** A secret that the server does not know. It has the length of a real secret. */
const wrongSecret = 'w'.repeat(64);

/** Throws `NotTried` if the server has no queue (`/api/queue`), only /v0. */
async function requireQueue(server: ServerUnderTest): Promise<void> {
  const answer = await server.queue('GET', '/jobs?limit=1');
  if (answer.status !== 200) throw new NotTried('the server shows no queue to its admin');
}

export const workerAuthScenarios = scenariosOf('worker auth', [
  {
    name: 'a missing, malformed or wrong credential is 401',
    requirements: ['WA-01', 'WA-02', 'WA-03', 'WA-16'],
    run: async (server) => {
      const { id, secret } = await registerWorker(server);
      const wrong = [
        '',
        'Bearer',
        'Bearer ',
        'Bearer :',
        `Bearer ${id}`,
        `Bearer ${id}:`,
        `Bearer :${secret}`,
        `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
        `${id}:${secret}`,
        `Bearer ${id}:${wrongSecret}`,
        `Bearer ${id}:${secret}x`,
        `Bearer ${unknownId.worker}:${secret}`,
        `Bearer nobody:${wrongSecret}`,
        `Bearer admin:${secret}`,
        `Bearer admin:${wrongSecret}`,
      ];
      expectProblem(await server.v0('GET', '/workers', { as: null }), 'unauthorized');
      for (const authorization of wrong) {
        const answer = await server.v0('GET', '/workers', { as: { authorization } });
        expectProblem(answer, 'unauthorized');
        const repeats = [secret, wrongSecret].some((each) => answer.text.includes(each));
        expectThat(!repeats, { request: answer.request, what: 'the refusal', expected: 'no credential', seen: 'one' });
      }
    },
  },
  {
    name: 'the scheme is taken in any case',
    requirements: ['WA-04'],
    run: async (server) => {
      const { id, secret } = await registerWorker(server);
      for (const scheme of ['Bearer', 'bearer', 'BEARER', 'bEaReR'])
        expectStatus(await server.v0('GET', '/whoami', { as: { authorization: `${scheme} ${id}:${secret}` } }), 200);
    },
  },
  {
    name: 'the secret begins after the first colon, and no further one ends it',
    requirements: ['WA-05'],
    run: async (server) => {
      const { id, secret } = await registerWorker(server);
      for (const tail of [`${secret}:`, `${secret}:more`, `:${secret}`])
        expectProblem(
          await server.v0('GET', '/whoami', { as: { authorization: `Bearer ${id}:${tail}` } }),
          'unauthorized',
        );
    },
  },
  {
    name: 'without a credential an unknown path, method or experiment is 401 as well',
    requirements: ['WA-06', 'WA-07'],
    run: async (server) => {
      for (const as of [null, { authorization: `Bearer admin:${wrongSecret}` }]) {
        for (const tail of ['/nothing', '/workers/x/y/z', '/whoami'])
          expectProblem(await server.v0('GET', tail, { as }), 'unauthorized');
        expectProblem(await server.v0('PATCH', '/workers', { as }), 'unauthorized');
        expectProblem(
          await server.v0('GET', '/workers', { as, headers: { [experimentHeader]: null } }),
          'unauthorized',
        );
        expectProblem(await server.v0('POST', '/workers', { as, body: '{"broken' }), 'unauthorized');
      }
      for (const path of ['/v0', '/v0/nothing', `/v0/experiments/${unknownId.experiment}/workers`])
        expectProblem(await server.call('GET', path), 'unauthorized');
    },
  },
  {
    name: "a worker is forbidden what is the admin's, before anything is looked up",
    requirements: ['WA-08', 'WA-09'],
    run: async (server) => {
      const as = await registerWorker(server);
      const group = unknownId.group;
      expectProblem(await server.v0('POST', '/workers', { as, json: {} }), 'forbidden');
      expectProblem(await server.v0('POST', `/workers/${unknownId.worker}/reissue-credential`, { as }), 'forbidden');
      expectProblem(await server.v0('POST', '/groups', { as, json: {} }), 'forbidden');
      expectProblem(await server.v0('DELETE', `/groups/${group}`, { as }), 'forbidden');
      expectProblem(await server.v0('DELETE', `/groups/${group}/members/${as.id}`, { as }), 'forbidden');
      const json = { member_id: as.id };
      expectProblem(await server.v0('POST', `/groups/${group}/members`, { as, json }), 'forbidden');
    },
  },
  {
    name: 'whoami tells a worker who it is, and refuses the admin',
    requirements: ['WA-10', 'WA-11'],
    run: async (server) => {
      const name = server.name('worker');
      const named = await registerWorker(server, { name });
      const answer = await server.v0('GET', '/whoami', { as: named });
      expectStatus(answer, 200);
      expectMembers(answer, { worker_id: named.id, name });
      const nameless = await registerWorker(server);
      const short = await server.v0('GET', '/whoami', { as: nameless });
      expectStatus(short, 200);
      expectEqual(short.request, 'the answer', short.document(), { worker_id: nameless.id });
      expectProblem(await server.v0('GET', '/whoami'), 'forbidden');
    },
  },
  {
    name: 'the secret of one worker does not speak for another',
    requirements: ['WA-20', 'WA-03'],
    run: async (server) => {
      const [one, two] = [await registerWorker(server), await registerWorker(server)];
      const mixed: Credential = { id: one.id, secret: two.secret };
      expectProblem(await server.v0('GET', '/whoami', { as: mixed }), 'unauthorized');
    },
  },
  {
    name: 'an unknown worker is refused in the words of a wrong secret',
    requirements: ['WA-15'],
    run: async (server) => {
      const { id } = await registerWorker(server);
      const words = async (who: string): Promise<unknown> => {
        const answer = await server.v0('GET', '/whoami', { as: { id: who, secret: wrongSecret } });
        expectProblem(answer, 'unauthorized');
        return answer.document();
      };
      expectEqual('GET …/whoami', 'the refusal of an unknown worker', await words(unknownId.worker), await words(id));
    },
  },
  {
    name: "a worker's credential is worth nothing on another experiment",
    requirements: ['WA-12'],
    run: async (server) => {
      const other = await otherExperiment(server);
      const { id, secret } = await registerWorker(server);
      const headers = { authorization: `Bearer ${id}:${secret}`, [experimentHeader]: other };
      expectProblem(await server.call('GET', `/v0/experiments/${other}/whoami`, { headers }), 'unauthorized');
      expectProblem(await server.call('GET', `/v0/experiments/${other}/nothing`, { headers }), 'unauthorized');
    },
  },
  {
    name: 'a plain queue token is no credential here',
    requirements: ['WA-13'],
    run: async (server) => {
      await requireQueue(server);
      const { id, secret } = await new OwnQueue(server).worker();
      for (const authorization of [`Bearer ${id}:${secret}`, `Bearer ${secret}`])
        expectProblem(await server.v0('GET', '/workers', { as: { authorization } }), 'unauthorized');
    },
  },
  {
    name: 'a registered worker is the same worker on the queue',
    requirements: ['WA-14'],
    run: async (server) => {
      await requireQueue(server);
      // A heartbeat for an unknown job changes nothing. Its error shows which worker the queue recognized: 404 if the
      // named worker is the caller, 403 if it is another worker.
      const { id, secret } = await registerWorker(server);
      const beat = (workerId: string) =>
        server.queue('POST', `/jobs/${unknownJob}/heartbeat`, {
          json: { workerId },
          as: { authorization: `Bearer ${secret}` },
        });
      expectCode(await beat(id), 404, 'job_not_found');
      expectCode(await beat(unknownId.worker), 403, 'worker_not_authorized');
    },
  },
  {
    name: 'a 401 says how to authenticate',
    requirements: ['WA-17'],
    run: async (server) => {
      const answer = await server.v0('GET', '/workers', { as: null });
      expectProblem(answer, 'unauthorized');
      if (answer.headers.get('www-authenticate') === null) throw new NotTried('the server sends no WWW-Authenticate');
      expectThat(/^bearer\b/i.test(answer.header('www-authenticate')), {
        request: answer.request,
        what: 'header WWW-Authenticate',
        expected: 'the Bearer scheme',
        seen: answer.header('www-authenticate'),
      });
    },
  },
]);
