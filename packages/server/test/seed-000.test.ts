// Tests seed 000, "Agent Queue Artifact Upload": its scenarios, edge cases, requirements and criteria, each by its id.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { completeConfig } from '@proofhouse/server';
import { forEachStore } from './support/for-each-store.ts';
import { formBody, formType } from './support/form.ts';
import { refusedWithoutTrace } from './support/leftovers.ts';
import type { TestServer } from './support/test-server.ts';

const maxBytes = 4096;
const digestOf = (bytes: string): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const shown = (t: TestServer, jobId: string, name: string): string => join(t.viewRoot, jobId, name);

forEachStore(
  'seed 000',
  (harness) => {
    it('User Story 1, scenario 1: a file with a relative name is stored under the job and its metadata recorded', async () => {
      const t = harness();
      const { job, worker, lease } = await t.running();
      const headers = { 'proofhouse-lease': lease };
      const answer = await t.upload(job.id, { name: 'logs/run.log', file: 'it ran', as: worker, headers });
      expect(answer.status).toBe(201);
      expect(readFileSync(shown(t, job.id, 'logs/run.log'), 'utf8')).toBe('it ran');
      expect(await t.artifacts(job.id)).toEqual([answer.json]);
    });

    it('User Story 1, scenario 2: optional content type and digest come back in the metadata', async () => {
      const t = harness();
      const job = await t.enqueue();
      const digest = digestOf('a patch');
      const fields = { contentType: 'text/x-diff; charset=utf-8', digest };
      const answer = await t.upload(job.id, { name: 'fix.patch', file: 'a patch', fields });
      expect(answer.status).toBe(201);
      expect(answer.json).toMatchObject({ contentType: 'text/x-diff; charset=utf-8', digest, sizeBytes: 7 });
    });

    it('User Story 2, scenario 1: the list has the metadata of every artifact of the job', async () => {
      const t = harness();
      const job = await t.enqueue();
      const other = await t.enqueue();
      await t.upload(other.id, { name: 'elsewhere.txt' });
      for (const name of ['a.txt', 'b.txt', 'deep/c.txt']) await t.upload(job.id, { name });
      const answer = await t.get(`/api/queue/jobs/${job.id}/artifacts`);
      expect(answer.status).toBe(200);
      expect(answer.json.items.map((item: { name: string }) => item.name).sort()).toEqual([
        'a.txt',
        'b.txt',
        'deep/c.txt',
      ]);
      expect(answer.json.nextCursor).toBeNull();
    });

    it('User Story 2, scenario 2: a download gives the file with its name and content type', async () => {
      const t = harness();
      const job = await t.enqueue();
      const fields = { contentType: 'text/x-log' };
      const { json } = await t.upload(job.id, { name: 'logs/run.log', file: 'bytes', fields });
      const answer = await t.download(json);
      expect(answer.status).toBe(200);
      expect(answer.text).toBe('bytes');
      expect(answer.headers['content-type']).toBe('text/x-log');
      expect(answer.headers['content-disposition']).toMatch(/^attachment; filename="?run\.log"?$/);
    });

    it.each(['../escape.txt', 'a/../../escape.txt', '/etc/escape.txt', String.raw`..\escape.txt`, 'a/../b.txt'])(
      'User Story 3, scenario 1: the name %j is rejected and nothing is written outside the job',
      async (name) => {
        const t = harness();
        const job = await t.enqueue();
        const answer = await refusedWithoutTrace(t, job.id, () => t.upload(job.id, { name }));
        expect(answer).toMatchObject({ status: 422, json: { code: 'invalid_artifact_name' } });
        expect(existsSync(join(t.viewRoot, 'escape.txt'))).toBe(false);
        expect(existsSync(join(t.viewRoot, '..', 'escape.txt'))).toBe(false);
      },
    );

    it('User Story 3, scenario 2: a file over the limit is refused and no metadata is kept', async () => {
      const t = harness();
      const job = await t.enqueue();
      const file = Buffer.alloc(maxBytes + 1);
      const answer = await refusedWithoutTrace(t, job.id, () => t.upload(job.id, { name: 'big.bin', file }));
      expect(answer).toMatchObject({ status: 413, json: { code: 'artifact_too_large', limitBytes: maxBytes } });
    });

    it('Edge case: an upload to a job that does not exist is 404', async () => {
      const t = harness();
      for (const jobId of ['00000000-0000-7000-8000-000000000000', 'no-such-job', '..']) {
        const answer = await t.upload(encodeURIComponent(jobId), { name: 'a.txt' });
        expect(answer).toMatchObject({ status: 404 });
        if (jobId !== '..') expect(answer.json.code).toBe('job_not_found');
      }
    });

    it('Edge case: a download through another job than the artifact belongs to is 409', async () => {
      const t = harness();
      const job = await t.enqueue();
      const other = await t.enqueue();
      const { json } = await t.upload(job.id, { name: 'a.txt' });
      const answer = await t.download({ jobId: other.id, id: json.id });
      expect(answer).toMatchObject({ status: 409, json: { code: 'artifact_job_mismatch' } });
    });

    it('Edge case: two uploads of one name are both kept, and the path shows the newest', async () => {
      const t = harness();
      const job = await t.enqueue();
      const first = await t.upload(job.id, { name: 'report.txt', file: 'first' });
      t.clock.advance(1);
      const second = await t.upload(job.id, { name: 'report.txt', file: 'second' });
      expect(second.status).toBe(201);
      expect(second.json.id).not.toBe(first.json.id);
      expect((await t.artifacts(job.id)).map((artifact) => artifact.digest)).toEqual([
        digestOf('second'),
        digestOf('first'),
      ]);
      expect((await t.download(first.json)).text).toBe('first');
      expect((await t.download(second.json)).text).toBe('second');
      expect(readFileSync(shown(t, job.id, 'report.txt'), 'utf8')).toBe('second');
    });

    it('Edge case: without a content type a safe one is derived from the name', async () => {
      const t = harness();
      const job = await t.enqueue();
      const types: Record<string, string> = {
        'a.json': 'application/json',
        'a.txt': 'text/plain',
        'a.unknown-ending': 'application/octet-stream',
        noending: 'application/octet-stream',
      };
      for (const [name, contentType] of Object.entries(types)) {
        expect((await t.upload(job.id, { name })).json.contentType).toBe(contentType);
      }
    });

    it('Edge case: the list of a job without artifacts is empty', async () => {
      const t = harness();
      const job = await t.enqueue();
      const answer = await t.get(`/api/queue/jobs/${job.id}/artifacts`);
      expect(answer).toMatchObject({ status: 200, json: { items: [], nextCursor: null } });
    });

    it('DOC-REQ-001: there is an artifact root and an upload endpoint', async () => {
      const t = harness();
      const job = await t.enqueue();
      expect((await t.upload(job.id, { name: 'a.txt' })).status).toBe(201);
      expect(statSync(t.viewRoot).isDirectory()).toBe(true);
    });

    it('DOC-REQ-002: the upload is POST /api/queue/jobs/{jobId}/artifacts/upload and takes a form, nothing else', async () => {
      const t = harness();
      const job = await t.enqueue();
      const url = `/api/queue/jobs/${job.id}/artifacts/upload`;
      const payload = formBody([
        { name: 'name', value: 'a.txt' },
        { name: 'file', value: 'bytes' },
      ]);
      expect(await t.call('POST', url, { payload, headers: { 'content-type': formType } })).toMatchObject({
        status: 201,
      });
      expect(await t.post(url, { name: 'a.txt' })).toMatchObject({
        status: 415,
        json: { code: 'unsupported_media_type' },
      });
    });

    it('DOC-REQ-003: file and name are required, contentType and digest are not', async () => {
      const t = harness();
      const job = await t.enqueue();
      const url = `/api/queue/jobs/${job.id}/artifacts/upload`;
      const send = (...parts: Parameters<typeof formBody>[0]) =>
        t.call('POST', url, { payload: formBody(parts), headers: { 'content-type': formType } });
      const file = { name: 'file', value: 'bytes' };
      const name = { name: 'name', value: 'a.txt' };
      expect((await send(name, file)).status).toBe(201);
      for (const [missing, parts] of [
        ['file', [name]],
        ['name', [file]],
        ['file', []],
      ] as const) {
        const answer = await refusedWithoutTrace(t, job.id, () => send(...parts));
        expect(answer).toMatchObject({ status: 422, json: { code: 'invalid_request', errors: [{ path: missing }] } });
      }
    });

    it('DOC-REQ-004: the file lies at <ARTIFACT_ROOT>/agent_jobs/<jobId>/<name>', async () => {
      const t = harness();
      const job = await t.enqueue();
      const { json } = await t.upload(job.id, { name: 'out/result.json', file: '{}' });
      expect(json.storagePath).toBe(`${job.id}/out/result.json`);
      expect(readFileSync(join(t.viewRoot, json.storagePath), 'utf8')).toBe('{}');
      expect(completeConfig({ artifactRoot: '/srv/artifacts' }).jobViewRoot).toBe('/srv/artifacts/agent_jobs');
    });

    it('DOC-REQ-005: every upload has a metadata record of its own', async () => {
      const t = harness();
      const job = await t.enqueue();
      const { json } = await t.upload(job.id, { name: 'a.txt' });
      const record = await t.server.store.artifacts.find(json.id);
      expect(record).toMatchObject({ id: json.id, jobId: job.id, name: 'a.txt', contentType: 'text/plain' });
    });

    it('DOC-REQ-006: there are list and download endpoints', async () => {
      const t = harness();
      const job = await t.enqueue();
      const { json } = await t.upload(job.id, { name: 'a.txt', file: 'bytes' });
      expect((await t.get(`/api/queue/jobs/${job.id}/artifacts`)).json.items).toEqual([json]);
      expect((await t.get(`/api/queue/jobs/${job.id}/artifacts/${json.id}/download`)).text).toBe('bytes');
    });

    it('DOC-REQ-007: jobs have roots of their own, names cannot leave them, sizes are limited', async () => {
      const t = harness();
      const [one, other] = [await t.enqueue(), await t.enqueue()];
      await t.upload(one.id, { name: 'a.txt', file: 'of one' });
      await t.upload(other.id, { name: 'a.txt', file: 'of the other' });
      expect(readFileSync(shown(t, one.id, 'a.txt'), 'utf8')).toBe('of one');
      expect(readFileSync(shown(t, other.id, 'a.txt'), 'utf8')).toBe('of the other');
      expect((await t.upload(one.id, { name: `../${other.id}/a.txt` })).status).toBe(422);
      expect((await t.upload(one.id, { name: 'fits', file: Buffer.alloc(maxBytes) })).status).toBe(201);
      expect((await t.upload(one.id, { name: 'fits not', file: Buffer.alloc(maxBytes + 1) })).status).toBe(413);
    });

    it('DOC-REQ-008: AGENT_JOB_ARTIFACT_ROOT names the root, by default var/artifacts/agent_jobs', () => {
      expect(completeConfig({}).jobViewRoot).toBe(join(process.cwd(), 'var/artifacts/agent_jobs'));
      expect(completeConfig({ jobArtifactRoot: '/srv/jobs', artifactRoot: '/elsewhere' }).jobViewRoot).toBe(
        '/srv/jobs',
      );
    });

    it('FR-001: an upload needs a credential', async () => {
      const t = harness();
      const job = await t.enqueue();
      for (const as of [null, 'phw_unknown']) {
        const answer = await refusedWithoutTrace(t, job.id, () =>
          t.call('POST', `/api/queue/jobs/${job.id}/artifacts/upload`, {
            as,
            payload: formBody([{ name: 'name', value: 'a.txt' }]),
            headers: { 'content-type': formType },
          }),
        );
        expect(answer).toMatchObject({ status: 401, json: { code: 'unauthenticated' } });
      }
    });

    it('FR-002: the root is configurable and parted by job id', async () => {
      const t = harness();
      const job = await t.enqueue();
      await t.upload(job.id, { name: 'a.txt' });
      expect(t.viewRoot).toBe(t.server.config.jobViewRoot);
      expect(statSync(join(t.viewRoot, job.id)).isDirectory()).toBe(true);
    });

    it('FR-003: a record names its job, storage path and optional content metadata', async () => {
      const t = harness();
      const job = await t.enqueue();
      const fields = { title: 'The log', type: 'log', tags: '["nightly"]', metadata: '{"exit":0}' };
      const { json } = await t.upload(job.id, { name: 'run.log', file: 'x', fields });
      expect(json).toMatchObject({
        jobId: job.id,
        storagePath: `${job.id}/run.log`,
        sizeBytes: 1,
        title: 'The log',
        type: 'log',
        tags: ['nightly'],
        metadata: { exit: 0 },
      });
      expect((await t.artifacts(job.id))[0]).toEqual(json);
    });

    it('FR-004: list and download show what belongs to the job, nothing else', async () => {
      const t = harness();
      const [one, other] = [await t.enqueue(), await t.enqueue()];
      const { json } = await t.upload(one.id, { name: 'a.txt' });
      expect(await t.artifacts(other.id)).toEqual([]);
      expect((await t.download({ jobId: other.id, id: json.id })).status).toBe(409);
    });

    it('FR-005: traversal, cross-job access and oversize are refused', async () => {
      const t = harness();
      const [one, other] = [await t.enqueue(), await t.enqueue()];
      const { json } = await t.upload(one.id, { name: 'a.txt' });
      expect((await t.upload(one.id, { name: '../../a.txt' })).json.code).toBe('invalid_artifact_name');
      expect((await t.download({ jobId: other.id, id: json.id })).json.code).toBe('artifact_job_mismatch');
      const big = Buffer.alloc(maxBytes + 1);
      expect((await t.upload(one.id, { name: 'a', file: big })).json.code).toBe('artifact_too_large');
    });

    it('SC-001: valid uploads land in folders of their jobs below the configured root', async () => {
      const t = harness();
      const job = await t.enqueue();
      await t.upload(job.id, { name: 'x/y/z.txt', file: 'deep' });
      expect(readFileSync(shown(t, job.id, 'x/y/z.txt'), 'utf8')).toBe('deep');
    });

    it('SC-002: metadata can be asked for by job', async () => {
      const t = harness();
      const job = await t.enqueue();
      const { json } = await t.upload(job.id, { name: 'a.txt' });
      expect(await t.artifacts(job.id)).toEqual([json]);
    });

    it('SC-003: a download gives exactly the bytes of the right pair and refuses the wrong one', async () => {
      const t = harness();
      const [job, other] = [await t.enqueue(), await t.enqueue()];
      const file = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      const { json } = await t.upload(job.id, { name: 'all-bytes.bin', file });
      expect((await t.download(json)).bytes.equals(file)).toBe(true);
      expect((await t.download({ jobId: other.id, id: json.id })).status).toBe(409);
    });

    it('SC-004: the configured limit is exact, and a traversal is refused through both ways of uploading', async () => {
      const t = harness();
      const job = await t.enqueue();
      for (const send of [t.upload.bind(t), t.put.bind(t)]) {
        expect((await send(job.id, { name: 'exact.bin', file: Buffer.alloc(maxBytes) })).status).toBe(201);
        expect((await send(job.id, { name: 'over.bin', file: Buffer.alloc(maxBytes + 1) })).status).toBe(413);
        expect((await send(job.id, { name: 'a/../b.txt' })).status).toBe(422);
      }
    });
  },
  { settings: { maxArtifactBytes: maxBytes } },
);

it('FR-006, SC-005: production code comes with tests, and tools/test_unit.sh runs the quick ones', () => {
  const script = new URL('../../../tools/test_unit.sh', import.meta.url);
  expect(statSync(script).mode & 0o111).not.toBe(0);
  expect(readFileSync(script, 'utf8')).toContain('vitest run --project packages');
});
