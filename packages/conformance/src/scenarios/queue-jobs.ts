import { textMember } from '../expectations/answer.ts';
import { expectEqual, expectMembers, expectStatus, expectThat } from '../expectations/expectations.ts';
import { expectCode, OwnQueue, unknownJob } from '../own-queue.ts';
import { scenariosOf } from '../scenario.ts';

export const queueJobScenarios = scenariosOf('queue lifecycle', [
  {
    name: 'a created job is queued with its defaults and can be read back',
    requirements: ['QL-07', 'QL-11'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const made = await server.queue('POST', '/jobs', { json: queue.job({ payload: { n: 1 } }) });
      expectStatus(made, 201);
      expectMembers(made, {
        type: 'exec',
        category: 'work',
        status: 'queued',
        priority: 0,
        maxAttempts: 3,
        attempt: 1,
        claimedBy: null,
      });
      expectMembers(made, {
        payload: { repository: queue.repository, n: 1 },
        requiredCapabilities: [queue.capability],
      });
      expectEqual(made.request, 'the job read back', await queue.read(made.member('id')), made.document());
      expectCode(await server.queue('GET', `/jobs/${unknownJob}`), 404, 'job_not_found');
    },
  },
  {
    name: 'a job of an unknown type, with an unknown field or a value out of range is refused',
    requirements: ['QL-08', 'QL-47'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const wrong = [
        { type: 'unheard-of' },
        { unheardOf: true },
        { maxAttempts: 0 },
        { priority: 'high' },
        { payload: { text: 'x'.repeat(256 * 1024) } },
      ];
      for (const fields of wrong)
        expectCode(await server.queue('POST', '/jobs', { json: queue.job(fields) }), 422, 'invalid_request');
    },
  },
  {
    name: 'a job created again under its idempotency key is the first one',
    requirements: ['QL-09'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const json = queue.job({ idempotencyKey: server.name('key') });
      const first = await server.queue('POST', '/jobs', { json });
      expectStatus(first, 201);
      const again = await server.queue('POST', '/jobs', { json });
      expectStatus(again, 200);
      expectEqual(again.request, 'member id', again.member('id'), first.member('id'));
      const other = await server.queue('POST', '/jobs', { json: { ...json, priority: 7 } });
      expectCode(other, 409, 'idempotency_conflict');
    },
  },
  {
    name: 'jobs are listed newest first, page by page until the cursor is null',
    requirements: ['QL-10'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const made: string[] = [];
      for (let count = 0; count < 5; count++) made.push(await queue.enqueuedId());
      const seen: string[] = [];
      let cursor: unknown = '';
      for (let pages = 0; cursor !== null && pages < 1000 && !seen.includes(made[0] ?? ''); pages++) {
        const from = typeof cursor === 'string' && cursor !== '' ? `&cursor=${encodeURIComponent(cursor)}` : '';
        const page = await server.queue('GET', `/jobs?limit=2&status=queued${from}`);
        expectStatus(page, 200);
        seen.push(...page.items('items').map((job) => textMember(job, 'id')));
        cursor = page.document()['nextCursor'];
      }
      const ours = seen.filter((id) => made.includes(id));
      expectEqual('GET /api/queue/jobs', 'the order of our jobs', ours, made.toReversed());
      const foreign = await server.queue('GET', '/jobs?cursor=not-a-cursor');
      expectCode(foreign, 400, 'invalid_cursor');
    },
  },
  {
    name: 'a queued job is cancelled at once, and the first reason stays',
    requirements: ['QL-21'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const id = await queue.enqueuedId();
      const first = await server.queue('POST', `/jobs/${id}/cancel`, { json: { reason: 'first' } });
      expectStatus(first, 200);
      expectMembers(first, { status: 'cancelled', cancelReason: 'first' });
      const again = await server.queue('POST', `/jobs/${id}/cancel`, { json: { reason: 'second' } });
      expectStatus(again, 200);
      expectMembers(again, { status: 'cancelled', cancelReason: 'first' });
    },
  },
  {
    name: 'the holder of a cancelled job sees the request at its heartbeat and acknowledges it',
    requirements: ['QL-22'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      const { id, lease } = await queue.held(worker);
      const asked = await server.queue('POST', `/jobs/${id}/cancel`, { json: { reason: 'enough' } });
      expectStatus(asked, 200);
      expectMembers(asked, { status: 'running', cancelReason: 'enough' });
      const beat = await queue.write(worker, id, 'heartbeat', {}, lease);
      expectStatus(beat, 200);
      beat.member('cancelRequestedAt');
      const acknowledged = await queue.write(worker, id, 'cancel/ack', { message: 'stopped' }, lease);
      expectStatus(acknowledged, 200);
      expectMembers(acknowledged, { status: 'cancelled' });
    },
  },
  {
    name: 'what a holder finishes after a cancel request counts: completed is succeeded, failed is cancelled',
    requirements: ['QL-23', 'QL-24'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      const endings = [
        ['complete', { resultSummary: 'done' }, 'succeeded'],
        ['fail', { errorMessage: 'broke', retryable: true }, 'cancelled'],
      ] as const;
      for (const [verb, json, status] of endings) {
        const { id, lease } = await queue.held(worker);
        expectStatus(await server.queue('POST', `/jobs/${id}/cancel`, { json: {} }), 200);
        const ended = await queue.write(worker, id, verb, json, lease);
        expectStatus(ended, 200);
        expectMembers(ended, { status });
      }
    },
  },
  {
    name: 'a job that has ended cannot be cancelled',
    requirements: ['QL-25'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      const endings = [
        ['complete', {}, {}],
        ['fail', { errorMessage: 'broke' }, {}],
        ['fail', { errorMessage: 'broke', retryable: true }, { maxAttempts: 1 }],
      ] as const;
      for (const [verb, json, fields] of endings) {
        const { id, lease } = await queue.held(worker, fields);
        expectStatus(await queue.write(worker, id, verb, json, lease), 200);
        expectCode(await server.queue('POST', `/jobs/${id}/cancel`, { json: {} }), 409, 'job_state_conflict');
      }
    },
  },
  {
    name: 'a failed or dead-lettered job can be put back, and no other',
    requirements: ['QL-26', 'QL-18'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      const endings = [
        [{ errorMessage: 'broke' }, 'failed', 3],
        [{ errorMessage: 'broke', retryable: true }, 'dead_letter', 2],
      ] as const;
      for (const [json, status, maxAttempts] of endings) {
        const { id, lease } = await queue.held(worker, status === 'failed' ? {} : { maxAttempts: 1 });
        expectMembers(await queue.write(worker, id, 'fail', json, lease), { status });
        const retried = await server.queue('POST', `/jobs/${id}/retry`, { json: {} });
        expectStatus(retried, 200);
        expectMembers(retried, { status: 'queued', attempt: 2, maxAttempts });
        expectCode(await server.queue('POST', `/jobs/${id}/retry`, { json: {} }), 409, 'job_state_conflict');
        const again = await queue.claim(worker);
        expectEqual('POST /api/queue/jobs/claim', 'the job that was put back', again?.id, id);
      }
    },
  },
  {
    name: 'many held jobs are completed in one call, each answered by itself',
    requirements: ['QL-45'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      const [first, second] = [await queue.held(worker), await queue.held(worker)];
      const items = [
        { jobId: first.id, leaseId: first.lease, resultSummary: 'one' },
        { jobId: second.id, leaseId: 'not-its-lease' },
        { jobId: unknownJob, leaseId: 'any' },
      ];
      const answer = await server.queue('POST', '/jobs/complete-batch', { as: worker, json: { items } });
      expectStatus(answer, 200);
      const results = answer.items('results') as readonly { job?: { status: string }; error?: { code: string } }[];
      const seen = results.map((each) => each.job?.status ?? each.error?.code);
      expectEqual(answer.request, 'the results', seen, ['succeeded', 'lease_lost', 'job_not_found']);
    },
  },
  {
    name: 'why says which capability a job waits for',
    requirements: ['QL-46'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const id = await queue.enqueuedId();
      const answer = await server.queue('GET', `/jobs/${id}/why`);
      expectStatus(answer, 200);
      expectThat(answer.text.includes(queue.capability), {
        request: answer.request,
        what: 'the reasons',
        expected: `the capability ${queue.capability}`,
        seen: answer.text,
      });
    },
  },
]);
