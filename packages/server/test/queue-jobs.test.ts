// Tests creating, reading and listing jobs, as the first rows of the contract of the queue describe.
import { describe, expect, it } from 'vitest';
import { forEachStore } from './support/for-each-store.ts';
import { startTestServer, type Answer } from './support/test-server.ts';

interface JobPage {
  readonly items: readonly { id: string; createdAt: string }[];
  readonly nextCursor: string | null;
}

const day = 24 * 60 * 60 * 1000;
const unknownJob = '00000000-0000-7000-8000-000000000000';

forEachStore('creating a job', (harness) => {
  const create = (json: object, headers = {}) => harness().post('/api/queue/jobs', json, 'admin', headers);

  it('answers 201 with every field, defaults filled in', async () => {
    const answer = await create({ type: 'exec' });
    const now = new Date(harness().clock.now()).toISOString();
    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/),
      type: 'exec',
      category: 'work',
      status: 'queued',
      priority: 0,
      payload: {},
      requiredCapabilities: [],
      affinityKey: null,
      taskId: null,
      bundleId: null,
      parentJobId: null,
      manifestName: null,
      createdBy: 'admin',
      claimedBy: null,
      lastClaimedBy: null,
      leaseExpiresAt: null,
      nextAttemptAt: null,
      attempt: 1,
      maxAttempts: 3,
      resultSummary: null,
      errorMessage: null,
      finish: null,
      findings: null,
      cancelRequestedAt: null,
      cancelRequestedBy: null,
      cancelReason: null,
      startedAt: null,
      attemptStartedAt: null,
      finishedAt: null,
      createdAt: now,
      updatedAt: now,
    });
    expect(await harness().job(answer.json.id)).toEqual(answer.json);
  });

  it('takes the capabilities of the payload for the field, and gives the payload back as it was', async () => {
    const t = harness();
    const [gpu, git] = [t.unique('GPU'), t.unique('git')];
    const payload = { requiredCapabilities: [gpu, ` ${git} `, gpu.toLowerCase()], x: 1 };
    const { json } = await create({ type: 'exec', payload, priority: 1_000_000 });
    expect(json).toMatchObject({ requiredCapabilities: [gpu.toLowerCase(), git], payload });
    const without = await t.worker({ capabilities: [git] });
    expect(await t.claim(without)).not.toMatchObject({ id: json.id });
    const able = await t.worker({ capabilities: [git, gpu] });
    expect(await t.claim(able)).toMatchObject({ id: json.id });
  });

  it('takes capabilities in both places when they are the same, in the order of the field', async () => {
    const of = async (field: unknown, ofPayload: unknown): Promise<Answer> =>
      create({ type: 'exec', requiredCapabilities: field, payload: { requiredCapabilities: ofPayload } });
    expect((await of(['b', 'A'], ['a', 'B', 'a'])).json.requiredCapabilities).toEqual(['b', 'a']);
    expect((await of(null, ['x'])).json.requiredCapabilities).toEqual(['x']);
    expect((await of(['x'], null)).json.requiredCapabilities).toEqual(['x']);
    for (const [field, ofPayload] of [
      [['a'], ['b']],
      [[], ['b']],
      [['a'], []],
      [['a', 'b'], ['a']],
    ]) {
      const paths = [{ path: 'requiredCapabilities' }, { path: 'payload.requiredCapabilities' }];
      expect(await of(field, ofPayload)).toMatchObject({ status: 422, json: { errors: paths } });
    }
  });

  it.each([
    ['a text', 'gpu', ''],
    ['an object', { gpu: true }, ''],
    ['a number in it', ['gpu', 1], '.1'],
    ['a blank name', [' '], '.0'],
    ['a control character', ['a\nb'], '.0'],
    ['too long a name', ['x'.repeat(129)], '.0'],
    ['more than 64', Array.from({ length: 65 }, (_, n) => `c${String(n)}`), ''],
  ])('refuses capabilities in the payload that are %s, by their path', async (_what, requiredCapabilities, below) => {
    const answer = await create({ type: 'exec', payload: { requiredCapabilities } });
    const path = `payload.requiredCapabilities${below}`;
    expect(answer).toMatchObject({ status: 422, json: { errors: [{ path }] } });
  });

  it('keeps what it was given: capabilities in lower case and in their order, the first of repeated ones', async () => {
    const notBefore = new Date(harness().clock.now() + 1000).toISOString();
    const given = {
      type: 'codex_skill',
      priority: -7,
      payload: { repository: 'acme/app', deep: { list: [1, 'zwei', null, true] }, text: 'ünï\u0000code 🚀' },
      affinityKey: 'host-1',
      maxAttempts: 1,
    };
    const { json } = await create({ ...given, notBefore, requiredCapabilities: ['GPU', ' docker ', 'gpu'] });
    expect(json).toMatchObject({ ...given, nextAttemptAt: notBefore });
    expect(json.requiredCapabilities).toEqual(['gpu', 'docker']);
    expect((await harness().job(json.id)).payload).toEqual(given.payload);
  });

  it.each([
    [{}, 'type'],
    [{ type: 'unheard-of' }, 'type'],
    [{ type: 'exec', taskId: 'task-1' }, 'taskId'],
    [{ type: 'exec', bundleId: 'bundle-1' }, 'bundleId'],
    [{ type: 'exec', maxAttempts: 0 }, 'maxAttempts'],
    [{ type: 'exec', maxAttempts: 1.5 }, 'maxAttempts'],
    [{ type: 'exec', priority: '1' }, 'priority'],
    [{ type: 'exec', payload: [] }, 'payload'],
    [{ type: 'exec', payload: null }, 'payload'],
    [{ type: 'exec', payload: { repository: 7 } }, 'payload.repository'],
    [{ type: 'exec', notBefore: 'tomorrow' }, 'notBefore'],
    [{ type: 'exec', notBefore: '9999-12-31T23:59:59.999-00:01' }, 'notBefore'],
    [{ type: 'exec', notBefore: '0000-01-01T00:00:00+00:01' }, 'notBefore'],
    [{ type: 'exec', requiredCapabilities: [''] }, 'requiredCapabilities.0'],
    [{ type: 'exec', affinityKey: 'a\u0000b' }, 'affinityKey'],
    [{ type: 'exec', createdBy: 'somebody' }, 'createdBy'],
    [{ type: 'exec', status: 'running' }, 'status'],
  ])('refuses %j with 422 that names %s', async (json, path) => {
    const answer = await create(json);
    expect(answer).toMatchObject({ status: 422, json: { code: 'invalid_request', errors: [{ path }] } });
  });

  it('refuses manifest jobs while there are none', async () => {
    expect(await create({ type: 'manifest' })).toMatchObject({ status: 422, json: { code: 'invalid_manifest_job' } });
  });

  it('takes a payload of exactly 256 KiB of JSON and refuses one byte more', async () => {
    const payload = (size: number) => ({ text: 'x'.repeat(size - '{"text":""}'.length) });
    expect((await create({ type: 'exec', payload: payload(256 * 1024) })).status).toBe(201);
    const answer = await create({ type: 'exec', payload: payload(256 * 1024 + 1) });
    expect(answer).toMatchObject({ status: 422, json: { errors: [{ path: 'payload' }] } });
    const wide = await create({ type: 'exec', payload: { text: 'é'.repeat(140_000) } });
    expect(wide.status).toBe(422);
  });

  it('takes configured types beside the built-in ones', async () => {
    const configured = await startTestServer({ settings: { jobTypes: ['nightly'] } });
    expect((await configured.enqueue({ type: 'nightly' })).category).toBe('work');
    for (const type of ['task', 'exec', 'codex_exec', 'codex_skill']) await configured.enqueue({ type });
    await configured.close();
  });

  it('with a repeated key gives the first job with 200, and 409 for another request', async () => {
    const t = harness();
    const key = { 'idempotency-key': t.unique('key') };
    const first = await create({ type: 'exec', payload: { n: 1 } }, key);
    const again = await create({ type: 'exec', payload: { n: 1 } }, key);
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.json).toEqual(first.json);
    expect(await create({ type: 'exec', payload: { n: 2 } }, key)).toMatchObject({
      status: 409,
      json: { code: 'idempotency_conflict' },
    });
  });

  it('takes the key from the body too, but not two different ones', async () => {
    const t = harness();
    const key = t.unique('key');
    const first = await create({ type: 'exec', idempotencyKey: key });
    const again = await create({ type: 'exec' }, { 'idempotency-key': key });
    expect([again.status, again.json.id]).toEqual([200, first.json.id]);
    const both = await create({ type: 'exec', idempotencyKey: key }, { 'idempotency-key': `${key}x` });
    expect(both).toMatchObject({ status: 422, json: { errors: [{ path: 'idempotencyKey' }] } });
  });

  it.each(['', 'two words', 'x'.repeat(256)])('refuses the key %j', async (key) => {
    expect((await create({ type: 'exec' }, { 'idempotency-key': key })).status).toBe(422);
  });

  it('twenty times at once under one key makes one job', async () => {
    const key = { 'idempotency-key': harness().unique('key') };
    const answers = await Promise.all(Array.from({ length: 20 }, () => create({ type: 'exec' }, key)));
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer.json.id)).size).toBe(1);
  });

  it('forgets a key after a day', async () => {
    const t = harness();
    const key = { 'idempotency-key': t.unique('key') };
    const first = await create({ type: 'exec' }, key);
    t.clock.advance(day - 1);
    expect((await create({ type: 'exec' }, key)).json.id).toBe(first.json.id);
    t.clock.advance(1);
    const later = await create({ type: 'exec' }, key);
    expect(later.status).toBe(201);
    expect(later.json.id).not.toBe(first.json.id);
  });
});

