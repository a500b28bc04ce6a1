import { expectEqual, expectMembers, expectStatus, expectThat } from '../expectations/expectations.ts';
import { textMember, type Document } from '../expectations/answer.ts';
import { expectCode, OwnQueue, unknownJob } from '../own-queue.ts';
import { scenariosOf } from '../scenario.ts';
import type { Credential, ServerUnderTest } from '../server-under-test.ts';

/** Paths and correct bodies of the write calls that a lease holder may make. */
const writes = [
  ['heartbeat', {}],
  ['events', { message: 'note' }],
  ['complete', {}],
  ['fail', { errorMessage: 'broke' }],
  ['cancel/ack', {}],
] as const;

/** Returns the milliseconds from the time in member `from` to the time in member `to`. */
function between(document: Document, from: string, to: string): number {
  return Date.parse(textMember(document, to)) - Date.parse(textMember(document, from));
}

function upload(server: ServerUnderTest, as: Credential, jobId: string, lease?: string) {
  return server.queue('PUT', `/jobs/${jobId}/artifacts/late.txt`, {
    as,
    body: 'late',
    headers: { 'content-type': 'text/plain', 'proofhouse-lease': lease ?? null },
  });
}

export const queueLeaseScenarios = scenariosOf('queue lifecycle', [
  {
    name: 'a claim makes the job running under a lease that its holder alone sees',
    requirements: ['QL-12', 'QL-13'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      const { id, document } = await queue.held(worker, {}, 60);
      const request = 'POST /api/queue/jobs/claim';
      expectEqual(request, 'status', document['status'], 'running');
      expectEqual(request, 'claimedBy', document['claimedBy'], worker.id);
      const lasts = between(document, 'startedAt', 'leaseExpiresAt');
      expectThat(lasts === 60_000, { request, what: 'the lease', expected: '60000 ms from startedAt', seen: lasts });
      const asAdmin = await queue.read(id);
      expectEqual(`GET /api/queue/jobs/${id}`, 'leaseId, to the admin', asAdmin['leaseId'], undefined);
      expectEqual(request, 'the next claim', await queue.claim(worker), null);
    },
  },
  {
    name: 'a heartbeat renews the lease to now plus what it asks for',
    requirements: ['QL-14'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      const { id, lease } = await queue.held(worker, {}, 30);
      const before = await queue.read(id);
      const answer = await queue.write(worker, id, 'heartbeat', { leaseSeconds: 600 }, lease);
      expectStatus(answer, 200);
      expectMembers(answer, { status: 'running', leaseId: lease });
      const later = between({ ...before, renewed: answer.member('leaseExpiresAt') }, 'leaseExpiresAt', 'renewed');
      expectThat(later >= 570_000 && later < 630_000, {
        request: answer.request,
        what: 'the renewed lease',
        expected: '570 s later than the first, and what passed between',
        seen: `${later} ms`,
      });
    },
  },
  {
    name: 'a completed job is succeeded with its summary, a failed one failed with its message',
    requirements: ['QL-15', 'QL-16', 'QL-47'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      const done = await queue.held(worker);
      const long = await queue.write(worker, done.id, 'complete', { resultSummary: 'x'.repeat(8193) }, done.lease);
      expectCode(long, 422, 'invalid_request');
      const completed = await queue.write(worker, done.id, 'complete', { resultSummary: 'all good' }, done.lease);
      expectStatus(completed, 200);
      expectMembers(completed, { status: 'succeeded', resultSummary: 'all good', leaseExpiresAt: null });
      completed.member('finishedAt');
      const broken = await queue.held(worker);
      const blank = await queue.write(worker, broken.id, 'fail', { errorMessage: ' ' }, broken.lease);
      expectCode(blank, 422, 'invalid_request');
      const failed = await queue.write(worker, broken.id, 'fail', { errorMessage: 'it broke' }, broken.lease);
      expectStatus(failed, 200);
      expectMembers(failed, { status: 'failed', errorMessage: 'it broke', attempt: 1 });
    },
  },
  {
    name: 'a retryable failure queues the next attempt 15 s later, and none is left after the last',
    requirements: ['QL-17', 'QL-18'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      const json = { errorMessage: 'again', retryable: true };
      const { id, lease } = await queue.held(worker);
      const queued = await queue.write(worker, id, 'fail', json, lease);
      expectStatus(queued, 200);
      expectMembers(queued, { status: 'queued', attempt: 2 });
      const delay = between(queued.document(), 'updatedAt', 'nextAttemptAt');
      expectThat(delay === 15_000, { request: queued.request, what: 'the delay', expected: '15000 ms', seen: delay });
      expectEqual('POST /api/queue/jobs/claim', 'a claim before the time', await queue.claim(worker), null);
      const last = await queue.held(worker, { maxAttempts: 1 });
      expectMembers(await queue.write(worker, last.id, 'fail', json, last.lease), {
        status: 'dead_letter',
        attempt: 1,
      });
    },
  },
  {
    name: 'a lease that passes puts the job back, or ends it when no attempt is left, and no claim is needed',
    requirements: ['QL-19', 'QL-20'],
    limitMs: 60_000,
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      const lasting = await queue.held(worker, {}, 1);
      const last = await queue.held(worker, { maxAttempts: 1 }, 1);
      const back = await queue.settled(lasting.id, 'queued', 20_000);
      expectEqual(`GET /api/queue/jobs/${lasting.id}`, 'status', back['status'], 'queued');
      expectEqual(`GET /api/queue/jobs/${lasting.id}`, 'attempt', back['attempt'], 2);
      const ended = await queue.settled(last.id, 'dead_letter', 20_000);
      expectEqual(`GET /api/queue/jobs/${last.id}`, 'status', ended['status'], 'dead_letter');
    },
  },
  {
    name: 'a worker whose lease passed can write nothing, whoever holds the job now',
    requirements: ['QL-27'],
    limitMs: 60_000,
    run: async (server) => {
      const queue = new OwnQueue(server);
      const [late, next] = [await queue.worker(), await queue.worker()];
      const { id, lease } = await queue.held(late, {}, 1);
      const again = await server.eventually(
        40_000,
        () => queue.claim(next, { waitSeconds: 5 }),
        (job) => job !== null,
      );
      expectEqual('POST /api/queue/jobs/claim', 'the job after its lease passed', again?.id, id);
      const before = await queue.read(id);
      for (const [verb, json] of writes) expectCode(await queue.write(late, id, verb, json, lease), 409, 'lease_lost');
      expectCode(await upload(server, late, id, lease), 409, 'lease_lost');
      expectEqual(`GET /api/queue/jobs/${id}`, 'the job after these writes', await queue.read(id), before);
      expectStatus(await queue.write(next, id, 'complete', {}, again?.lease), 200);
    },
  },
  {
    name: 'a write without a lease goes by the worker and the state of the job',
    requirements: ['QL-28'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const [holder, other] = [await queue.worker(), await queue.worker()];
      const waiting = await queue.enqueuedId({ requiredCapabilities: [server.name('nobody-has')] });
      const { id } = await queue.held(holder);
      for (const [verb, json] of writes) {
        expectCode(await queue.write(holder, waiting, verb, json), 409, 'job_state_conflict');
        expectCode(await queue.write(other, id, verb, json), 409, 'job_ownership_mismatch');
      }
      expectCode(await upload(server, other, id), 403, 'worker_not_authorized');
      expectStatus(await queue.write(holder, id, 'complete'), 200);
    },
  },
  {
    name: 'a lease in the body alone is taken, and one that differs from the header is refused',
    requirements: ['QL-29'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      const { id, lease } = await queue.held(worker);
      const both = await queue.write(worker, id, 'heartbeat', { leaseId: 'another' }, lease);
      expectCode(both, 422, 'invalid_request');
      expectCode(await queue.write(worker, id, 'heartbeat', { leaseId: 'another' }), 409, 'lease_lost');
      expectStatus(await queue.write(worker, id, 'heartbeat', { leaseId: lease }), 200);
    },
  },
  {
    name: 'the final call may be repeated under its lease, but not become another',
    requirements: ['QL-30', 'QL-27'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      const { id, lease } = await queue.held(worker);
      const first = await queue.write(worker, id, 'complete', { resultSummary: 'once' }, lease);
      const again = await queue.write(worker, id, 'complete', { resultSummary: 'once' }, lease);
      expectStatus(again, 200);
      expectEqual(again.request, 'the repeated answer', again.document(), first.document());
      const other = await queue.write(worker, id, 'fail', { errorMessage: 'no' }, lease);
      expectCode(other, 409, 'lease_lost');
    },
  },
  {
    name: 'a write to an unknown job is 404 with a lease and without',
    requirements: ['QL-31'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      for (const lease of [undefined, 'any-lease']) {
        for (const [verb, json] of writes)
          expectCode(await queue.write(worker, unknownJob, verb, json, lease), 404, 'job_not_found');
        expectCode(await upload(server, worker, unknownJob, lease), 404, 'job_not_found');
      }
    },
  },
]);
