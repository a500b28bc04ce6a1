import { textMember, type Document } from '../expectations/answer.ts';
import { expectEqual, expectMembers, expectStatus, expectThat } from '../expectations/expectations.ts';
import { expectCode, heldJob, OwnQueue, type HeldJob } from '../own-queue.ts';
import { scenariosOf } from '../scenario.ts';

const request = 'POST /api/queue/jobs/claim';

function times<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => make(index)));
}

function idsOf(jobs: readonly (HeldJob | null)[]): string[] {
  return jobs.flatMap((job) => (job === null ? [] : [job.id]));
}

/** Claims jobs until a claim returns null. Returns the job ids in the order of the claims. */
async function claimAll(claim: () => Promise<HeldJob | null>): Promise<string[]> {
  const ids: string[] = [];
  for (let job = await claim(); job !== null; job = await claim()) ids.push(job.id);
  return ids;
}

/** Returns the job ids in the claim order of the contract: by priority (highest first), then by age, then by id. */
function inOrder(jobs: readonly Document[]): string[] {
  const key = (job: Document): string => `${textMember(job, 'createdAt')} ${textMember(job, 'id')}`;
  const sorted = jobs.toSorted(
    (left, right) => Number(right['priority']) - Number(left['priority']) || (key(left) < key(right) ? -1 : 1),
  );
  return sorted.map((job) => textMember(job, 'id'));
}

