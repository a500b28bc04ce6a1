// Tests presence: the list of workers that were seen recently.
import { rmSync } from 'node:fs';
import { expect, it } from 'vitest';
import { forEachStore } from './support/for-each-store.ts';
import { startTestServer, type Caller, type TestServer } from './support/test-server.ts';

const minute = 60_000;

interface Seen {
  readonly workerId: string;
  readonly lastSeenAt: string;
  readonly capabilities: readonly string[];
  readonly allowedTypes: readonly string[] | null;
  readonly version: string | null;
  readonly holds: readonly string[];
}

async function seen(t: TestServer): Promise<Seen[]> {
  return (await t.get('/api/queue/workers?limit=200')).json.items as Seen[];
}

async function seenOne(t: TestServer, worker: { id: string }): Promise<Seen | undefined> {
  return (await seen(t)).find(({ workerId }) => workerId === worker.id);
}

forEachStore('the workers that are seen', (harness) => {
  it('are those that asked for work: with what they offer, their software and what they hold', async () => {
    const t = harness();
    const worker = await t.worker({ allowedJobTypes: ['codex_exec', 'task'] });
    const capability = t.unique('only');
    const claim = (json: object) =>
      t.post('/api/queue/jobs/claim', json, worker, { 'user-agent': 'proofhouse/1.2.3 (linux; x64)' });
    expect(await seenOne(t, worker)).toBeUndefined();
    await claim({ workerCapabilities: ['GPU', capability] });
    const expected = {
      workerId: worker.id,
      lastSeenAt: new Date(t.clock.now()).toISOString(),
      capabilities: ['gpu', capability],
      allowedTypes: ['codex_exec', 'task'],
      version: 'proofhouse/1.2.3',
      holds: [],
    };
    expect(await seenOne(t, worker)).toEqual(expected);
    const job = await t.enqueue({ type: 'task', requiredCapabilities: [capability] });
    await claim({ workerCapabilities: [capability], allowedTypes: ['task'] });
    expect(await seenOne(t, worker)).toEqual({
      ...expected,
      capabilities: [capability],
      allowedTypes: ['task'],
      holds: [job.id],
    });
    await t.post(`/api/queue/jobs/${job.id}/complete`, {}, worker);
    expect((await seenOne(t, worker))?.holds).toEqual([]);
  });

  it('show no limits and no software when there are none', async () => {
    const t = harness();
    const worker = await t.worker();
    await t.post('/api/queue/jobs/claim', { workerCapabilities: [] }, worker);
    expect(await seenOne(t, worker)).toMatchObject({ capabilities: [], allowedTypes: null, version: null });
  });

  it('stay as long as their hearts beat, and are gone ten minutes after', async () => {
    const t = harness();
    const running = await t.running({}, 3600);
    const silent = await t.worker();
    await t.claim(silent);
    const beat = () =>
      t.post(`/api/queue/jobs/${running.job.id}/heartbeat`, { leaseSeconds: 3600 }, running.worker, {
        'proofhouse-lease': running.lease,
      });
    t.clock.advance(9 * minute);
    await beat();
    expect((await seenOne(t, running.worker))?.lastSeenAt).toBe(new Date(t.clock.now()).toISOString());
    expect(await seenOne(t, silent)).toBeDefined();
    t.clock.advance(minute + 1);
    expect(await seenOne(t, silent)).toBeUndefined();
    expect(await seenOne(t, running.worker)).toMatchObject({ holds: [running.job.id] });
    t.clock.advance(9 * minute - 1);
    expect(await seenOne(t, running.worker)).toBeDefined();
    t.clock.advance(1);
    expect(await seenOne(t, running.worker)).toBeUndefined();
  });

  it('come in pages, the latest first, each once', async () => {
    const t = harness();
    t.clock.advance(11 * minute);
    const ids: string[] = [];
    for (let index = 0; index < 7; index++) {
      const worker = await t.worker({ allowedJobTypes: ['codex_skill'] });
      // The clock advances only before every second worker. So two workers at a time have the same time, and the list
      // must also use their ids to sort them.
      if (index % 2 === 0) t.clock.advance(1);
      await t.claim(worker);
      ids.push(worker.id);
    }
    const pages: string[][] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? '' : `&cursor=${cursor}`;
      const answer = (await t.get(`/api/queue/workers?limit=3${query}`)).json as {
        items: Seen[];
        nextCursor: string | null;
      };
      pages.push(answer.items.map((item) => item.workerId));
      cursor = answer.nextCursor;
    } while (cursor !== null);
    expect(pages.flat().toSorted()).toEqual(ids.toSorted());
    expect(pages.every((page) => page.length <= 3)).toBe(true);
    const all = await seen(t);
    expect(all.map((item) => item.workerId)).toEqual(pages.flat());
    expect(all.map((item) => item.lastSeenAt)).toEqual(
      all
        .map((item) => item.lastSeenAt)
        .toSorted()
        .toReversed(),
    );
  });

  it.each([
    ['limit=0', 422],
    ['limit=201', 422],
    ['cursor=nonsense', 400],
    ['nonsense=1', 422],
  ])('refuse ?%s with %i', async (query, status) => {
    expect((await harness().get(`/api/queue/workers?${query}`)).status).toBe(status);
  });

  it('are nothing for workers to see', async () => {
    const t = harness();
    const { worker } = await t.running();
    const ask = (as: Caller) => t.get('/api/queue/workers', as);
    expect(await ask(worker)).toMatchObject({ status: 403, json: { code: 'forbidden' } });
    expect((await ask(null)).status).toBe(401);
  });
});

it('a worker that holds a job through a restart is seen by its heartbeat, with all that it offers', async () => {
  const first = await startTestServer({ store: 'sqlite' });
  const { job, worker, lease } = await first.running({}, 3600);
  const before = await seenOne(first, worker);
  await first.server.close();
  const second = await startTestServer({ store: 'sqlite', clock: first.clock, settings: { dataDir: first.folder } });
  first.clock.advance(30 * minute);
  expect(await seenOne(second, worker)).toBeUndefined();
  const body = { leaseSeconds: 3600 };
  await second.post(`/api/queue/jobs/${job.id}/heartbeat`, body, worker, { 'proofhouse-lease': lease });
  const now = new Date(first.clock.now()).toISOString();
  expect(await seenOne(second, worker)).toEqual({ ...before, lastSeenAt: now });
  await second.close();
  rmSync(first.folder, { recursive: true, force: true });
});
