import { AppError } from '@proofhouse/core';
import { describe, expect, it } from 'vitest';
import { ProofhouseClient } from '../index.ts';

const artifact = {
  ...{ artifactId: '0190b2c4-7d3e-7000-8000-000000000000', id: '0190b2c4-7d3e-7000-8000-000000000000', uri: 'u' },
  ...{ type: 'report', title: 't', description: null, status: 'draft', storageProvider: 'external-url' },
  ...{ storageUri: 'https://h.example/a', filename: null, contentType: null, checksum: null, sizeBytes: null },
  ...{ visibility: 'internal', dataClass: 'internal', jobId: null, name: null, assistantJobId: null, taskId: null },
  ...{ bundleId: null, fileId: null, experimentId: null, sourceType: 'manual-link', producedBy: 'person' },
  ...{ createdBy: 'admin', createdAt: '2026-01-01T00:00:00.000Z', updatedAt: '2026-01-01T00:00:00.000Z' },
  ...{ reviewer: null, reviewedBy: null, reviewedAt: null, reviewedDigest: null, reviewNote: null, unbound: false },
  ...{ previousDigest: null, findings: null, facts: null, tags: [], metadata: {}, pinnedAt: null, purgedAt: null },
  version: 1,
};
const entry = {
  ...{ id: artifact.id, at: artifact.createdAt, actor: 'admin', decision: 'submit', from: 'draft', to: 'needs-review' },
  ...{ digest: null, note: null, comments: [] },
};

/** Returns a client whose requests are recorded and answered with the given JSON documents, in order. */
function clientOf(...answers: readonly { readonly status?: number; readonly json: unknown }[]) {
  const requests: { method: string; path: string; headers: Headers; body: string }[] = [];
  const client = new ProofhouseClient({
    url: 'http://server.example',
    token: 'pha_secret',
    retry: { baseDelayMs: 1, maxDelayMs: 2 },
    fetch: async (input, init) => {
      const { method, url, headers } = new Request(input, {
        method: init?.method ?? 'GET',
        headers: init?.headers ?? {},
      });
      const body = init?.body == null ? '' : await new Response(init.body).text();
      const { status = 200, json } = answers[requests.length] ?? { status: 500, json: {} };
      requests.push({ method, path: url.slice('http://server.example'.length), headers, body });
      return new Response(JSON.stringify(json), { status, headers: { 'content-type': 'application/json' } });
    },
  });
  return { records: client.records, requests };
}

const unavailable = {
  status: 503,
  json: { type: 'x', title: 'x', status: 503, detail: 'x', code: 'unavailable' },
};

describe('artifact records', () => {
  it('are registered under one idempotency key, also when the answer is lost', async () => {
    const { records, requests } = clientOf(unavailable, { status: 201, json: { artifact } });
    const registration = { type: 'report', title: 't', storageUri: 'https://h.example/a' } as const;
    expect(await records.register(registration)).toEqual(artifact);
    expect(requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /api/artifacts',
      'POST /api/artifacts',
    ]);
    expect(JSON.parse(requests[1]?.body ?? '')).toEqual(registration);
    const keys = requests.map(({ headers }) => headers.get('idempotency-key'));
    expect(keys[0]).toMatch(/^.{16,}$/);
    expect(keys[1]).toBe(keys[0]);
  });

  it('are uploaded as a form, with lists and objects as JSON', async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const { records, requests } = clientOf({ status: 201, json: { artifact: { ...artifact, checksum: digest } } });
    const upload = { name: 'spec/task/a.txt', tags: ['a'], metadata: { b: 1 }, title: 'T', digest };
    await records.upload({ ...upload, bytes: new TextEncoder().encode('bytes'), filename: 'a.txt' });
    const { method, path, body } = requests[0]!;
    expect(`${method} ${path}`).toBe('POST /api/artifacts/upload');
    for (const part of [
      'name="name"\r\n\r\nspec/task/a.txt',
      'name="tags"\r\n\r\n["a"]',
      'name="metadata"\r\n\r\n{"b":1}',
    ]) {
      expect(body).toContain(part);
    }
    expect(body).toMatch(/name="file"; filename="a\.txt"\r\n\r\nbytes/);
  });

  it('with another digest than the expected one are an error', async () => {
    const { records } = clientOf({
      status: 201,
      json: { artifact: { ...artifact, checksum: `sha256:${'b'.repeat(64)}` } },
    });
    const upload = records.upload({ bytes: new Uint8Array(), digest: `sha256:${'a'.repeat(64)}` });
    await expect(upload).rejects.toMatchObject({ code: 'digest_mismatch' });
  });

  it('are changed with the expected version, and a conflict has the present record', async () => {
    const conflict = {
      status: 409,
      json: { type: 'x', title: 'x', status: 409, detail: 'x', code: 'version_conflict', artifact },
    };
    const { records, requests } = clientOf({ json: { artifact } }, conflict);
    expect(await records.update(artifact.id, { title: 'T', description: null })).toEqual(artifact);
    const error = await records
      .update(artifact.id, { title: 'T' }, { expectedVersion: 1 })
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: 'version_conflict', details: { artifact } });
    expect(requests.map(({ body }) => JSON.parse(body) as unknown)).toEqual([
      { title: 'T', description: null },
      { title: 'T', expectedVersion: 1 },
    ]);
    expect(requests[0]).toMatchObject({ method: 'PUT', path: `/api/artifacts/${artifact.id}` });
  });

  it('are read, listed page after page, and have a history', async () => {
    const { records, requests } = clientOf(
      { json: { artifact } },
      { json: { artifacts: [artifact], nextCursor: 'c' } },
      { json: { artifacts: [artifact], nextCursor: null } },
      { json: { items: [entry], nextCursor: null } },
    );
    expect(await records.get(artifact.id)).toEqual(artifact);
    const listed: unknown[] = [];
    for await (const each of records.each({ status: 'draft', limit: 1 })) listed.push(each);
    expect(listed).toEqual([artifact, artifact]);
    expect(await records.history(artifact.id, { limit: 5 })).toEqual({ items: [entry], nextCursor: null });
    expect(requests.map(({ path }) => path)).toEqual([
      `/api/artifacts/${artifact.id}`,
      '/api/artifacts?status=draft&limit=1',
      '/api/artifacts?status=draft&limit=1&cursor=c',
      `/api/artifacts/${artifact.id}/history?limit=5`,
    ]);
  });
});
