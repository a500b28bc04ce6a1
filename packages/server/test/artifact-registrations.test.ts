// Registers artifacts by URI on both engines. Tests every field of a record, every rule of the storage policy,
// relations, idempotency keys and malformed bodies.
import { describe, expect, it } from 'vitest';
import { artifactTypes, dataClasses, stampedFields } from '@proofhouse/core';
import { exampleChecksum as checksum } from '@proofhouse/core/testing/url-corpus';
import { forEachStore } from './support/for-each-store.ts';
import { githubToken } from './support/secret-samples.ts';
import type { Answer, Caller, TestServer } from './support/test-server.ts';
import { makeUser } from './support/test-user.ts';
import { WireExperiment } from './support/wire-experiment.ts';

const unknown = '00000000-0000-7000-8000-000000000000';
const link = { type: 'external-link', title: 'Episode 12', storageUri: 'https://youtu.be/dQw4w9WgXcQ' } as const;

function register(t: TestServer, body: object = {}, as: Caller = 'admin', headers = {}): Promise<Answer> {
  return t.post('/api/artifacts', { ...link, ...body }, as, headers);
}

/** Expects that the request was refused with the code, and that the error names the fields. */
function expectRefused(answer: Answer, code: string, ...paths: string[]): void {
  expect(answer.json, answer.text).toMatchObject({ status: 422, code });
  const named = (answer.json.errors as { path: string }[]).map(({ path }) => path);
  expect(named).toEqual(expect.arrayContaining(paths));
}

