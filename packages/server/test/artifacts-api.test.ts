// Tests artifacts and experiments on /api. The artifacts come from jobs and from deposits on /v0.
import { beforeAll, describe, expect, it } from 'vitest';
import { artifactSchema } from '@proofhouse/core';
import { forEachStore } from './support/for-each-store.ts';
import type { TestServer } from './support/test-server.ts';
import { WireExperiment, type V0Worker } from './support/wire-experiment.ts';
import { update } from '../src/kernel/commit.ts';

const unknown = '00000000-0000-7000-8000-000000000000';

forEachStore('artifacts on /api', (harness) => {
  let t: TestServer;
  let experiment: WireExperiment;
  let worker: V0Worker;
  beforeAll(async () => {
    t = harness();
    experiment = await WireExperiment.make(t);
    worker = await experiment.register();
  });
  const idsOf = async (query: string, as = 'admin'): Promise<string[]> =>
    ((await t.get(`/api/artifacts?${query}`, as)).json.artifacts as { id: string }[]).map(({ id }) => id);
  const deposit = async (bytes: string, as = worker.credential): Promise<string> => {
    const { artifacts_uri: uri } = await experiment.deposit(bytes, as, { contentType: 'text/plain' });
    return (await experiment.records()).find((record) => record.uri === uri)!.artifactId;
  };

  it('are one record, whatever door they came through', async () => {
    const { job } = await t.running();
    const ofJob = (await t.put(job.id, { name: 'a.txt', file: 'of a job' })).json.id as string;
    const deposited = await deposit('deposited');
    for (const [id, text, fields] of [
      [ofJob, 'of a job', { jobId: job.id, name: 'a.txt', experimentId: null }],
      [deposited, 'deposited', { jobId: null, name: null, experimentId: experiment.id, createdBy: worker.id }],
    ] as const) {
      const { status, json } = await t.get(`/api/artifacts/${id}`);
      expect([status, json.artifact]).toMatchObject([200, { id, artifactId: id, ...fields }]);
      expect(artifactSchema.strict().safeParse(json.artifact).error).toBeUndefined();
      expect(JSON.stringify(json)).not.toMatch(/blob|fingerprint/);
      const content = await t.get(`/api/artifacts/${id}/content`);
      expect(content).toMatchObject({ status: 200, text, headers: { 'x-content-type-options': 'nosniff' } });
    }
  });

  it('are listed by job, experiment or maker, newest first, by page', async () => {
    const own = await WireExperiment.make(t);
    const maker = await own.register();
    const made: string[] = [];
    for (const text of ['1', '2', '3', '4', '5']) {
      await own.deposit(text, maker.credential);
      made.unshift((await own.records())[0]!.artifactId);
      t.clock.advance(1);
    }
    expect(await idsOf(`experimentId=${own.id}`)).toEqual(made);
    expect(await idsOf(`createdBy=${maker.id}`)).toEqual(made);
    expect(await idsOf(`createdBy=${maker.id}`, maker.token)).toEqual(made);
    expect(await idsOf(`experimentId=${own.id}&type=log`)).toEqual([]);
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: { json: { artifacts: { id: string }[]; nextCursor: string | null } } = await t.get(
        `/api/artifacts?experimentId=${own.id}&limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`,
      );
      seen.push(...page.json.artifacts.map(({ id }) => id));
      cursor = page.json.nextCursor;
    }
    expect(seen).toEqual(made);
  });

  it('are not listed by two of these at once', async () => {
    for (const query of [
      `jobId=${unknown}&experimentId=x`,
      'experimentId=x&createdBy=y',
      `jobId=${unknown}&experimentId=x&createdBy=y`,
    ]) {
      expect((await t.get(`/api/artifacts?${query}`)).json).toMatchObject({ status: 422, code: 'unsupported_filter' });
    }
    expect((await t.get('/api/artifacts?jobId=x')).json.code).toBe('invalid_request');
    expect((await t.get('/api/artifacts?cursor=x')).json.code).toBe('invalid_cursor');
    expect(await idsOf(`jobId=${unknown}`)).toEqual([]);
  });

  it('are listed to a worker only as its own, or of a job that it holds', async () => {
    const { job, worker: holder } = await t.running();
    const { json } = await t.put(job.id, { name: 'a.txt' });
    expect(await idsOf(`jobId=${job.id}`, holder.token)).toEqual([json.id]);
    for (const query of [
      '',
      `experimentId=${experiment.id}`,
      `jobId=${job.id}`,
      `jobId=${unknown}`,
      `createdBy=${holder.id}`,
      'createdBy=admin',
    ]) {
      expect((await t.get(`/api/artifacts?${query}`, worker.credential)).json.code).toBe('forbidden');
    }
  });

  it('are 404 under what is no id', async () => {
    for (const id of [unknown, 'x', '%00', unknown.toUpperCase(), `${unknown}x`]) {
      for (const [method, below] of [
        ['GET', ''],
        ['GET', '/content'],
        ['PUT', '/pin'],
        ['DELETE', '/pin'],
      ] as const) {
        expect((await t.call(method, `/api/artifacts/${id}${below}`)).json.code).toBe('artifact_not_found');
      }
    }
  });

  describe('pinned', () => {
    it('say so until they are not, and only the first time counts', async () => {
      const id = await deposit('kept');
      const first = await t.call('PUT', `/api/artifacts/${id}/pin`);
      expect(first.json.artifact).toMatchObject({ pinnedAt: new Date(t.clock.now()).toISOString(), version: 2 });
      t.clock.advance(1000);
      expect((await t.call('PUT', `/api/artifacts/${id}/pin`)).json).toEqual(first.json);
      const loose = await t.call('DELETE', `/api/artifacts/${id}/pin`);
      expect(loose.json.artifact).toMatchObject({ pinnedAt: null, version: 3 });
      expect((await t.call('DELETE', `/api/artifacts/${id}/pin`)).json).toEqual(loose.json);
    });

    it('by many at once are pinned once', async () => {
      const id = await deposit('kept');
      const answers = await Promise.all([1, 2, 3, 4].map(() => t.call('PUT', `/api/artifacts/${id}/pin`)));
      for (const { status, json } of answers) expect([status, json.artifact.version]).toEqual([200, 2]);
    });
  });

  it('whose bytes retention removed are 410 at every door of /api, and their records stay', async () => {
    const { job } = await t.running();
    const { id } = (await t.put(job.id, { name: 'old.txt' })).json as { id: string };
    const record = (await t.server.store.artifacts.find(id))!;
    const artifact = { ...record, purgedAt: t.clock.now() };
    await t.server.store.commit({
      changes: [update('artifact', artifact, record.version)],
      preconditions: [],
      now: 1,
    });
    const ofJob = `/api/queue/jobs/${job.id}/artifacts/${id}`;
    for (const url of [`/api/artifacts/${id}/content`, `${ofJob}/download`, `${ofJob}/excerpt`]) {
      expect((await t.get(url)).json).toMatchObject({ status: 410, code: 'artifact_expired' });
    }
    expect((await t.call('PUT', `/api/artifacts/${id}/pin`)).json).toMatchObject({
      status: 410,
      code: 'artifact_expired',
    });
    expect((await t.get(`/api/artifacts/${id}`)).status).toBe(200);
    expect((await t.artifacts(job.id)).map((each) => each.id)).toEqual([id]);
  });
});

