// Tests those rows of the contract of the queue that have no test file of their own: permissions, supported types,
// defaults, and the order of lists.
import { expect, it } from 'vitest';
import { forEachStore } from './support/for-each-store.ts';
import { signedInPage } from './support/page-session.ts';
import { adminToken, type TestServer } from './support/test-server.ts';

forEachStore(
  'the contract of the queue',
  (harness) => {
    it('who calls: the admin by bearer or by a session of the web page creates, lists, reads and cancels jobs', async () => {
      const t = harness();
      for (const headers of [{ ...(await signedInPage(t)) }, { authorization: `Bearer ${adminToken}` }]) {
        const ask = (method: string, url: string, json?: object) =>
          t.call(method, url, { as: null, headers, ...(json === undefined ? {} : { json }) });
        const made = await ask('POST', '/api/queue/jobs', { type: 'exec', requiredCapabilities: ['nobody-has-this'] });
        expect(made.status).toBe(201);
        const url = `/api/queue/jobs/${made.json.id as string}`;
        expect((await ask('GET', url)).json).toEqual(made.json);
        expect((await ask('GET', '/api/queue/jobs?status=queued')).json.items[0]).toEqual(made.json);
        expect((await ask('POST', `${url}/cancel`, {})).json.status).toBe('cancelled');
      }
    });

    it('who calls: a worker by bearer, X-Worker-Token or X-MoonMind-Worker-Token claims, beats and completes', async () => {
      const t = harness();
      for (const name of ['authorization', 'x-worker-token', 'x-moonmind-worker-token']) {
        const { worker, job } = await queueOf(t);
        const headers = { [name]: name === 'authorization' ? `Bearer ${worker.token}` : worker.token };
        const ask = (path: string, json: object = {}) =>
          t.call('POST', `/api/queue/jobs/${path}`, { as: null, headers, json });
        expect((await ask('claim')).json.job).toMatchObject({ id: job.id, claimedBy: worker.id });
        expect((await ask(`${job.id}/heartbeat`)).status).toBe(200);
        expect((await ask(`${job.id}/complete`)).json.status).toBe('succeeded');
      }
    });

    it('supported types are task, exec, codex_exec, codex_skill plus those configured; an unknown one is 422', async () => {
      const t = harness();
      for (const type of ['task', 'exec', 'codex_exec', 'codex_skill', 'nightly']) {
        expect(await t.enqueue({ type, requiredCapabilities: ['nobody-has-this'] })).toMatchObject({
          type,
          category: 'work',
        });
      }
      for (const type of ['weekly', 'EXEC', '', 'constructor']) {
        expect(await t.post('/api/queue/jobs', { type })).toMatchObject({
          status: 422,
          json: { errors: [{ path: 'type' }] },
        });
      }
    });

    it('GET jobs gives 50 unless asked, 200 at most', async () => {
      const t = harness();
      const fields = { type: 'nightly', requiredCapabilities: ['nobody-has-this'] };
      await Promise.all(Array.from({ length: 201 }, () => t.enqueue(fields)));
      const count = async (query: string) => (await t.get(`/api/queue/jobs?type=nightly${query}`)).json.items.length;
      expect([await count(''), await count('&limit=200'), await count('&limit=1')]).toEqual([50, 200, 1]);
    });

    it('GET artifacts gives 200 unless asked, 500 at most', async () => {
      const t = harness();
      const { id } = await t.enqueue({ requiredCapabilities: ['nobody-has-this'] });
      for (let round = 0; round < 21; round++) {
        await Promise.all(Array.from({ length: 10 }, (_, n) => t.put(id, { name: `${n}.txt` })));
      }
      const count = async (query: string) => (await t.get(`/api/queue/jobs/${id}/artifacts${query}`)).json.items.length;
      expect([await count(''), await count('?limit=500'), await count('?limit=1')]).toEqual([200, 210, 1]);
    });

    it('fail retryable: the next attempt waits min(600, 15 * 2^(attempt-1)) s', async () => {
      const t = harness();
      const { worker, job } = await queueOf(t, { maxAttempts: 9 });
      for (const [attempt, seconds] of [15, 30, 60, 120, 240, 480, 600, 600].entries()) {
        const held = await t.claim(worker);
        expect(held).toMatchObject({ id: job.id, attempt: attempt + 1 });
        const body = { errorMessage: 'again', retryable: true };
        const failed = await t.post(`/api/queue/jobs/${job.id}/fail`, body, worker, {
          'proofhouse-lease': held?.leaseId,
        });
        const due = new Date(t.clock.now() + seconds * 1000).toISOString();
        expect(failed.json).toMatchObject({ status: 'queued', attempt: attempt + 2, nextAttemptAt: due });
        t.clock.advance(seconds * 1000);
      }
    });

    it('lease passed: queued with attempt+1 and a short delay while attempts are left, by a claim as by the sweeper', async () => {
      const t = harness();
      const lost = await t.running({ maxAttempts: 2 }, 10);
      t.clock.advance(10_000);
      // The clock has advanced, so the timer of the sweep also runs. Either this claim or the sweep ends the expired
      // lease.
      await t.claim(lost.worker);
      await expect.poll(async () => (await t.job(lost.job.id)).status, { interval: 5 }).toBe('queued');
      const { nextAttemptAt, attempt } = await t.job(lost.job.id);
      expect([attempt, nextAttemptAt]).toEqual([2, new Date(t.clock.now() + 1000).toISOString()]);
    });

    it('claim order: priority desc, createdAt asc, id asc, whichever route a job takes', async () => {
      const t = harness();
      const capability = t.unique('only');
      const worker = await t.worker({ capabilities: [capability] });
      const made = [];
      for (let n = 0; n < 24; n++) {
        if (n % 8 === 0) t.clock.advance(1);
        const type = ['exec', 'task'][n % 2]!;
        made.push(await t.enqueue({ type, priority: n % 3, requiredCapabilities: [capability] }));
      }
      const order = made.toSorted(
        (a, b) => b.priority - a.priority || compare(a.createdAt, b.createdAt) || compare(a.id, b.id),
      );
      const got = [];
      for (let n = 0; n < 24; n++) got.push((await t.claim(worker))?.id);
      expect(got).toEqual(order.map((job) => job.id));
    });

    it('claim: a job that requires nothing can be claimed by anyone', async () => {
      const t = harness();
      for (const fields of [{}, { capabilities: [] }, { capabilities: ['x'] }, { allowedJobTypes: ['codex_skill'] }]) {
        const made = await t.enqueue({ type: 'codex_skill' });
        const got = await t.claim(await t.worker(fields), { allowedTypes: ['codex_skill'] });
        expect(got?.id).toBe(made.id);
      }
    });

    it('claim: requiredCapabilities are a subset of the worker’s, each of them needed', async () => {
      const t = harness();
      const [one, two] = [t.unique('one'), t.unique('two')];
      const made = await t.enqueue({ requiredCapabilities: [one, two] });
      for (const capabilities of [[], [one], [two], [one, 'other']]) {
        expect(await t.claim(await t.worker({ capabilities }), { allowedTypes: ['exec'] })).toBeNull();
      }
      expect((await t.claim(await t.worker({ capabilities: ['other', two, one.toUpperCase()] })))?.id).toBe(made.id);
    });
  },
  { settings: { jobTypes: ['nightly'] } },
);

async function queueOf(t: TestServer, fields: Parameters<TestServer['enqueue']>[0] = {}) {
  const capability = t.unique('only');
  const worker = await t.worker({ capabilities: [capability] });
  return { worker, job: await t.enqueue({ requiredCapabilities: [capability], ...fields }) };
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