export const claimAtomicityScenarios = scenariosOf('claim atomicity', [
  {
    name: 'of 40 claims by 8 workers for 25 jobs each job goes to exactly one, under a lease of its own',
    requirements: ['CA-01', 'CA-02'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const workers = await times(8, () => queue.worker());
      const made = await times(25, () => queue.enqueuedId());
      const claims = await Promise.all(workers.flatMap((worker) => [1, 2, 3, 4, 5].map(() => queue.claim(worker))));
      const [worker] = workers;
      // A claim may return null while a concurrent claim is still getting the last job. So the remaining jobs are
      // claimed here.
      const left = worker === undefined ? [] : await claimAll(() => queue.claim(worker));
      expectEqual(request, 'the claimed jobs', [...idsOf(claims), ...left].toSorted(), made.toSorted());
      const leases = claims.flatMap((job) => (job === null ? [] : [job.lease]));
      expectEqual(request, 'distinct leases', new Set(leases).size, leases.length);
    },
  },
  {
    name: 'jobs go out by priority, then age',
    requirements: ['CA-03'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      const made: Document[] = [];
      for (const priority of [0, -5, 10, 0, 10, 3]) made.push(await queue.enqueue({ priority }));
      expectEqual(request, 'the order', await claimAll(() => queue.claim(worker)), inOrder(made));
    },
  },
  {
    name: 'heads that nobody here may claim, or not yet, hide no job behind them',
    requirements: ['CA-04', 'CA-05'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      await times(20, () => queue.enqueue({ priority: 9, requiredCapabilities: [server.name('nobody-has')] }));
      const made = await queue.enqueue({ priority: -9 });
      // `notBefore` is computed from a time of the server, because its clock may differ from the local one.
      const notBefore = new Date(Date.parse(textMember(made, 'createdAt')) + 3_600_000).toISOString();
      await times(20, () => queue.enqueue({ priority: 9, notBefore }));
      const eligible = textMember(made, 'id');
      expectEqual(request, 'the claimed jobs', await claimAll(() => queue.claim(worker)), [eligible]);
    },
  },
  {
    name: 'a claim keeps to the types of request and token',
    requirements: ['CA-06'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker({ allowedJobTypes: ['task', 'codex_exec'] });
      await queue.enqueue({ type: 'exec' });
      const task = await queue.enqueuedId({ type: 'task' });
      expectEqual(request, 'a claim of codex_exec', await queue.claim(worker, { allowedTypes: ['codex_exec'] }), null);
      const disjoint = await server.queue('POST', '/jobs/claim', { as: worker, json: { allowedTypes: ['exec'] } });
      expectCode(disjoint, 403, 'worker_not_authorized');
      expectEqual(request, 'a claim of anything', await claimAll(() => queue.claim(worker)), [task]);
    },
  },
  {
    name: 'a token with repositories gets jobs of these alone',
    requirements: ['CA-07'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      await queue.enqueue({ payload: { repository: server.name('elsewhere') } });
      await queue.enqueue({ payload: { repository: null } });
      const ours = await queue.enqueuedId();
      expectEqual(request, 'the claimed jobs', await claimAll(() => queue.claim(worker)), [ours]);
    },
  },
  {
    name: "capabilities are compared without case, and a token's list stands against what a claim says",
    requirements: ['CA-08'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const tool = server.name('Tool');
      const made = await queue.enqueuedId({ requiredCapabilities: [tool.toUpperCase()] });
      const without = await queue.worker();
      const claimed = { workerCapabilities: [queue.capability, tool] };
      expectEqual(request, 'a claim beyond its token', await queue.claim(without, claimed), null);
      const open = await queue.worker({ capabilities: null });
      const job = await queue.claim(open, { workerCapabilities: [queue.capability.toUpperCase(), tool.toLowerCase()] });
      expectEqual(request, 'a claim that has it', job?.id, made);
    },
  },
  {
    name: 'a claim that waits gets the job that arrives',
    requirements: ['CA-09'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      const waiting = server.meanwhile(queue.claim(worker, { waitSeconds: 20 }));
      await server.pause(300);
      const made = await queue.enqueuedId();
      expectEqual(request, 'the job', (await waiting)?.id, made);
    },
  },
  {
    name: 'claims of many jobs at once share them out',
    requirements: ['CA-10', 'CA-13'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const workers = await times(4, () => queue.worker());
      const made = await times(30, () => queue.enqueuedId());
      const answers = await Promise.all(
        workers.map((as) => server.queue('POST', '/jobs/claim', { as, json: { maxJobs: 10 } })),
      );
      const given = answers.map((answer) => answer.items('jobs').map((job) => heldJob(job, request)));
      const counts = given.map((jobs) => jobs.length);
      expectThat(Math.max(...counts) <= 10, { request, what: 'jobs of a claim', expected: 'at most 10', seen: counts });
      const rest = await Promise.all(workers.map((worker) => claimAll(() => queue.claim(worker))));
      expectEqual(request, 'all jobs', [...idsOf(given.flat()), ...rest.flat()].toSorted(), made.toSorted());
      for (const json of [{ maxJobs: 0 }, { maxJobs: 101 }, { leaseSeconds: 0 }, { waitSeconds: 31 }])
        expectCode(await server.queue('POST', '/jobs/claim', { as: workers[0] ?? null, json }), 422, 'invalid_request');
    },
  },
  {
    name: 'a job whose lease passed goes to one of those who wait for it',
    requirements: ['CA-11'],
    limitMs: 60_000,
    run: async (server) => {
      const queue = new OwnQueue(server);
      const [first, ...others] = await times(5, () => queue.worker());
      if (first === undefined) return;
      const { id, lease } = await queue.held(first, {}, 1);
      const waited = await Promise.all(others.map((worker) => queue.claim(worker, { waitSeconds: 10 })));
      const next = waited.filter((job) => job !== null);
      expectEqual(request, 'the claims that got it', idsOf(next), [id]);
      expectThat(next[0]?.lease !== lease, { request, what: 'the lease', expected: 'a new one', seen: 'the old one' });
      expectEqual(request, 'the attempt', next[0]?.document['attempt'], 2);
    },
  },
  {
    name: 'a claim repeated under its key answers the job it got',
    requirements: ['CA-12'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const as = await queue.worker();
      await times(2, () => queue.enqueue());
      const headers = { 'idempotency-key': server.name('key') };
      const first = await server.queue('POST', '/jobs/claim', { as, json: {}, headers });
      expectStatus(first, 200);
      const again = await server.queue('POST', '/jobs/claim', { as, json: {}, headers });
      expectStatus(again, 200);
      const job = first.document()['job'] as Document;
      expectEqual(again.request, 'the job', (again.document()['job'] as Document)['id'], job['id']);
      const other = await server.queue('POST', '/jobs/claim', { as, json: { leaseSeconds: 7 }, headers });
      expectStatus(other, 409);
      expectMembers(other, { code: 'idempotency_conflict' });
    },
  },
]);