forEachStore('experiments on /api', (harness) => {
  it('are made once under a given id, or a fresh one, and listed newest first', async () => {
    const t = harness();
    const experimentId = 'exp_01hzzzzzzzzzzzzzzzzzzzzzzz';
    const made = await t.post('/api/experiments', { experimentId, name: 'Mine' });
    expect([made.status, made.json]).toEqual([
      201,
      { experimentId, name: 'Mine', createdBy: 'admin', createdAt: new Date(t.clock.now()).toISOString() },
    ]);
    expect((await t.post('/api/experiments', { experimentId })).json.code).toBe('already_exists');
    t.clock.advance(1);
    const fresh = await t.post('/api/experiments');
    expect(fresh.json.experimentId).toMatch(/^exp_[0-7][0-9a-hjkmnp-tv-z]{25}$/);
    const listed = (await t.get('/api/experiments')).json.items as { experimentId: string }[];
    expect(listed.map((each) => each.experimentId)).toEqual([fresh.json.experimentId, experimentId]);
  });

  it('are not made of what is wrong', async () => {
    const t = harness();
    for (const [body, code] of [
      [{ experimentId: 'mine' }, 'invalid_request'],
      [{ experimentId: 'exp_01HZZZZZZZZZZZZZZZZZZZZZZZ' }, 'invalid_request'],
      [{ name: ' ' }, 'invalid_name'],
      [{ name: 'a\u0000' }, 'invalid_name'],
      [{ id: 'x' }, 'invalid_request'],
    ] as const) {
      expect((await t.post('/api/experiments', body)).json).toMatchObject({ status: 422, code });
    }
  });
});
