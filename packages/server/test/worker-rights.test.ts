// Tests two rights that a worker token can have in addition: to create jobs, and to read the metrics.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { forAnyStore } from './support/for-each-store.ts';
import { isInstalled } from './support/installed-program.ts';

const hasPromtool = isInstalled('promtool', ['--version'], 'prometheus');

const anything = { type: 'exec', requiredCapabilities: ['nobody-has-this'] };

forAnyStore('a token that may enqueue', (harness) => {
  it('creates jobs, one or many, and reads and lists those and what it holds', async () => {
    const t = harness();
    const producer = await t.worker({ canEnqueue: true });
    const other = await t.worker({ canEnqueue: true });
    const one = await t.post('/api/queue/jobs', anything, producer);
    expect(one).toMatchObject({ status: 201, json: { createdBy: producer.id } });
    const many = await t.post('/api/queue/jobs/batch', { items: [anything, anything] }, producer);
    const made = [one.json.id, ...many.json.results.map(({ jobId }: { jobId: string }) => jobId)] as string[];
    for (const id of made) expect((await t.get(`/api/queue/jobs/${id}`, producer)).status).toBe(200);
    expect((await t.get(`/api/queue/jobs/${made[0]}/events`, producer)).status).toBe(200);
    const listed = await t.get('/api/queue/jobs', producer);
    expect((listed.json.items as { id: string }[]).map(({ id }) => id).toSorted()).toEqual(made.toSorted());
    expect(listed.json.only).toBe('own');
    for (const path of ['', '/events'])
      expect((await t.get(`/api/queue/jobs/${made[0]}${path}`, other)).status).toBe(403);
    expect((await t.get('/api/queue/jobs', other)).json).toEqual({ items: [], nextCursor: null, only: 'own' });
    expect((await t.get('/api/queue/jobs')).json).not.toHaveProperty('only');
  });

  it('lists what it made and holds once, page by page, in every state', async () => {
    const t = harness();
    const capability = t.unique('only');
    const producer = await t.worker({ canEnqueue: true, capabilities: [capability] });
    const own = { type: 'exec', requiredCapabilities: [capability], priority: 1_000_000 };
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push((await t.post('/api/queue/jobs', own, producer)).json.id as string);
    const foreign = await t.enqueue({ ...own, priority: 999_999 });
    const held = (await t.claim(producer, { maxJobs: undefined }))!;
    for (let n = 0; n < 5; n++) await t.claim(producer);
    await t.post(`/api/queue/jobs/${held.id}/complete`, {}, producer, { 'proofhouse-lease': held.leaseId });
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: { json: { items: { id: string }[]; nextCursor: string | null } } = await t.get(
        `/api/queue/jobs?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`,
        producer,
      );
      seen.push(...page.json.items.map(({ id }) => id));
      cursor = page.json.nextCursor;
    }
    expect(seen).toEqual([...ids, foreign.id].toReversed());
    const done = await t.get('/api/queue/jobs?status=succeeded', producer);
    expect((done.json.items as { id: string }[]).map(({ id }) => id)).toEqual([held.id]);
  });

  it('may not decide about jobs, manage credentials, read others’ artifacts, or go beyond its types and repositories', async () => {
    const t = harness();
    const bounds = { allowedJobTypes: ['exec'], allowedRepositories: ['acme/app'] };
    const producer = await t.worker({ canEnqueue: true, ...bounds });
    const create = (json: object) => t.post('/api/queue/jobs', json, producer);
    const made = await create({ ...anything, payload: { repository: 'acme/app' } });
    expect(made.status).toBe(201);
    for (const json of [
      anything,
      { ...anything, payload: { repository: 'acme/other' } },
      { ...anything, type: 'task', payload: { repository: 'acme/app' } },
    ]) {
      const refused = { status: 403, json: { code: 'worker_not_authorized' } };
      expect(await create(json)).toMatchObject(refused);
      expect(await t.post('/api/queue/jobs/batch', { items: [json] }, producer)).toMatchObject(refused);
    }
    for (const field of ['taskId', 'bundleId'])
      expect((await create({ ...anything, payload: { repository: 'acme/app' }, [field]: 'x' })).status).toBe(422);
    const path = `/api/queue/jobs/${String(made.json.id)}`;
    for (const verb of ['cancel', 'retry']) expect((await t.post(`${path}/${verb}`, {}, producer)).status).toBe(403);
    expect((await t.post('/api/queue/workers/tokens', { workerId: 'x' }, producer)).status).toBe(403);
    const artifact = await t.put(made.json.id as string, { name: 'a.txt' });
    expect((await t.get(`${path}/artifacts/${String(artifact.json.id)}/download`, producer)).status).toBe(403);
    expect((await t.get('/metrics', producer)).status).toBe(403);
  });

  it('is made by the admin alone, shown in lists and by whoami', async () => {
    const t = harness();
    const producer = await t.worker({ canEnqueue: true });
    const plain = await t.worker();
    expect((await t.get('/api/whoami', producer)).json).toMatchObject({
      kind: 'worker',
      id: producer.id,
      role: 'worker',
      canEnqueue: true,
      readMetrics: false,
      version: expect.stringMatching(/^\d+\./),
    });
    expect((await t.get('/api/whoami', plain)).json).toMatchObject({ canEnqueue: false, readMetrics: false });
    expect((await t.get('/api/whoami')).json).toMatchObject({ kind: 'admin', id: 'admin', role: 'admin' });
    expect((await t.get('/api/whoami', null)).status).toBe(401);
    expect((await t.post('/api/queue/jobs', anything, plain)).status).toBe(403);
    const listed = (await t.get(`/api/queue/workers/tokens?workerId=${producer.id}`)).json;
    expect(listed.items).toMatchObject([{ canEnqueue: true, readMetrics: false }]);
  });
});