forEachStore('reading a job', (harness) => {
  it.each([unknownJob, 'nonsense', `${unknownJob}0`, '%00', "'", unknownJob.toUpperCase()])(
    'answers 404 for %s',
    async (id) => {
      expect(await harness().get(`/api/queue/jobs/${id}`)).toMatchObject({
        status: 404,
        json: { code: 'job_not_found' },
      });
    },
  );

  it('shows the lease to its holder alone', async () => {
    const t = harness();
    const { job, worker, lease } = await t.running();
    expect((await t.get(`/api/queue/jobs/${job.id}`, worker)).json.leaseId).toBe(lease);
    expect((await t.get(`/api/queue/jobs/${job.id}`)).json).not.toHaveProperty('leaseId');
    expect((await t.get('/api/queue/jobs?status=running')).text).not.toContain(lease);
  });
});

describe('listing jobs', () => {
  forEachStore('the list', (harness) => {
    const list = async (query: string) => (await harness().get(`/api/queue/jobs?${query}`)).json;
    const ids = (page: JobPage): string[] => page.items.map((job) => job.id);

    it('is newest first, in pages that miss and repeat nothing', async () => {
      const t = harness();
      const made: string[] = [];
      for (let count = 0; count < 7; count++) {
        if (count % 3 === 0) t.clock.advance(1);
        made.push((await t.enqueue()).id);
      }
      const seen: string[] = [];
      const times: string[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const page = (await list(`limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)) as JobPage;
        expect(page.items.length).toBeLessThanOrEqual(2);
        seen.push(...ids(page));
        times.push(...page.items.map((job) => job.createdAt));
        cursor = page.nextCursor;
      }
      expect(seen.toSorted()).toEqual(made.toSorted());
      expect(times).toEqual(times.toSorted().reverse());
    });

    it('narrows by status, type and category', async () => {
      const t = harness();
      const { job } = await t.running({ type: 'codex_exec' });
      await t.enqueue({ type: 'codex_exec' });
      expect(ids(await list('type=codex_exec&status=running'))).toEqual([job.id]);
      expect((await list('type=codex_exec')).items).toHaveLength(2);
      expect((await list('type=codex_exec&category=manifest')).items).toEqual([]);
      expect((await list('category=manifest')).items).toEqual([]);
      expect(ids(await list('category=work&status=running'))).toEqual([job.id]);
      expect(ids(await list('status=running'))).toEqual([job.id]);
      expect((await list('status=dead_letter')).items).toEqual([]);
    });

    it('shows a worker what it holds, nothing else', async () => {
      const t = harness();
      const { job, worker } = await t.running();
      const stranger = await t.worker();
      expect(ids((await t.get('/api/queue/jobs', worker)).json)).toEqual([job.id]);
      expect(ids((await t.get('/api/queue/jobs?status=queued', worker)).json)).toEqual([]);
      expect(ids((await t.get('/api/queue/jobs', stranger)).json)).toEqual([]);
    });

    it.each([
      ['limit=0', 'query.limit'],
      ['limit=201', 'query.limit'],
      ['limit=many', 'query.limit'],
      ['limit=1&limit=2', 'query.limit'],
      ['status=unheard-of', 'query.status'],
      ['type=unheard-of', 'type'],
      ['nonsense=1', 'query.nonsense'],
    ])('refuses ?%s with 422', async (query, path) => {
      expect(await harness().get(`/api/queue/jobs?${query}`)).toMatchObject({
        status: 422,
        json: { errors: [{ path }] },
      });
    });

    it('refuses cursors that are malformed, of other filters or of another list with 400', async () => {
      const t = harness();
      await t.enqueue();
      await t.enqueue();
      await t.worker();
      await t.worker();
      const { nextCursor } = await list('limit=1');
      const tokens = (await t.get('/api/queue/workers/tokens?limit=1')).json.nextCursor;
      const [version, hash, at] = JSON.parse(Buffer.from(nextCursor, 'base64url').toString()) as [
        number,
        string,
        number,
      ];
      const forged = (...parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString('base64url');
      for (const query of [
        'cursor=nonsense',
        'cursor=',
        `cursor=${nextCursor}&status=queued`,
        `cursor=${tokens}x`,
        `cursor=${forged(version, hash, at, '\u0000')}`,
        `cursor=${forged(version, hash, 'now', 'id')}`,
        `cursor=${forged(version, hash, 1e300, 'id')}`,
        `cursor=${forged(2, hash, at, 'id')}`,
        `cursor=${forged({})}`,
        `cursor=${Buffer.from('null').toString('base64url')}`,
      ]) {
        const answer = await t.get(`/api/queue/jobs?${query}`);
        expect({ query, status: answer.status, code: answer.json.code }).toEqual({
          query,
          status: 400,
          code: 'invalid_cursor',
        });
      }
    });

    it('goes on from a cursor whose job has moved on', async () => {
      const t = harness();
      t.clock.advance(1);
      const { job, worker, lease } = await t.running();
      t.clock.advance(1);
      await t.enqueue();
      const { nextCursor } = await list('limit=1');
      await t.post(`/api/queue/jobs/${job.id}/complete`, {}, worker, { 'proofhouse-lease': lease });
      expect(ids(await list(`limit=1&cursor=${nextCursor}`))).toEqual([job.id]);
    });
  });
});
