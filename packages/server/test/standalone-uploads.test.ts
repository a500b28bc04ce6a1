// Uploads artifacts outside of any job, on both engines.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { forEachStore } from './support/for-each-store.ts';
import { fieldsAndFile, formBody, formType, type FormPart } from './support/form.ts';
import { githubToken } from './support/secret-samples.ts';
import type { Answer, Caller, TestServer } from './support/test-server.ts';
import { makeUser } from './support/test-user.ts';
import { WireExperiment } from './support/wire-experiment.ts';

function send(t: TestServer, parts: readonly FormPart[], as: Caller = 'admin', headers = {}): Promise<Answer> {
  return t.call('POST', '/api/artifacts/upload', {
    as,
    payload: formBody(parts),
    headers: { 'content-type': formType, ...headers },
  });
}

const upload = (t: TestServer, fields: Readonly<Record<string, string>> = {}, as: Caller = 'admin', headers = {}) =>
  send(t, fieldsAndFile(fields), as, headers);
const digestOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

forEachStore('an upload outside of any job', (harness) => {
  it('has every field that it was given, and the bytes', async () => {
    const t = harness();
    const { id: reviewer } = await makeUser(t, 'operator');
    const { id: experimentId } = await WireExperiment.make(t);
    const fields = {
      name: 'chat-app/1.1/diff.diff',
      type: 'report',
      title: 'A title',
      description: 'Two\nlines',
      status: 'needs-review',
      dataClass: 'private',
      visibility: 'internal',
      contentType: 'text/x-diff',
      assistantJobId: 'assistant/1',
      experimentId,
      reviewer,
    };
    const json = { tags: ['a', 'b'], metadata: { specName: 'chat-app', taskId: '1.1' } };
    const answer = await upload(t, {
      ...fields,
      digest: digestOf('bytes'),
      tags: JSON.stringify(json.tags),
      metadata: JSON.stringify(json.metadata),
    });
    expect(answer.status, answer.text).toBe(201);
    const { artifact } = answer.json;
    expect(artifact).toMatchObject({
      ...fields,
      ...json,
      filename: 'diff.diff',
      jobId: null,
      storageProvider: 'filesystem',
      storageUri: artifact.uri,
      checksum: digestOf('bytes'),
      sizeBytes: 5,
      sourceType: 'manual-upload',
      producedBy: 'person',
      createdBy: 'admin',
      version: 1,
    });
    const content = await t.get(`/api/artifacts/${artifact.id as string}/content`);
    expect(content).toMatchObject({ status: 200, text: 'bytes' });
    expect(content.headers['content-disposition']).toContain('diff.diff');
  });

  it('needs only the file, before or after its fields', async () => {
    const t = harness();
    const file = { name: 'file', value: 'x', filename: '../../report.LOG', contentType: 'text/x-report' };
    const title = { name: 'title', value: 'T' };
    const alone = (await send(t, [file])).json.artifact;
    expect(alone).toMatchObject({ title: 'report.LOG', filename: 'report.LOG', type: 'log', name: null });
    expect(alone).toMatchObject({ contentType: 'text/x-report', status: 'draft', dataClass: 'internal' });
    expect((await send(t, [file, title])).json.artifact.title).toBe('T');
    expect((await send(t, [title, file])).json.artifact.title).toBe('T');
    const bare = (await send(t, [{ name: 'file', value: '', filename: '' }])).json.artifact;
    expect(bare).toMatchObject({ title: 'artifact', filename: null, type: 'other', sizeBytes: 0 });
  });

  it('may share its name with others, and is found among those of its maker', async () => {
    const t = harness();
    const worker = await t.worker();
    const name = 'spec/task/a.txt';
    const made = [await upload(t, { name }, worker), await upload(t, { name: './spec//task/a.txt' }, worker)];
    for (const { status, json } of made) {
      expect(status).toBe(201);
      expect(json.artifact).toMatchObject({
        name,
        createdBy: worker.id,
        sourceType: 'assistant-output',
        producedBy: 'agent',
      });
    }
    const { json } = await t.get(`/api/artifacts?createdBy=${worker.id}`, worker);
    expect(json.artifacts.map(({ name: found }: { name: string }) => found)).toEqual([name, name]);
    const { id } = made[0]?.json.artifact as { id: string };
    expect((await t.get(`/api/artifacts/${id}/content`, worker)).status).toBe(200);
    expect((await t.get(`/api/artifacts/${id}/content`, await t.worker())).status).toBe(403);
  });

  it('is refused for wrong fields, and keeps no bytes', async () => {
    const t = harness();
    const files = t.files().length;
    const refusals: [Readonly<Record<string, string>>, string, string][] = [
      [{ name: '../x' }, 'invalid_artifact_name', 'name'],
      [{ digest: 'sha256:12' }, 'invalid_digest', 'digest'],
      [{ type: 'video' }, 'invalid_request', 'type'],
      [{ status: 'approved' }, 'invalid_request', 'status'],
      [{ dataClass: 'top' }, 'invalid_request', 'dataClass'],
      [{ description: 'a'.repeat(4001) }, 'invalid_request', 'description'],
      [{ tags: '{}' }, 'invalid_request', 'tags'],
      [{ metadata: '[1]' }, 'invalid_request', 'metadata'],
      [{ metadata: JSON.stringify({ a: 'ü'.repeat(2048) }) }, 'invalid_request', 'metadata'],
      [{ metadata: JSON.stringify({ a: { apiKey: 1 } }) }, 'storage_policy', 'metadata.a.apiKey'],
      [{ createdBy: 'me' }, 'invalid_request', 'createdBy'],
      [{ sourceType: 'import' }, 'invalid_request', 'sourceType'],
      [{ taskId: 't' }, 'invalid_request', 'taskId'],
      [{ bundleId: 'b' }, 'invalid_request', 'bundleId'],
      [{ jobId: 'j' }, 'invalid_request', 'jobId'],
      [{ storageUri: 'https://h.example/a' }, 'invalid_request', 'storageUri'],
    ];
    for (const [fields, code, path] of refusals) {
      const answer = await upload(t, fields);
      expect(answer, JSON.stringify(fields)).toMatchObject({ status: 422, json: { code, errors: [{ path }] } });
    }
    expect(await upload(t, { digest: digestOf('other') })).toMatchObject({
      status: 422,
      json: { code: 'digest_mismatch' },
    });
    expect(await send(t, [{ name: 'title', value: 'T' }])).toMatchObject({
      status: 422,
      json: { errors: [{ path: 'file' }] },
    });
    const twice = [...fieldsAndFile({ title: 'T' }), { name: 'title', value: 'U' }];
    expect(await send(t, twice)).toMatchObject({ status: 422, json: { errors: [{ path: 'title' }] } });
    expect(t.files()).toHaveLength(files);
  });

  it('is refused for relations that do not exist', async () => {
    const t = harness();
    const files = t.files().length;
    const experiment = await upload(t, { experimentId: 'exp_00000000000000000000000000' });
    expect(experiment).toMatchObject({ status: 404, json: { code: 'experiment_not_found' } });
    expect(await upload(t, { reviewer: 'nobody' })).toMatchObject({ status: 404, json: { code: 'user_not_found' } });
    const { id: experimentId } = await WireExperiment.make(t);
    expect((await upload(t, { experimentId }, await t.worker())).status).toBe(403);
    expect(t.files()).toHaveLength(files);
  });

  it('marks secrets in its bytes and its texts', async () => {
    const t = harness();
    const parts = fieldsAndFile({ title: githubToken(1), description: `x ${githubToken(2)}` }, `y ${githubToken(3)}`);
    const { json } = await send(t, parts);
    const fields = (json.artifact.findings.secrets as { field: string }[]).map(({ field }) => field);
    expect(fields.toSorted()).toEqual(['content', 'description', 'title']);
  });

  it('always makes a new artifact, so it meets no If-Match', async () => {
    const t = harness();
    expect(await upload(t, {}, 'admin', { 'if-match': '*' })).toMatchObject({ status: 412 });
    expect((await upload(t, {}, 'admin', { 'if-none-match': '*' })).status).toBe(201);
  });

  describe('under an Idempotency-Key', () => {
    it('is stored once, also by concurrent requests, and keeps no bytes of the others', async () => {
      const t = harness();
      const headers = { 'idempotency-key': t.unique('key') };
      const files = t.files().length;
      const answers = await Promise.all(
        Array.from({ length: 6 }, () => upload(t, { name: 'a/b.txt' }, 'admin', headers)),
      );
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 200, 200, 200, 201]);
      expect(new Set(answers.map(({ json }) => json.artifact.id)).size).toBe(1);
      expect(t.files()).toHaveLength(files + 1);
      const conflict = { status: 409, json: { code: 'idempotency_conflict' } };
      expect(await send(t, fieldsAndFile({ name: 'a/b.txt' }, 'other'), 'admin', headers)).toMatchObject(conflict);
      expect(await upload(t, { name: 'a/c.txt' }, 'admin', headers)).toMatchObject(conflict);
    });
  });

  it('to a job takes a status, as form and as raw body', async () => {
    const t = harness();
    const { id } = await t.enqueue();
    const form = await t.upload(id, { name: 'a', fields: { status: 'needs-review' } });
    expect(form.json.status).toBe('needs-review');
    const raw = await t.call('PUT', `/api/queue/jobs/${id}/artifacts/b?status=needs-review`, { payload: 'x' });
    expect(raw.json.status).toBe('needs-review');
    expect((await t.upload(id, { name: 'c', fields: { status: 'approved' } })).status).toBe(422);
    const refused = await t.call('PUT', `/api/queue/jobs/${id}/artifacts/d?status=approved`, { payload: 'x' });
    expect(refused.status).toBe(422);
  });
});

forEachStore(
  'an upload outside of any job above a limit',
  (harness) => {
    it('is refused by its length, and while it streams', async () => {
      const t = harness();
      const files = t.files().length;
      const large = await send(t, fieldsAndFile({}, Buffer.alloc(3 * 1024 * 1024)));
      expect(large.status).toBe(413);
      const streamed = await send(t, fieldsAndFile({}, Buffer.alloc(64 * 1024)));
      expect(streamed).toMatchObject({ status: 413, json: { code: 'artifact_too_large' } });
      expect(t.files()).toHaveLength(files);
    });
  },
  { settings: { jobArtifactMaxBytes: 1024 } },
);
