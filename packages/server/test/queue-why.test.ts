// Tests the reasons that `why` gives for a job that is not claimed.
import { expect, it } from 'vitest';
import type { Why } from '@proofhouse/core';
import { forEachStore } from './support/for-each-store.ts';
import type { TestServer } from './support/test-server.ts';

const minute = 60_000;

async function why(t: TestServer, jobId: string): Promise<Why> {
  const answer = await t.get(`/api/queue/jobs/${jobId}/why`);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.json as Why;
}

/** Returns a worker that made a claim and got no job. The server then lists it as recently seen. */
async function seenWorker(t: TestServer, fields: Parameters<TestServer['worker']>[0] = {}) {
  const worker = await t.worker({ capabilities: [], allowedJobTypes: ['codex_exec'], ...fields });
  await t.claim(worker);
  return worker;
}

/** Advances the clock until no worker is listed as recently seen, so that workers of earlier tests have no effect. */
function everybodyLeaves(t: TestServer): void {
  t.clock.advance(10 * minute + 1);
}

forEachStore('why', (harness) => {
  it('names each requirement that nobody seen lately meets', async () => {
    const t = harness();
    everybodyLeaves(t);
    await seenWorker(t, { capabilities: ['gpu'], allowedRepositories: ['acme/app'] });
    const job = await t.enqueue({
      type: 'task',
      requiredCapabilities: ['GPU', 'tpu'],
      payload: { repository: 'acme/other' },
    });
    const found = await why(t, job.id);
    expect(found).toMatchObject({
      jobId: job.id,
      status: 'queued',
      unmet: ['type:task', 'repository:acme/other', 'capability:tpu'],
      eligibleWorkers: [],
      notBefore: null,
      position: 0,
    });
    expect(found.summary).toBe('No worker seen lately offers type task, repository acme/other, capability tpu.');
  });

  it('says so when each is met by somebody but all by nobody, and who comes nearest', async () => {
    const t = harness();
    everybodyLeaves(t);
    const capable = await seenWorker(t, { capabilities: ['gpu', 'disk'] });
    t.clock.advance(1);
    const typed = await seenWorker(t, { allowedJobTypes: ['task'] });
    const job = await t.enqueue({ type: 'task', requiredCapabilities: ['gpu', 'disk'] });
    const found = await why(t, job.id);
    expect(found).toMatchObject({ unmet: [], eligibleWorkers: [] });
    expect(found.summary).toBe('Every worker seen lately lacks something that it requires.');
    expect(found.nearWorkers).toEqual([
      { workerId: capable.id, lastSeenAt: new Date(t.clock.now() - 1).toISOString(), lacks: ['type:task'] },
      {
        workerId: typed.id,
        lastSeenAt: new Date(t.clock.now()).toISOString(),
        lacks: ['capability:gpu', 'capability:disk'],
      },
    ]);
  });

  it('says when nobody was seen at all', async () => {
    const t = harness();
    everybodyLeaves(t);
    const job = await t.enqueue({ type: 'task', requiredCapabilities: ['gpu'] });
    expect(await why(t, job.id)).toMatchObject({
      summary: 'No worker was seen lately.',
      unmet: ['type:task', 'capability:gpu'],
      nearWorkers: [],
    });
  });

  it('tells the end of a delay, of notBefore and of a retry, and no position till then', async () => {
    const t = harness();
    const notBefore = new Date(t.clock.now() + minute).toISOString();
    const delayed = await t.enqueue({ notBefore });
    expect(await why(t, delayed.id)).toMatchObject({
      notBefore,
      position: null,
      summary: 'It is delayed until its time comes.',
    });
    const { job, worker } = await t.running();
    await t.post(`/api/queue/jobs/${job.id}/fail`, { errorMessage: 'x', retryable: true }, worker);
    const again = new Date(t.clock.now() + 15_000).toISOString();
    expect(await why(t, job.id)).toMatchObject({ notBefore: again, position: null });
    t.clock.advance(minute);
    expect(await why(t, delayed.id)).toMatchObject({ notBefore: null, position: expect.any(Number) as number });
  });

  it('tells how many jobs of its kind come first', async () => {
    const t = harness();
    const capability = t.unique('only');
    const worker = await seenWorker(t, { capabilities: [capability], allowedJobTypes: ['exec'] });
    const enqueue = (priority = 0) => t.enqueue({ requiredCapabilities: [capability], priority });
    const first = await enqueue();
    t.clock.advance(1);
    const second = await enqueue();
    const low = await enqueue(-1);
    await t.enqueue({ requiredCapabilities: [t.unique('other')], priority: 9 });
    expect(await why(t, first.id)).toMatchObject({ position: 0, eligibleWorkers: [worker.id], unmet: [] });
    expect((await why(t, first.id)).summary).toBe(
      'It is next; the workers that may have it are busy or between two claims.',
    );
    const urgent = await enqueue(5);
    expect((await why(t, second.id)).position).toBe(2);
    expect((await why(t, low.id)).position).toBe(3);
    expect((await why(t, low.id)).summary).toBe('3 jobs like it come first.');
    await t.post(`/api/queue/jobs/${urgent.id}/cancel`);
    await t.claim(worker);
    expect(await why(t, second.id)).toMatchObject({ position: 0 });
  });

  it('says of a job that is running who has it, and of one that is over how it ended', async () => {
    const t = harness();
    const { job, worker } = await t.running();
    expect(await why(t, job.id)).toMatchObject({
      status: 'running',
      summary: `It runs: ${worker.id} holds it.`,
      heldBy: worker.id,
      eligibleWorkers: [],
      position: null,
      unmet: [],
    });
    await t.post(`/api/queue/jobs/${job.id}/complete`, {}, worker);
    expect(await why(t, job.id)).toMatchObject({
      status: 'succeeded',
      summary: 'It does not wait: it is succeeded.',
      position: null,
      unmet: [],
    });
  });

  it('is for operators and the admin', async () => {
    const t = harness();
    const { job, worker } = await t.running();
    expect((await t.get(`/api/queue/jobs/${job.id}/why`, worker)).status).toBe(403);
    expect((await t.get(`/api/queue/jobs/${job.id}/why`, null)).status).toBe(401);
    const unknown = await t.get('/api/queue/jobs/00000000-0000-7000-8000-000000000000/why');
    expect(unknown).toMatchObject({ status: 404, json: { code: 'job_not_found' } });
    expect((await t.get('/api/queue/jobs/no-id/why')).status).toBe(404);
  });
});
