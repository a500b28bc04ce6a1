// Tests how /api lists and revokes registration tokens. A worker that was registered on /v0 is also a worker of the
// queue.
import { expect, it } from 'vitest';
import { forAnyStore } from './support/for-each-store.ts';
import { expectProblem, WireExperiment } from './support/wire-experiment.ts';

const tokens = '/api/queue/workers/tokens';

forAnyStore('the tokens of a registered worker', (harness) => {
  it('are listed together on /api, newest first, without a secret', async () => {
    const t = harness();
    const experiment = await WireExperiment.make(t);
    const worker = await experiment.register({ name: 'bob' });
    t.clock.advance(1);
    const queue = await t.post(tokens, { workerId: worker.id, capabilities: ['git'] });
    expect(queue.json.workerToken).toMatchObject({ workerId: worker.id, capabilities: ['git'] });
    const listed = await t.get(`${tokens}?workerId=${worker.id}`);
    expect(listed.json.items).toMatchObject([{ id: queue.json.workerToken.id }, { workerId: worker.id }]);
    expect(listed.json.items).toHaveLength(2);
    expect(listed.text).not.toMatch(/phw_|sha256|secret/i);
    expectProblem(await experiment.get('/whoami', `${worker.id}:${queue.json.token}`), 401, 'unauthorized');
    expect((await experiment.get('/whoami', worker.credential)).json).toEqual({ worker_id: worker.id, name: 'bob' });
  });

  it('speak for one worker on the queue: either renews what the other claimed', async () => {
    const t = harness();
    const experiment = await WireExperiment.make(t);
    const worker = await experiment.register();
    const queue = (await t.post(tokens, { workerId: worker.id })).json.token as string;
    const job = (await t.post('/api/queue/jobs', { type: 'exec' })).json;
    const claimed = await t.post('/api/queue/jobs/claim', {}, worker.token);
    expect(claimed.json.job).toMatchObject({ id: job.id, claimedBy: worker.id });
    for (const as of [queue, worker.token]) {
      expect((await t.post(`/api/queue/jobs/${job.id}/heartbeat`, {}, as)).status).toBe(200);
    }
  });

  it('are revoked through /api: the door is shut at once, and a new one is asked for on /v0', async () => {
    const t = harness();
    const experiment = await WireExperiment.make(t);
    const worker = await experiment.register();
    const [token] = (await t.get(`${tokens}?workerId=${worker.id}`)).json.items;
    const revoked = await t.post(`${tokens}/${token.id}/revoke`, {});
    expect(revoked.json).toMatchObject({ id: token.id, revokedAt: new Date(t.clock.now()).toISOString() });
    expectProblem(await experiment.get('/whoami', worker.credential), 401, 'unauthorized');
    expect((await t.post('/api/queue/jobs/claim', {}, worker.token)).status).toBe(401);
    const fresh = await experiment.post(`/workers/${worker.id}/reissue-credential`);
    const credential = `${worker.id}:${fresh.json.registration_token}`;
    expect((await experiment.get('/whoami', credential)).status).toBe(200);
    expect((await t.get(`${tokens}?workerId=${worker.id}`)).json.items).toMatchObject([
      { revokedAt: null },
      { id: token.id, revokedAt: expect.any(String) },
    ]);
  });
});
