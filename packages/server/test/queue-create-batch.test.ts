// Tests the creation of many jobs in one commit: either all jobs are created or none.
import { expect, it } from 'vitest';
import { forEachStore } from './support/for-each-store.ts';
import type { Answer } from './support/test-server.ts';

interface Result {
  readonly jobId: string;
  readonly created: boolean;
  readonly job: { readonly id: string; readonly payload: object };
}

forEachStore('creating jobs in a batch', (harness) => {
  const post = (items: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
    harness().post('/api/queue/jobs/batch', { items }, 'admin', headers);
  const item = (n: number, fields: object = {}): object => ({
    type: 'exec',
    payload: { n },
    requiredCapabilities: ['nobody-has-this'],
    ...fields,
  });
  const resultsOf = (answer: Answer): Result[] => answer.json.results as Result[];
  const countJobs = async (): Promise<number> => {
    let count = 0;
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Answer = await harness().get(
        `/api/queue/jobs?limit=200&type=exec${cursor === '' ? '' : `&cursor=${cursor}`}`,
      );
      count += (page.json.items as unknown[]).length;
      cursor = page.json.nextCursor as string | null;
    }
    return count;
  };

  it('makes up to 100, in their order, each with its event', async () => {
    const t = harness();
    const answer = await post(Array.from({ length: 100 }, (_, n) => item(n)));
    expect(answer.status).toBe(201);
    const results = resultsOf(answer);
    expect(results.map(({ job }) => job.payload)).toEqual(Array.from({ length: 100 }, (_, n) => ({ n })));
    expect(results.every(({ created, jobId, job }) => created && jobId === job.id)).toBe(true);
    expect(await t.job(results[99]!.jobId)).toEqual(results[99]!.job);
    const log = await t.get(`/api/queue/jobs/${results[7]!.jobId}/events`);
    expect(log.json.items).toMatchObject([{ seq: 1, kind: 'queued' }]);
    const aliased = await t.post('/api/queue/jobs/batch', { jobs: [item(1)] });
    expect([aliased.status, resultsOf(aliased).length]).toEqual([201, 1]);
  });

  it.each<[string, unknown, string[]]>([
    ['an unknown type', [item(0), item(1), item(2, { type: 'nope' })], ['items.2.type']],
    ['a wrong field of the schema', [item(0), item(1, { maxAttempts: 0 })], ['items.1.maxAttempts']],
    ['an unknown field', [item(0, { color: 'red' })], ['items.0.color']],
    [
      'two wrong items',
      [item(0, { type: 'a' }), item(1), item(2, { taskId: 'x' })],
      ['items.0.type', 'items.2.taskId'],
    ],
    ['a payload that is too large', [item(0), item(1, { payload: { a: 'x'.repeat(262_144) } })], ['items.1.payload']],
    [
      'capabilities that differ',
      [item(0, { payload: { requiredCapabilities: ['x'] } })],
      ['items.0.requiredCapabilities', 'items.0.payload.requiredCapabilities'],
    ],
    [
      'a key of two items',
      [item(0, { idempotencyKey: 'k' }), item(1, { idempotencyKey: 'k' })],
      ['items.1.idempotencyKey'],
    ],
    ['no item', [], ['items']],
    ['101 items', Array.from({ length: 101 }, (_, n) => item(n)), ['items']],
    ['no list', { 0: item(0) }, ['items']],
  ])('makes none of them with %s: 422 that names the item', async (_what, items, paths) => {
    const before = await countJobs();
    const answer = await post(items);
    expect(answer).toMatchObject({ status: 422, json: { errors: paths.map((path) => ({ path })) } });
    expect(await countJobs()).toBe(before);
  });

  it('refuses a manifest job by its place, and a body without a list', async () => {
    const t = harness();
    const answer = await post([item(0), item(1, { type: 'manifest' })]);
    expect(answer).toMatchObject({
      status: 422,
      json: { code: 'invalid_manifest_job', errors: [{ path: 'items.1' }] },
    });
    for (const body of [{}, { items: [item(0)], jobs: [item(1)] }, []]) {
      expect((await t.post('/api/queue/jobs/batch', body)).status).toBe(422);
    }
  });

  it('under a repeated key of the batch makes them once; another batch under it is a conflict', async () => {
    const key = { 'idempotency-key': harness().unique('batch') };
    const first = await post([item(0), item(1)], key);
    const again = await post([item(0), item(1)], key);
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(resultsOf(again).map(({ jobId, created }) => [jobId, created])).toEqual(
      resultsOf(first).map(({ jobId }) => [jobId, false]),
    );
    for (const other of [[item(0)], [item(0), item(2)], [item(0), item(1), item(2)], [item(1), item(0)]]) {
      expect(await post(other, key)).toMatchObject({ status: 409, json: { code: 'idempotency_conflict' } });
    }
  });

  it('takes keys of the items: what was made before stays, the rest is added; one conflict makes none', async () => {
    const t = harness();
    const [a, b, c] = [t.unique('item'), t.unique('item'), t.unique('item')];
    const single = await t.post('/api/queue/jobs', item(0), 'admin', { 'idempotency-key': a });
    const mixed = await post([item(0, { idempotencyKey: a }), item(1, { idempotencyKey: b })]);
    expect(mixed.status).toBe(201);
    expect(resultsOf(mixed).map(({ created }) => created)).toEqual([false, true]);
    expect(resultsOf(mixed)[0]!.jobId).toBe(single.json.id);
    const before = await countJobs();
    const conflict = await post([item(2, { idempotencyKey: c }), item(9, { idempotencyKey: b })]);
    expect(conflict).toMatchObject({ status: 409, json: { code: 'idempotency_conflict' } });
    expect(conflict.json.detail).toContain('items.1.idempotencyKey');
    expect(await countJobs()).toBe(before);
    expect((await post([item(2, { idempotencyKey: c })])).status).toBe(201);
  });

  it('ten times at once under one key makes them once', async () => {
    const key = { 'idempotency-key': harness().unique('batch') };
    const answers = await Promise.all(Array.from({ length: 10 }, () => post([item(0), item(1), item(2)], key)));
    const ids = new Set(
      answers.map((answer) =>
        resultsOf(answer)
          .map(({ jobId }) => jobId)
          .join(),
      ),
    );
    expect([ids.size, answers.filter(({ status }) => status === 201).length]).toEqual([1, 1]);
  });

  it('wakes a claim that waits', async () => {
    const t = harness();
    const capability = t.unique('only');
    const worker = await t.worker({ capabilities: [capability] });
    const claiming = t.post('/api/queue/jobs/claim', { waitSeconds: 20 }, worker);
    const made = await post([item(0, { requiredCapabilities: [capability], priority: 1_000_000 })]);
    const seen: { jobId?: string } = {};
    void claiming.then(({ json }) => (seen.jobId = json.job?.id as string));
    await expect.poll(() => (t.clock.advance(1000), seen.jobId), { interval: 5 }).toBe(resultsOf(made)[0]!.jobId);
  });
});