forAnyStore('a token that reads the metrics', (harness) => {
  it('reads them and nothing else', async () => {
    const t = harness();
    const scraper = await t.worker({ readMetrics: true });
    expect((await t.get('/metrics', scraper)).status).toBe(200);
    expect((await t.get('/api/whoami', scraper)).json).toMatchObject({ readMetrics: true });
    const running = await t.running();
    for (const url of ['/api/queue/jobs', `/api/queue/jobs/${running.job.id}`, '/api/queue/workers', '/api/artifacts'])
      expect((await t.get(url, scraper)).status).toBe(403);
    for (const url of ['/api/queue/jobs/claim', '/api/queue/jobs', `/api/queue/jobs/${running.job.id}/heartbeat`])
      expect((await t.post(url, {}, scraper)).status).toBe(403);
    expect((await t.put(running.job.id, { name: 'a', as: scraper })).status).toBe(403);
    const both = { workerId: 'x', canEnqueue: true, readMetrics: true };
    expect(await t.post('/api/queue/workers/tokens', both)).toMatchObject({
      status: 422,
      json: { errors: [{ path: 'readMetrics' }] },
    });
  });

  it.skipIf(!hasPromtool)('reads what promtool finds nothing to say about', async () => {
    const t = harness();
    const { worker, job, lease } = await t.running();
    await t.put(job.id, { name: 'a.txt', as: worker, headers: { 'proofhouse-lease': lease } });
    await t.post(`/api/queue/jobs/${job.id}/complete`, {}, worker, { 'proofhouse-lease': lease });
    const { text } = await t.get('/metrics', await t.worker({ readMetrics: true }));
    const checking = promisify(execFile)('promtool', ['check', 'metrics']);
    checking.child.stdin?.end(text);
    const { stdout, stderr } = await checking.catch((error: unknown) => error as { stdout: string; stderr: string });
    expect(stdout + stderr).toBe('');
  });
});

forAnyStore('revoking a token', (harness) => {
  it('that is none is not_found, whatever was given as its id', async () => {
    const t = harness();
    for (const id of ['nope', '00000000-0000-7000-8000-000000000000', "'", '%00', 'x'.repeat(300)]) {
      const answer = await t.post(`/api/queue/workers/tokens/${id}/revoke`);
      expect(answer).toMatchObject({ status: 404, json: { code: 'not_found' } });
    }
  });
});