forEachStore('a registered artifact', (harness) => {
  it('has every field of the model, as it was given', async () => {
    const t = harness();
    const { id: jobId } = await t.enqueue();
    const experiment = await WireExperiment.make(t);
    const given = {
      type: 'recording',
      title: 'Take 1',
      description: 'First take.\nWith a second line.',
      status: 'needs-review',
      storageProvider: 's3',
      storageUri: 's3://bucket/podcast/take-1.wav',
      filename: 'take-1.wav',
      contentType: 'audio/wav',
      checksum,
      sizeBytes: 2 ** 40,
      visibility: 'internal',
      dataClass: 'private',
      jobId,
      experimentId: experiment.id,
      assistantJobId: 'assistant/7',
      tags: ['podcast', 'Ü'],
      metadata: { season: 2, deep: [{ take: 1 }], tokenCount: 12 },
    };
    const answer = await t.post('/api/artifacts', given);
    expect(answer.status, answer.text).toBe(201);
    const { artifact } = answer.json;
    expect(artifact).toMatchObject({
      ...given,
      artifactId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      id: artifact.artifactId,
      uri: expect.stringMatching(/^proofhouse:\/\/artifacts\/.+/),
      taskId: null,
      bundleId: null,
      fileId: null,
      name: null,
      sourceType: 'manual-link',
      producedBy: 'person',
      createdBy: 'admin',
      reviewer: null,
      reviewedBy: null,
      reviewedAt: null,
      reviewedDigest: null,
      version: 1,
      findings: null,
    });
    expect(artifact.updatedAt).toBe(artifact.createdAt);
    expect((await t.get(`/api/artifacts/${artifact.id}`)).json.artifact).toEqual(artifact);
    expect((await t.get(`/api/artifacts?jobId=${jobId}`)).json.artifacts).toEqual([artifact]);
    expect((await t.get(`/api/artifacts/${artifact.id}/history`)).json).toEqual({ items: [], nextCursor: null });
  });

  it('needs only type, title and storageUri, and has defaults for the others', async () => {
    const t = harness();
    const { json } = await register(t);
    expect(json.artifact).toMatchObject({
      ...link,
      status: 'draft',
      storageProvider: 'external-url',
      dataClass: 'internal',
      visibility: 'internal',
      description: null,
      filename: null,
      contentType: null,
      checksum: null,
      sizeBytes: null,
      tags: [],
      metadata: {},
    });
    for (const field of ['type', 'title', 'storageUri']) {
      expectRefused(await register(t, { [field]: undefined }), 'invalid_request', field);
    }
    const optional = ['description', 'storageProvider', 'filename', 'contentType', 'checksum', 'sizeBytes', 'tags'];
    const nulls = [...optional, 'dataClass', 'visibility', 'jobId', 'experimentId', 'assistantJobId', 'metadata'];
    expect((await register(t, Object.fromEntries(nulls.map((name) => [name, null])))).status).toBe(201);
  });

  it('can have each type and each data class, and visibility follows the data class', async () => {
    const t = harness();
    for (const type of artifactTypes) {
      expect((await register(t, { type })).json.artifact).toMatchObject({ type });
    }
    for (const dataClass of dataClasses) {
      expect((await register(t, { dataClass })).json.artifact).toMatchObject({ dataClass, visibility: dataClass });
    }
    expectRefused(await register(t, { type: 'video' }), 'invalid_request', 'type');
    expectRefused(await register(t, { dataClass: 'secret' }), 'invalid_request', 'dataClass');
  });

  it('is created as draft or for review, and in no other status', async () => {
    const t = harness();
    expect((await register(t, { status: 'needs-review' })).json.artifact.status).toBe('needs-review');
    for (const status of ['approved', 'rejected', 'archived', 'superseded', 'done']) {
      expectRefused(await register(t, { status }), 'invalid_request', 'status');
    }
  });

  it.each([...stampedFields, 'taskId', 'bundleId', 'fileId', 'name', 'unknownField', '__proto__x'])(
    'is refused with the field %s',
    async (field) => {
      expectRefused(await register(harness(), { [field]: 'x' }), 'invalid_request', field);
    },
  );

  it('refuses hostile bodies and stores nothing of them', async () => {
    const t = harness();
    const before = (await t.get('/api/artifacts?createdBy=admin&limit=1')).json.artifacts[0]?.id as string;
    const bodies: [string, unknown][] = [
      ['title', ' '],
      ['title', 'a'.repeat(501)],
      ['title', 'a\u202eb'],
      ['title', 'a\nb'],
      ['title', 7],
      ['title', { $ne: null }],
      ['description', 'a'.repeat(4001)],
      ['description', 'a\u0000b'],
      ['description', 'a\ud800b'],
      ['checksum', 'sha256:12'],
      ['checksum', `sha512:${'a'.repeat(64)}`],
      ['sizeBytes', -1],
      ['sizeBytes', 1.5],
      ['sizeBytes', 2 ** 60],
      ['sizeBytes', '7'],
      ['tags', 'x'],
      ['tags', Array.from({ length: 51 }, () => 'x')],
      ['tags', ['']],
      ['metadata', []],
      ['metadata', 'x'],
      ['metadata', { text: 'ü'.repeat(2048) }],
      ['filename', '..'],
      ['contentType', '\u00fc'],
      ['storageUri', ['https://h.example/']],
    ];
    for (const [field, value] of bodies) {
      expect(await register(t, { [field]: value }), field).toMatchObject({ status: 422, json: { errors: [{}] } });
    }
    for (const body of ['[]', 'null', '"x"', '{"type":', '1']) {
      const headers = { 'content-type': 'application/json' };
      const { status } = await t.call('POST', '/api/artifacts', { payload: body, headers });
      expect([400, 422], body).toContain(status);
    }
    expect((await t.get('/api/artifacts?createdBy=admin&limit=1')).json.artifacts[0]?.id).toBe(before);
  });

  it('keeps a file name and a content type that are safe in headers', async () => {
    const t = harness();
    const { json } = await register(t, { filename: 'C:\\a\\b/report.pdf', contentType: 'text/html; charset="x"' });
    expect(json.artifact).toMatchObject({ filename: 'report.pdf', contentType: 'text/html; charset="x"' });
  });

  describe('the storage policy', () => {
    it('infers the provider from the URI, and a given one must agree', async () => {
      const t = harness();
      const given = { storageUri: 'https://drive.google.com/file/d/1/view', storageProvider: 'google-drive' };
      expect((await register(t, given)).json.artifact).toMatchObject(given);
      for (const storageProvider of ['dropbox', 's3', 'filesystem', 'unknown', 'external-url', 'local-dev']) {
        expectRefused(await register(t, { ...given, storageProvider }), 'storage_policy', 'storageProvider');
      }
      expectRefused(await register(t, { storageProvider: 'ftp' }), 'invalid_request', 'storageProvider');
    });

    it('accepts reviewed process assets at GitHub and nothing private', async () => {
      const t = harness();
      const storageUri = 'https://github.com/o/r/blob/main/sop.md';
      expect((await register(t, { storageUri })).json.artifact.storageProvider).toBe('github');
      expect((await register(t, { storageUri, dataClass: 'public' })).status).toBe(201);
      for (const dataClass of ['private', 'sensitive']) {
        expectRefused(await register(t, { storageUri, dataClass }), 'storage_policy', 'dataClass');
      }
      for (const type of ['recording', 'invoice', 'transcript']) {
        expectRefused(await register(t, { storageUri, type }), 'storage_policy', 'type');
      }
    });

    it('requires a checksum at s3, gcs and local-dev, and nowhere else', async () => {
      const t = harness();
      for (const storageUri of ['s3://bucket/key', 'gs://bucket/key', 'local-dev://a.txt']) {
        expectRefused(await register(t, { storageUri }), 'storage_policy', 'checksum');
        const { status, json } = await register(t, { storageUri, checksum: checksum.toUpperCase() });
        expect(status).toBe(201);
        expect(json.artifact.checksum).toBe(checksum);
      }
    });

    it('stores no bytes of a pointer, and its content is answered with the link', async () => {
      const t = harness();
      const files = t.files().length;
      const { artifact } = (await register(t, { storageUri: 's3://bucket/key', checksum })).json;
      expect(t.files()).toHaveLength(files);
      const notOwned = { status: 409, json: { code: 'not_owned', storageUri: 's3://bucket/key' } };
      expect(await t.get(`/api/artifacts/${artifact.id}/content`)).toMatchObject(notOwned);
      expect(await t.call('PUT', `/api/artifacts/${artifact.id}/pin`)).toMatchObject(notOwned);
      const ticket = await t.post('/api/tickets', { path: `/api/artifacts/${artifact.id}/content` });
      expect(ticket).toMatchObject(notOwned);
    });

    it('leaves pointers out of the lists of uploads of a job, whose reads answer with the link', async () => {
      const t = harness();
      const { id: jobId } = await t.enqueue();
      const upload = (await t.put(jobId, { name: 'a.txt' })).json;
      const { artifact } = (await register(t, { jobId })).json;
      expect((await t.artifacts(jobId)).map(({ id }) => id)).toEqual([upload.id]);
      const notOwned = { status: 409, json: { code: 'not_owned', storageUri: link.storageUri } };
      const job = `/api/queue/jobs/${jobId}/artifacts/${artifact.id}`;
      expect(await t.get(`${job}/download`)).toMatchObject(notOwned);
      expect(await t.get(`${job}/excerpt`)).toMatchObject(notOwned);
    });

    it('refuses the places in which the server stores its own bytes', async () => {
      const t = harness();
      for (const path of ['blobs/a', 'proofhouse.db', 'x/../blobs/a', 'artifacts/agent_jobs/a/b', '%62lobs/a']) {
        const answer = await register(t, { storageUri: `local-dev://${t.folder}/${path}`, checksum });
        expectRefused(answer, 'storage_policy', 'storageUri');
      }
    });

    it('refuses a secret in the URI and in metadata under every secret policy, with the path', async () => {
      const t = harness();
      const secret = githubToken(1);
      const inUri = await register(t, { storageUri: `https://h.example/${secret}` });
      expectRefused(inUri, 'storage_policy', 'storageUri');
      const inMetadata = await register(t, { metadata: { a: [{ b: `x ${secret}` }] } });
      expectRefused(inMetadata, 'storage_policy', 'metadata.a.0.b');
      const key = await register(t, { metadata: { a: [{ clientSecret: 1 }] } });
      expectRefused(key, 'storage_policy', 'metadata.a.0.clientSecret');
      for (const { text } of [inUri, inMetadata, key]) expect(text).not.toContain(secret);
    });

    it('marks a secret in a text field under the policy flag', async () => {
      const t = harness();
      const texts = { title: githubToken(2), description: `It is ${githubToken(3)}.`, tags: ['a', githubToken(4)] };
      const { json } = await register(t, texts);
      const fields = (json.artifact.findings.secrets as { field: string }[]).map(({ field }) => field);
      expect(fields.toSorted()).toEqual(['description', 'tags.1', 'title']);
    });
  });

  describe('of a relation', () => {
    it('has a reviewer, who is an existing user', async () => {
      const t = harness();
      const { id: reviewer } = await makeUser(t, 'operator');
      expect((await register(t, { reviewer })).json.artifact).toMatchObject({ reviewer });
      for (const nobody of [unknown, 'nobody', 'admin']) {
        const answer = await register(t, { reviewer: nobody });
        expect(answer).toMatchObject({ status: 404, json: { code: 'user_not_found' } });
      }
    });

    it('that does not exist is not found', async () => {
      const t = harness();
      for (const jobId of [unknown, 'nope', '../x']) {
        expect(await register(t, { jobId })).toMatchObject({ status: 404, json: { code: 'job_not_found' } });
      }
      const experimentId = 'exp_00000000000000000000000000';
      const answer = await register(t, { experimentId });
      expect(answer).toMatchObject({ status: 404, json: { code: 'experiment_not_found' } });
    });

    it('is no deposit of its experiment', async () => {
      const t = harness();
      const experiment = await WireExperiment.make(t);
      const { artifact } = (await register(t, { experimentId: experiment.id })).json;
      const fetched = await experiment.get(`/artifacts?uri=${encodeURIComponent(artifact.uri as string)}`);
      expect(fetched.status).toBe(404);
    });
  });

  describe('of a worker', () => {
    it('is output of an assistant, made by an agent, on a job that the worker holds', async () => {
      const t = harness();
      const { job, worker, lease } = await t.running();
      const own = await register(t, {}, worker);
      expect(own.json.artifact).toMatchObject({
        createdBy: worker.id,
        sourceType: 'assistant-output',
        producedBy: 'agent',
      });
      const body = { jobId: job.id };
      expect((await register(t, body, worker)).status).toBe(201);
      expect((await register(t, body, worker, { 'proofhouse-lease': lease })).status).toBe(201);
      const stale = await register(t, body, worker, { 'proofhouse-lease': 'another' });
      expect(stale).toMatchObject({ status: 409, json: { code: 'lease_lost' } });
      const other = await register(t, body, await t.worker());
      expect(other).toMatchObject({ status: 403, json: { code: 'worker_not_authorized' } });
      await t.post(`/api/queue/jobs/${job.id}/complete`, {}, worker, { 'proofhouse-lease': lease });
      expect((await register(t, body, worker)).status).toBe(409);
    });

    it('belongs to no experiment but that of the worker', async () => {
      const t = harness();
      const experiment = await WireExperiment.make(t);
      const other = await WireExperiment.make(t);
      const { credential } = await experiment.register();
      const body = { experimentId: experiment.id };
      expect((await register(t, body, credential)).status).toBe(201);
      expect((await register(t, { experimentId: other.id }, credential)).status).toBe(403);
      expect((await register(t, body, await t.worker())).status).toBe(403);
    });
  });

  describe('under an Idempotency-Key', () => {
    it('is created once and answered anew', async () => {
      const t = harness();
      const headers = { 'idempotency-key': t.unique('key') };
      const first = await register(t, { tags: ['a'] }, 'admin', headers);
      expect(first.status).toBe(201);
      const path = `/api/artifacts/${first.json.artifact.id as string}`;
      await t.call('PUT', path, { json: { title: 'Another' } });
      const again = await register(t, { tags: ['a'] }, 'admin', headers);
      expect(again).toMatchObject({
        status: 200,
        json: { artifact: { id: first.json.artifact.id, title: 'Another' } },
      });
      const conflict = { status: 409, json: { code: 'idempotency_conflict' } };
      expect(await register(t, { tags: ['b'] }, 'admin', headers)).toMatchObject(conflict);
      expect((await register(t, { tags: ['b'] }, await t.worker(), headers)).status).toBe(201);
    });

    it('is created once by concurrent requests', async () => {
      const t = harness();
      const headers = { 'idempotency-key': t.unique('key') };
      const answers = await Promise.all(Array.from({ length: 8 }, () => register(t, {}, 'admin', headers)));
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 200, 200, 200, 200, 200, 201]);
      expect(new Set(answers.map(({ json }) => json.artifact.id)).size).toBe(1);
    });
  });
});
