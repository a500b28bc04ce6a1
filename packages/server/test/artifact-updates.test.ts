// Changes artifact records on both engines: fields, versions, status moves, content pointers, history, and what a worker
// may change.
import { describe, expect, it } from 'vitest';
import { stampedFields } from '@proofhouse/core';
import { exampleChecksum as checksum } from '@proofhouse/core/testing/url-corpus';
import { forEachStore } from './support/for-each-store.ts';
import { githubToken } from './support/secret-samples.ts';
import type { Answer, Caller, TestServer } from './support/test-server.ts';
import { makeUser } from './support/test-user.ts';

interface Made {
  readonly id: string;
  readonly version: number;
}

const link = { type: 'external-link', title: 'Episode 12', storageUri: 'https://youtu.be/dQw4w9WgXcQ' } as const;
const otherChecksum = `sha256:${'f'.repeat(64)}`;

async function registered(t: TestServer, body: object = {}, as: Caller = 'admin') {
  const answer = await t.post('/api/artifacts', { ...link, ...body }, as);
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.json.artifact as Made & Record<string, unknown>;
}

function put(
  t: TestServer,
  { id }: { id: string },
  json: unknown,
  as: Caller = 'admin',
  headers = {},
): Promise<Answer> {
  return t.call('PUT', `/api/artifacts/${id}`, { json, as, headers });
}

/** Sets a status that otherwise only a review can set. */
async function setStatus(t: TestServer, { id }: Made, status: 'approved' | 'rejected' | 'superseded' | 'archived') {
  const artifact = await t.server.store.artifacts.find(id);
  if (artifact === undefined) throw new Error('no such artifact');
  const change = {
    kind: 'update',
    record: 'artifact',
    value: { ...artifact, status },
    version: artifact.version,
  } as const;
  await t.server.store.commit({ changes: [change], preconditions: [] });
}

const history = async (t: TestServer, { id }: { id: string }) =>
  (await t.get(`/api/artifacts/${id}/history`)).json.items as Record<string, unknown>[];

