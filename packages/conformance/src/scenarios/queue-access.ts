import { textMember } from '../expectations/answer.ts';
import { expectEqual, expectStatus, expectThat } from '../expectations/expectations.ts';
import { expectCode, OwnQueue, unknownJob } from '../own-queue.ts';
import { scenariosOf } from '../scenario.ts';

export const queueAccessScenarios = scenariosOf('queue lifecycle', [
  {
    name: 'a call without a valid credential is told so by a problem document',
    requirements: ['QL-01', 'QL-06'],
    run: async (server) => {
      const headers = [null, 'Bearer ', 'Bearer nobody-has-this-token', 'Basic bm9ib2R5Om5vdGhpbmc='];
      for (const authorization of headers) {
        const answer = await server.call('GET', '/api/queue/jobs', { headers: { authorization } });
        expectCode(answer, 401, 'unauthenticated');
      }
    },
  },
  {
    name: 'a worker shows its token in any of three headers',
    requirements: ['QL-02'],
    run: async (server) => {
      const { secret } = await new OwnQueue(server).worker();
      const headers = [
        { authorization: `Bearer ${secret}` },
        { 'x-worker-token': secret },
        { 'x-moonmind-worker-token': secret },
      ];
      for (const each of headers)
        expectStatus(await server.call('POST', '/api/queue/jobs/claim', { headers: each, json: {} }), 200);
    },
  },
  {
    name: 'a worker may neither create jobs, cancel them nor see tokens',
    requirements: ['QL-03'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const as = await queue.worker();
      const jobId = await queue.enqueuedId();
      expectStatus(await server.queue('POST', '/jobs', { as, json: queue.job() }), 403);
      expectStatus(await server.queue('POST', `/jobs/${jobId}/cancel`, { as, json: {} }), 403);
      expectStatus(await server.queue('GET', '/workers/tokens', { as }), 403);
      expectStatus(
        await server.queue('POST', '/workers/tokens', { as, json: { workerId: server.name('worker') } }),
        403,
      );
    },
  },
  {
    name: 'a workerId of somebody else is refused before the job is looked up',
    requirements: ['QL-04'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      const json = { workerId: 'somebody-else' };
      for (const tail of ['/jobs/claim', `/jobs/${unknownJob}/heartbeat`, `/jobs/${unknownJob}/complete`])
        expectCode(await server.queue('POST', tail, { as: worker, json }), 403, 'worker_not_authorized');
    },
  },
  {
    name: 'a worker token is shown once, and refused as soon as it is revoked',
    requirements: ['QL-01', 'QL-05'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      const list = await server.queue('GET', `/workers/tokens?workerId=${worker.id}`);
      expectStatus(list, 200);
      const { request } = list;
      expectThat(!list.text.includes(worker.secret), {
        request,
        what: 'the list',
        expected: 'no token',
        seen: 'a token',
      });
      const [token] = list.items('items');
      expectEqual(request, 'the worker of the token', token?.['workerId'], worker.id);
      expectStatus(await server.queue('POST', '/jobs/claim', { as: worker, json: {} }), 200);
      const id = textMember(token ?? {}, 'id', request);
      expectStatus(await server.queue('POST', `/workers/tokens/${id}/revoke`, { json: {} }), 200);
      expectCode(await server.queue('POST', '/jobs/claim', { as: worker, json: {} }), 401, 'unauthenticated');
    },
  },
  {
    name: 'workers that asked for work lately are listed with what they hold',
    requirements: ['QL-49'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      const { id } = await queue.held(worker);
      const answer = await server.queue('GET', '/workers?limit=200');
      expectStatus(answer, 200);
      const seen = answer.items('items').find((each) => each['workerId'] === worker.id);
      expectEqual(answer.request, 'what the worker holds', seen?.['holds'], [id]);
    },
  },
]);
