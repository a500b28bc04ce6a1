// Tests fetches and grants on /v0 (contract "wire-level deposit and fetch", section "Fetch"; seed 002).
import { createHash } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { ownedBlob, v0ProblemSchema, type ArtifactRecord } from '@proofhouse/core';
import { forAnyStore } from './support/for-each-store.ts';
import type { TestServer } from './support/test-server.ts';
import { expectProblem, wireAdmin, WireExperiment, type V0Deposit, type V0Worker } from './support/wire-experiment.ts';
import { update } from '../src/kernel/commit.ts';

const bytes = 'deposited bytes';
const etag = `"${createHash('sha256').update(bytes).digest('hex')}"`;
const unissued = 'proofhouse://artifacts/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';

forAnyStore('fetches', (harness) => {
  let t: TestServer;
  let experiment: WireExperiment;
  let depositor: V0Worker;
  let stranger: V0Worker;
  let deposit: V0Deposit;
  beforeAll(async () => {
    t = harness();
    experiment = await WireExperiment.make(t);
    depositor = await experiment.register();
    stranger = await experiment.register();
    deposit = await experiment.deposit(bytes, depositor.credential, {
      contentType: 'text/html',
      filename: 'é "x".html',
    });
  });
  const recordOf = async (uri: string): Promise<ArtifactRecord> => {
    const record = await t.server.store.artifacts.findByUri(uri);
    if (record === undefined) throw new Error('there is no such record');
    return record;
  };
  const change = async (uri: string, fields: Partial<ArtifactRecord>): Promise<void> => {
    const record = await recordOf(uri);
    const artifact = { ...record, ...fields };
    await t.server.store.commit({
      changes: [update('artifact', artifact, record.version)],
      preconditions: [],
      now: 1,
    });
  };

  it('give exactly the deposited bytes, safely', async () => {
    const answer = await experiment.fetch(deposit.artifacts_uri, depositor.credential);
    expect(answer).toMatchObject({
      status: 200,
      text: bytes,
      headers: {
        'content-type': 'text/html',
        'content-length': String(bytes.length),
        'x-content-type-options': 'nosniff',
        'cache-control': 'private',
        'accept-ranges': 'bytes',
        etag,
      },
    });
    expect(answer.headers['content-disposition']).toMatch(
      /^attachment; filename="[^"\\]*(?:\\.[^"\\]*)*"; filename\*=UTF-8''/,
    );
  });

  it('answer HEAD, ranges and what has not changed as downloads do', async () => {
    const url = `/artifacts?uri=${encodeURIComponent(deposit.artifacts_uri)}`;
    expect(await experiment.call('HEAD', url)).toMatchObject({
      status: 200,
      text: '',
      headers: { 'content-length': String(bytes.length), 'content-type': 'text/html', etag },
    });
    const part = await experiment.fetch(deposit.artifacts_uri, depositor.credential, { range: 'bytes=2-4' });
    expect(part).toMatchObject({ status: 206, text: bytes.slice(2, 5), headers: { 'content-range': 'bytes 2-4/15' } });
    const same = await experiment.fetch(deposit.artifacts_uri, depositor.credential, { 'if-none-match': etag });
    expect(same).toMatchObject({ status: 304, text: '' });
    const beyond = await experiment.fetch(deposit.artifacts_uri, depositor.credential, { range: 'bytes=99-' });
    expect(beyond).toMatchObject({
      status: 416,
      headers: { 'content-range': 'bytes */15', 'content-type': 'application/problem+json; charset=utf-8' },
      json: { type: 'about:blank', status: 416 },
    });
  });

  it('without a URI are 400, with two too, with an empty one 404', async () => {
    expectProblem(await experiment.get('/artifacts'), 400, 'bad-request');
    expectProblem(await experiment.get('/artifacts?'), 400, 'bad-request');
    const uri = encodeURIComponent(deposit.artifacts_uri);
    expectProblem(await experiment.get(`/artifacts?uri=${uri}&uri=${uri}`), 400, 'bad-request');
    expectProblem(await experiment.get('/artifacts?uri='), 404, 'not-found');
    expectProblem(await experiment.get('/artifacts?uri'), 404, 'not-found');
  });

  it('of anything else than a URI given out here are 404, for everybody', async () => {
    const { artifacts_uri: uri } = deposit;
    const token = uri.slice('proofhouse://artifacts/'.length);
    const record = await recordOf(uri);
    const { id } = record;
    const blob = ownedBlob(record);
    for (const unknown of [
      unissued,
      token,
      id,
      blob.key,
      `${uri}/`,
      `${uri}?x`,
      `${uri} `,
      uri.toUpperCase(),
      uri.replace('proofhouse:', 'PROOFHOUSE:'),
      `file:///${token}`,
      `https://example.org/${token}`,
      `s3://bucket/${token}`,
      `urn:x:${token}`,
      '../../etc/passwd',
      'file:///etc/passwd',
      "' or 1=1 --",
      'nul\0byte',
      'é\u{1F600}',
      '%25',
      'x'.repeat(12_000),
    ]) {
      for (const as of [undefined, depositor.credential]) {
        expectProblem(await experiment.fetch(unknown, as), 404, 'not-found');
      }
    }
  });

  it('of an artifact of another experiment, or of a job, are 404', async () => {
    const other = await WireExperiment.make(t);
    expectProblem(await other.fetch(deposit.artifacts_uri), 404, 'not-found');
    const { job } = await t.running();
    const ofJob = (await t.put(job.id, { name: 'a.txt' })).json.uri as string;
    expectProblem(await experiment.fetch(ofJob), 404, 'not-found');
  });

  it('of what others deposited are 403, after 404 is decided', async () => {
    expectProblem(await experiment.fetch(deposit.artifacts_uri, stranger.credential), 403, 'forbidden');
    expectProblem(await experiment.fetch(unissued, stranger.credential), 404, 'not-found');
  });

  it('of bytes that retention removed are 404 here and 410 on /api, after 403 is decided', async () => {
    const gone = await experiment.deposit('gone', depositor.credential);
    const { id } = await recordOf(gone.artifacts_uri);
    await change(gone.artifacts_uri, { purgedAt: 1 });
    expectProblem(await experiment.fetch(gone.artifacts_uri, depositor.credential), 404, 'not-found');
    expectProblem(await experiment.fetch(gone.artifacts_uri, stranger.credential), 403, 'forbidden');
    for (const method of ['GET', 'HEAD']) {
      expect((await t.call(method, `/api/artifacts/${id}/content`)).status).toBe(410);
    }
    expect((await t.get(`/api/artifacts/${id}`)).json.artifact.purgedAt).not.toBeNull();
  });

  it('of bytes that were changed are 500, and say nothing of them', async () => {
    const changed = await experiment.deposit('right', depositor.credential);
    const blob = ownedBlob(await recordOf(changed.artifacts_uri));
    const file = t.files().find((each) => each.endsWith(blob.key))!;
    chmodSync(file, 0o640);
    writeFileSync(file, 'wrong');
    const answer = await experiment.fetch(changed.artifacts_uri, depositor.credential);
    expect(answer).toMatchObject({ status: 500, json: { type: 'about:blank', status: 500 } });
    expect(v0ProblemSchema.safeParse(answer.json).error).toBeUndefined();
    expect([answer.headers['etag'], answer.headers['content-disposition']]).toEqual([undefined, undefined]);
    expect(answer.text).not.toContain(blob.key);
    // The log names the blob key for the operator. The answer to the caller must not contain it.
    expect(t.logLines.filter((line) => line.includes('integrity_failure') && line.includes(blob.key))).not.toEqual([]);
  });

  it('stay what they are when everybody deposits at once', async () => {
    const made = await Promise.all(
      Array.from({ length: 30 }, async (_, index) => ({
        text: `bytes of ${String(index)}`,
        deposit: await experiment.deposit(`bytes of ${String(index)}`, depositor.credential),
      })),
    );
    const read = await Promise.all(made.map((each) => experiment.fetch(each.deposit.artifacts_uri)));
    expect(read.map(({ text }) => text)).toEqual(made.map(({ text }) => text));
  });

  describe('of what was granted', () => {
    it('are allowed to the worker from then on', async () => {
      const reader = await experiment.register();
      const { artifacts_uri: uri } = await experiment.deposit('shared', depositor.credential);
      expectProblem(await experiment.fetch(uri, reader.credential), 403, 'forbidden');
      const answer = await experiment.grant(uri, reader.id, depositor.credential);
      expect(answer.status).toBe(200);
      expect(answer.json).toEqual({
        uri,
        reader: reader.id,
        granted_by: depositor.id,
        granted_at: new Date(t.clock.now()).toISOString(),
      });
      expect((await experiment.fetch(uri, reader.credential)).text).toBe('shared');
      expectProblem(await experiment.fetch(uri, stranger.credential), 403, 'forbidden');
    });

    it('are allowed to the members of a group, also through others, while they are members', async () => {
      const reader = await experiment.register();
      const inner = await experiment.group({ members: [reader.id] });
      const outer = await experiment.group({ members: [inner] });
      const { artifacts_uri: uri } = await experiment.deposit('shared', depositor.credential);
      await experiment.grant(uri, outer);
      expect((await experiment.fetch(uri, reader.credential)).status).toBe(200);
      await experiment.call('DELETE', `/groups/${inner}/members/${reader.id}`);
      expectProblem(await experiment.fetch(uri, reader.credential), 403, 'forbidden');
    });

    it('are allowed to a standing group by its name', async () => {
      const reader = await experiment.register();
      await experiment.join('orchestrators', reader.id);
      const { artifacts_uri: uri } = await experiment.deposit('shared', depositor.credential);
      expect((await experiment.grant(uri, 'orchestrators', depositor.credential)).json.reader).toMatch(/^grp_/);
      expect((await experiment.fetch(uri, reader.credential)).status).toBe(200);
    });

    it('are granted once, however often', async () => {
      const { artifacts_uri: uri } = await experiment.deposit('shared', depositor.credential);
      const first = await experiment.grant(uri, stranger.id, depositor.credential);
      t.clock.advance(1000);
      const again = await experiment.grant(uri, stranger.id);
      expect([again.status, again.json]).toEqual([200, first.json]);
      const { id } = await recordOf(uri);
      expect(await t.server.store.artifacts.readersOf(id)).toEqual([stranger.id]);
    });

    it('are granted to a worker or a group that there is, and to nobody else: 400 that names them', async () => {
      const other = await WireExperiment.make(t);
      const { artifacts_uri: uri } = await experiment.deposit('shared', depositor.credential);
      const gone = await experiment.group();
      await experiment.call('DELETE', `/groups/${gone}`);
      const foreign = await other.register();
      const nobodies = [
        'nobody-has-this-id',
        'admin',
        'Admins',
        'wkr_00000000000000000000000000',
        'grp_00000000000000000000000000',
        stranger.id.toUpperCase(),
        foreign.id,
        await other.group({ members: [stranger.id, foreign.id] }),
        gone,
        "'",
      ];
      for (const reader of nobodies) {
        for (const as of [depositor.credential, wireAdmin]) {
          const refused = await experiment.grant(uri, reader, as);
          expectProblem(refused, 400, 'bad-request');
          expect(refused.json.detail).toContain(JSON.stringify(reader));
        }
        // The refusal is the same for every reader id. So a caller that may not grant cannot find out which workers and
        // groups exist.
        expectProblem(await experiment.grant(uri, reader, stranger.credential), 403, 'forbidden');
      }
      const { id } = await recordOf(uri);
      expect(await t.server.store.artifacts.readersOf(id)).toEqual([]);
      // This worker belongs to no experiment. It reads the deposit on /api.
      const queue = await t.worker();
      expect((await t.get(`/api/artifacts/${id}/content`, queue)).status).toBe(403);
      expect((await experiment.grant(uri, queue.id, depositor.credential)).status).toBe(200);
      expect((await t.get(`/api/artifacts/${id}/content`, queue)).text).toBe('shared');
    });

    it('is for the depositor and the admin to grant: 404 for what is unknown, else 403', async () => {
      const { artifacts_uri: uri } = await experiment.deposit('shared', depositor.credential);
      expectProblem(await experiment.grant(uri, stranger.id, stranger.credential), 403, 'forbidden');
      expectProblem(await experiment.grant(unissued, stranger.id, stranger.credential), 404, 'not-found');
      // The right to read does not include the right to grant.
      await experiment.grant(uri, stranger.id, depositor.credential);
      expectProblem(await experiment.grant(uri, 'anybody', stranger.credential), 403, 'forbidden');
      const other = await WireExperiment.make(t);
      expectProblem(await other.grant(uri, stranger.id), 404, 'not-found');
    });

    it('needs a whole request', async () => {
      const { artifacts_uri: uri } = deposit;
      for (const body of [
        {},
        { uri },
        { reader: stranger.id },
        { uri: '', reader: 'x' },
        { uri, reader: '' },
        { uri, reader: 'a b' },
        { uri, reader: 'x'.repeat(256) },
        { uri, reader: ['x'] },
        { uri, reader: 'x', granted_by: 'admin' },
      ]) {
        expectProblem(await experiment.post('/artifacts/grants', body, depositor.credential), 400, 'bad-request');
      }
    });
  });
});