forEachStore('an update of an artifact', (harness) => {
  it('changes the fields that it names, and no other', async () => {
    const t = harness();
    const { id: reviewer } = await makeUser(t, 'operator');
    const before = await registered(t, { tags: ['a'], metadata: { a: 1 }, description: 'd', contentType: 'text/html' });
    t.clock.advance(1000);
    const changes = {
      type: 'report',
      title: 'Another',
      description: 'Two\nlines',
      filename: 'a.pdf',
      contentType: 'application/pdf',
      sizeBytes: 7,
      dataClass: 'sensitive',
      visibility: 'private',
      assistantJobId: 'assistant/1',
      reviewer,
      tags: ['b', 'c'],
      metadata: { b: [2] },
    };
    const answer = await put(t, before, changes);
    expect(answer.status, answer.text).toBe(200);
    const { artifact } = answer.json;
    expect(artifact).toEqual({ ...before, ...changes, version: 2, updatedAt: artifact.updatedAt });
    expect(Date.parse(artifact.updatedAt as string)).toBeGreaterThan(Date.parse(before['createdAt'] as string));
    expect((await t.get(`/api/artifacts/${before.id}`)).json.artifact).toEqual(artifact);
    expect(await history(t, before)).toEqual([]);
  });

  it('clears optional fields with null, and refuses to clear the others', async () => {
    const t = harness();
    const full = { description: 'd', filename: 'f', contentType: 'text/html', checksum, sizeBytes: 1, tags: ['a'] };
    const before = await registered(t, { ...full, dataClass: 'private', metadata: { a: 1 }, assistantJobId: 'x' });
    const optional = [...Object.keys(full), 'dataClass', 'visibility', 'metadata', 'assistantJobId', 'reviewer'];
    const { json } = await put(t, before, Object.fromEntries(optional.map((name) => [name, null])));
    expect(json.artifact).toMatchObject({
      ...{ description: null, filename: null, contentType: null, checksum: null, sizeBytes: null, tags: [] },
      ...{ metadata: {}, dataClass: 'internal', visibility: 'internal', assistantJobId: null, reviewer: null },
    });
    for (const field of ['type', 'title', 'status', 'storageUri', 'storageProvider']) {
      const answer = await put(t, before, { [field]: null });
      expect(answer).toMatchObject({ status: 422, json: { code: 'invalid_request', errors: [{ path: field }] } });
    }
  });

  it('of the same values changes nothing, not even the version', async () => {
    const t = harness();
    const before = await registered(t, { tags: ['a'], metadata: { a: { b: 1 } } });
    const { title, storageUri, tags, metadata, status } = before;
    const same = await put(t, before, { title, storageUri, tags, metadata, status, storageProvider: 'external-url' });
    expect(same.json.artifact).toEqual(before);
    expect((await put(t, before, {})).json.artifact).toEqual(before);
  });

  it.each([...stampedFields, 'taskId', 'bundleId', 'fileId', 'jobId', 'experimentId', 'name', 'unknownField'])(
    'is refused with the field %s',
    async (field) => {
      const t = harness();
      const answer = await put(t, await registered(t), { [field]: 'x' });
      expect(answer).toMatchObject({ status: 422, json: { code: 'invalid_request', errors: [{ path: field }] } });
    },
  );

  it('is refused for an artifact that does not exist', async () => {
    const t = harness();
    for (const id of ['00000000-0000-7000-8000-000000000000', 'nope']) {
      expect(await put(t, { id }, { title: 'x' })).toMatchObject({ status: 404, json: { code: 'artifact_not_found' } });
    }
  });

  it('refuses secrets in metadata with the path, and marks those in text fields until they are replaced', async () => {
    const t = harness();
    const before = await registered(t, { description: `It is ${githubToken(1)}.` });
    const refused = await put(t, before, { metadata: { a: { token: 'x' } } });
    expect(refused.json).toMatchObject({ code: 'storage_policy', errors: [{ path: 'metadata.a.token' }] });
    const marked = await put(t, before, { title: githubToken(2) });
    const fields = (marked.json.artifact.findings.secrets as { field: string }[]).map(({ field }) => field);
    expect(fields.toSorted()).toEqual(['description', 'title']);
    const clean = await put(t, before, { title: 'clean', description: null });
    expect(clean.json.artifact.findings).toBeNull();
  });

  it('names a reviewer that exists', async () => {
    const t = harness();
    const answer = await put(t, await registered(t), { reviewer: 'nobody' });
    expect(answer).toMatchObject({ status: 404, json: { code: 'user_not_found' } });
  });

  describe('with an expected version', () => {
    it('succeeds at this version, and else answers with the present record', async () => {
      const t = harness();
      const before = await registered(t);
      const first = await put(t, before, { title: 'One', expectedVersion: 1 });
      expect(first).toMatchObject({ status: 200, json: { artifact: { version: 2 } } });
      const present = { status: 409, json: { code: 'version_conflict', artifact: first.json.artifact } };
      expect(await put(t, before, { title: 'Two', expectedVersion: 1 })).toMatchObject(present);
      expect(await put(t, before, { title: 'Two' }, 'admin', { 'if-match': '"1"' })).toMatchObject(present);
      expect(await put(t, before, {}, 'admin', { 'if-match': '"7"' })).toMatchObject(present);
      const second = await put(t, before, { title: 'Two', expectedVersion: 2 }, 'admin', { 'if-match': '"2"' });
      expect(second).toMatchObject({ status: 200, json: { artifact: { title: 'Two', version: 3 } } });
      expect((await put(t, before, { title: 'Three' }, 'admin', { 'if-match': '*' })).status).toBe(200);
    });

    it('is refused if the header is no version, or differs from the body', async () => {
      const t = harness();
      const before = await registered(t);
      for (const header of ['x', '"x"', '""', 'W/"1"', '"1", "2"', '0', '-1', '1e3']) {
        const answer = await put(t, before, { title: 'x' }, 'admin', { 'if-match': header });
        expect(answer, header).toMatchObject({ status: 400, json: { code: 'bad_request' } });
      }
      const differs = await put(t, before, { title: 'x', expectedVersion: 1 }, 'admin', { 'if-match': '"2"' });
      expect(differs).toMatchObject({ status: 422, json: { errors: [{ path: 'expectedVersion' }] } });
      for (const expectedVersion of [0, 1.5, '1']) {
        expect((await put(t, before, { expectedVersion })).status).toBe(422);
      }
    });

    it('has one winner among concurrent requests', async () => {
      const t = harness();
      for (let round = 0; round < 10; round++) {
        const before = await registered(t);
        const requests = Array.from({ length: 4 }, (_, i) => put(t, before, { title: `T${i}`, expectedVersion: 1 }));
        const answers = await Promise.all(requests);
        expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409, 409, 409]);
        const winner = answers.find(({ status }) => status === 200)?.json.artifact as Made;
        for (const { status, json } of answers) if (status === 409) expect(json.artifact).toEqual(winner);
      }
    });

    it('is not needed: concurrent changes of different fields are all kept', async () => {
      const t = harness();
      const before = await registered(t);
      const changes = [{ title: 'T' }, { description: 'D' }, { tags: ['x'] }];
      const answers = await Promise.all(changes.map((change) => put(t, before, change)));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      const { artifact } = (await t.get(`/api/artifacts/${before.id}`)).json;
      expect(artifact).toMatchObject({ title: 'T', description: 'D', tags: ['x'], version: 4 });
    });
  });

  describe('of the status', () => {
    it('submits and withdraws a draft, and archives, each with an entry in the history', async () => {
      const t = harness();
      const made = await registered(t, { checksum });
      for (const status of ['needs-review', 'draft', 'needs-review', 'archived']) {
        const answer = await put(t, made, { status });
        expect(answer.json.artifact, answer.text).toMatchObject({ status });
      }
      const entries = await history(t, made);
      const move = { actor: 'admin', note: null, comments: [], digest: checksum };
      expect(entries).toMatchObject([
        { ...move, decision: 'archive', from: 'needs-review', to: 'archived' },
        { ...move, decision: 'submit', from: 'draft', to: 'needs-review' },
        { ...move, decision: 'withdraw', from: 'needs-review', to: 'draft' },
        { ...move, decision: 'submit', from: 'draft', to: 'needs-review' },
      ]);
      const times = entries.map(({ at }) => at as string);
      expect(times).toEqual(times.toSorted().toReversed());
      expect(new Set(times).size).toBe(4);
    });

    it('is refused where the table of moves has no row', async () => {
      const t = harness();
      const made = await registered(t);
      const answer = await put(t, made, { status: 'superseded' });
      expect(answer).toMatchObject({ status: 409, json: { code: 'review_conflict', errors: [{ path: 'status' }] } });
      expect((await put(t, made, { status: 'done' })).status).toBe(422);
    });

    it('approves and rejects as the calls of these names do, with the stamps', async () => {
      const t = harness();
      const made = await registered(t, { checksum });
      const approved = (await put(t, made, { status: 'approved' })).json.artifact;
      expect(approved).toMatchObject({ status: 'approved', reviewedBy: 'admin', reviewedDigest: checksum });
      expect([approved.reviewedAt, approved.unbound]).toEqual([approved.updatedAt, false]);
      const { token, id } = await makeUser(t, 'operator');
      const rejected = (await put(t, made, { status: 'rejected', title: 'T' }, token)).json.artifact;
      expect(rejected).toMatchObject({ status: 'rejected', reviewedBy: id, title: 'T', version: 3 });
      const unbound = (await put(t, await registered(t), { status: 'approved' })).json.artifact;
      expect(unbound).toMatchObject({ status: 'approved', reviewedDigest: null, unbound: true });
    });

    it('is paged in the history, newest first', async () => {
      const t = harness();
      const made = await registered(t);
      for (let i = 0; i < 5; i++) await put(t, made, { status: i % 2 === 0 ? 'needs-review' : 'draft' });
      const seen: unknown[] = [];
      for (let cursor: string | null = ''; cursor !== null;) {
        const query = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
        const { json } = await t.get(`/api/artifacts/${made.id}/history?limit=2${query}`);
        seen.push(...(json.items as unknown[]));
        cursor = json.nextCursor as string | null;
      }
      expect(seen).toEqual(await history(t, made));
      expect(seen).toHaveLength(5);
      const foreign = await t.get('/api/artifacts?limit=1');
      const cursor = encodeURIComponent((foreign.json.nextCursor as string | null) ?? 'x');
      expect(await t.get(`/api/artifacts/${made.id}/history?cursor=${cursor}`)).toMatchObject({
        status: 400,
        json: { code: 'invalid_cursor' },
      });
    });
  });

  describe('of a content pointer', () => {
    it('moves it to another place, with the rules of a registration, and writes the history', async () => {
      const t = harness();
      const made = await registered(t);
      const moved = await put(t, made, { storageUri: 's3://bucket/key', checksum, sizeBytes: 3 });
      expect(moved.json.artifact).toMatchObject({ storageUri: 's3://bucket/key', storageProvider: 's3', checksum });
      expect(await history(t, made)).toMatchObject([
        {
          decision: 'replace',
          from: 'draft',
          to: 'draft',
          digest: checksum,
          note: `before: ${link.storageUri} without checksum`,
        },
      ]);
      const refusals: [object, string][] = [
        [{ checksum: null }, 'checksum'],
        [{ storageProvider: 'dropbox' }, 'storageProvider'],
        [{ storageUri: 'https://h.example/?token=1' }, 'storageUri'],
        [{ storageUri: `https://h.example/${githubToken(1)}` }, 'storageUri'],
        [{ storageUri: `local-dev://${t.folder}/blobs/a` }, 'storageUri'],
        [{ storageUri: 'https://github.com/o/r', dataClass: 'private' }, 'dataClass'],
        [{ storageUri: 'https://github.com/o/r', type: 'invoice' }, 'type'],
      ];
      for (const [body, path] of refusals) {
        const answer = await put(t, made, body);
        expect(answer, JSON.stringify(body)).toMatchObject({
          status: 422,
          json: { code: 'storage_policy', errors: [{ path }] },
        });
      }
      expect((await t.get(`/api/artifacts/${made.id}`)).json.artifact).toEqual(moved.json.artifact);
      const bare = await registered(t);
      const withoutChecksum = await put(t, bare, { storageUri: 'gs://bucket/key' });
      expect(withoutChecksum.json).toMatchObject({ code: 'storage_policy', errors: [{ path: 'checksum' }] });
    });

    it('checks the class and type of content at GitHub when only they change', async () => {
      const t = harness();
      const made = await registered(t, { storageUri: 'https://github.com/o/r' });
      expect((await put(t, made, { dataClass: 'sensitive' })).json.code).toBe('storage_policy');
      expect((await put(t, made, { type: 'recording' })).json.code).toBe('storage_policy');
      expect((await put(t, made, { dataClass: 'public' })).status).toBe(200);
    });

    it('that is approved sends it back to review, and no other change does', async () => {
      const t = harness();
      for (const change of [{ storageUri: 'https://youtu.be/other' }, { checksum: otherChecksum }]) {
        const made = await registered(t, { checksum });
        await setStatus(t, made, 'approved');
        for (const harmless of [{ title: 'T' }, { sizeBytes: 9 }, { metadata: { a: 1 } }, { checksum }]) {
          expect((await put(t, made, harmless)).json.artifact.status).toBe('approved');
        }
        const { artifact } = (await put(t, made, { ...change, status: 'approved' })).json;
        expect(artifact.status).toBe('needs-review');
        const [entry, ...others] = await history(t, made);
        expect(others).toEqual([]);
        expect(entry).toMatchObject({ decision: 'replace', from: 'approved', to: 'needs-review' });
        expect(entry?.['digest']).toBe(artifact.checksum);
        expect(entry?.['note']).toBe(`before: ${link.storageUri} ${checksum}`);
      }
    });

    it('that is not approved keeps its status', async () => {
      const t = harness();
      for (const status of ['rejected', 'superseded', 'archived'] as const) {
        const made = await registered(t);
        await setStatus(t, made, status);
        const { artifact } = (await put(t, made, { storageUri: 'https://youtu.be/other' })).json;
        expect(artifact.status).toBe(status);
        expect(await history(t, made)).toMatchObject([{ decision: 'replace', from: status, to: status }]);
      }
    });

    it('can be archived in the same request', async () => {
      const t = harness();
      const made = await registered(t);
      await setStatus(t, made, 'approved');
      const { artifact } = (await put(t, made, { storageUri: 'https://youtu.be/other', status: 'archived' })).json;
      expect(artifact.status).toBe('archived');
      expect(await history(t, made)).toMatchObject([
        { decision: 'archive', from: 'needs-review', to: 'archived' },
        { decision: 'replace', from: 'approved', to: 'needs-review' },
      ]);
    });
  });

  describe('of stored bytes', () => {
    it('never changes where they are and what they are', async () => {
      const t = harness();
      const uploaded = (await t.put((await t.enqueue()).id, { name: 'a.txt' })).json as Made;
      const before = (await t.get(`/api/artifacts/${uploaded.id}`)).json.artifact;
      const changes = [
        ['storageUri', 'https://h.example/a'],
        ['storageProvider', 's3'],
        ['checksum', otherChecksum],
        ['checksum', null],
        ['sizeBytes', 1],
      ] as const;
      for (const [path, value] of changes) {
        const answer = await put(t, uploaded, { [path]: value });
        expect(answer, path).toMatchObject({ status: 422, json: { code: 'storage_policy', errors: [{ path }] } });
      }
      const { storageUri, storageProvider, checksum: digest, sizeBytes } = before;
      const same = await put(t, uploaded, { storageUri, storageProvider, checksum: digest, sizeBytes, title: 'T' });
      expect(same.json.artifact).toMatchObject({ title: 'T', version: 2, storageUri, checksum: digest });
      expect((await t.get(`/api/artifacts/${uploaded.id}/content`)).text).toBe('bytes');
      expect((await put(t, uploaded, { dataClass: 'private', type: 'invoice' })).status).toBe(200);
    });
  });

  describe('by a worker', () => {
    it('changes what it made while it is a draft, and moves it as a worker may', async () => {
      const t = harness();
      const worker = await t.worker();
      const made = await registered(t, {}, worker);
      const forbidden = { status: 403, json: { code: 'forbidden' } };
      expect((await put(t, made, { title: 'T' }, worker)).json.artifact).toMatchObject({
        title: 'T',
        createdBy: worker.id,
      });
      expect((await put(t, made, { status: 'needs-review' }, worker)).status).toBe(200);
      expect(await put(t, made, { title: 'U' }, worker)).toMatchObject(forbidden);
      expect(await put(t, made, { status: 'archived' }, worker)).toMatchObject(forbidden);
      for (const status of ['approved', 'rejected', 'superseded']) {
        expect(await put(t, made, { status }, worker)).toMatchObject(forbidden);
      }
      expect((await put(t, made, { status: 'draft' }, worker)).status).toBe(200);
      expect((await put(t, made, { title: 'U' }, worker)).status).toBe(200);
      expect((await put(t, made, { status: 'archived' }, worker)).status).toBe(200);
      expect(await put(t, made, { status: 'draft' }, worker)).toMatchObject(forbidden);
      expect(await put(t, made, { title: 'V' }, worker)).toMatchObject(forbidden);
      const decisions = (await history(t, made)).map(({ decision, actor }) => [decision, actor]);
      expect(decisions).toEqual(['archive', 'withdraw', 'submit'].map((decision) => [decision, worker.id]));
    });

    it('is refused on what others made, also on a job that it holds', async () => {
      const t = harness();
      const { job, worker } = await t.running();
      const uploaded = (await t.put(job.id, { name: 'a.txt' })).json as Made;
      const made = await registered(t);
      for (const artifact of [uploaded, made]) {
        expect(await put(t, artifact, { title: 'T' }, worker)).toMatchObject({ status: 403 });
        expect(await put(t, artifact, { status: 'needs-review' }, worker)).toMatchObject({ status: 403 });
      }
      expect((await t.get(`/api/artifacts/${made.id}/history`, worker)).status).toBe(403);
    });

    it('does not touch an approved record, whatever the fields', async () => {
      const t = harness();
      const worker = await t.worker();
      const made = await registered(t, {}, worker);
      await setStatus(t, made, 'approved');
      for (const body of [
        { title: 'T' },
        { storageUri: 'https://youtu.be/x' },
        { metadata: {} },
        { status: 'archived' },
      ]) {
        expect(await put(t, made, body, worker)).toMatchObject({ status: 403, json: { code: 'forbidden' } });
      }
    });
  });
});
