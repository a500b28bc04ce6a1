import { createHash, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { AppError, type ErrorCode } from '@proofhouse/core';
import { describe, expect, test } from 'vitest';
import { ProofhouseClient } from './index.ts';
import { refuse } from './testing/fake-server.ts';
import { HandClock } from './testing/hand-clock.ts';
import { failureOf, quick, setUp } from './testing/client-trial.ts';

const digestOf = (bytes: Uint8Array | string) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

describe('jobs', () => {
  test('a job goes through create, claim, heartbeat and complete with its lease', async () => {
    const { server, client } = await setUp();
    const made = await client.jobs.create({ type: 'exec', payload: { command: 'true' } });
    const claimed = await client.jobs.claim({ waitSeconds: 0 });
    expect(claimed?.id).toBe(made.id);
    const lease = claimed!.leaseId;
    await client.jobs.heartbeat(made.id, lease, 60);
    const done = await client.jobs.complete(made.id, lease, { resultSummary: 'fine' });
    expect(done).toMatchObject({ status: 'succeeded', resultSummary: 'fine' });
    expect(server.requestsOf('completeJob')[0]?.headers).toMatchObject({
      'proofhouse-lease': lease,
      authorization: 'Bearer phw_secret',
    });
    expect(await client.jobs.claim()).toBeUndefined();
  });

  test('a list is walked to its end, page after page', async () => {
    const { server, client } = await setUp();
    for (let count = 0; count < 7; count += 1) server.addJob();
    const ids: string[] = [];
    for await (const job of client.jobs.each({ limit: 3 })) ids.push(job.id);
    expect(new Set(ids).size).toBe(7);
    expect(server.requestsOf('listJobs')).toHaveLength(3);
    expect((await client.jobs.list({ status: 'failed' })).items).toEqual([]);
  });

  test('any operation can be called by its id', async () => {
    const { server, client } = await setUp();
    const job = server.addJob();
    expect((await client.call('getJob', { params: { jobId: job.id } })).id).toBe(job.id);
    expect((await client.call('listJobs', {})).items).toHaveLength(1);
  });

  test('a base path stays in front of every path', async () => {
    const asked: string[] = [];
    const client = new ProofhouseClient({
      url: 'https://host.example/work/',
      fetch: async (input) => {
        asked.push(input as string);
        return Response.json({ items: [], nextCursor: null });
      },
    });
    await client.jobs.list({ limit: 2 });
    expect(asked).toEqual(['https://host.example/work/api/queue/jobs?limit=2']);
  });

  test('a path cannot be led elsewhere by an id of dots', async () => {
    const { client } = await setUp();
    for (const jobId of ['.', '..', '']) expect((await failureOf(client.jobs.get(jobId))).code).toBe('invalid_request');
  });
});

describe('worker tokens', () => {
  test('are made, listed and revoked', async () => {
    const { client } = await setUp();
    const { token, workerToken } = await client.workerTokens.create({ workerId: 'builder-1' });
    expect(token).toMatch(/^phw_/);
    expect((await client.workerTokens.list()).items).toHaveLength(1);
    expect((await client.workerTokens.revoke(workerToken.id)).revokedAt).not.toBeNull();
  });

  test('making one is not repeated, since a lost answer is a lost secret', async () => {
    const { server, client } = await setUp();
    server.interfere = (_operation, _request, response) => refuse(response, 'unavailable');
    let asked = 0;
    server.interfere = (_operation, _request, response) => {
      asked += 1;
      return refuse(response, 'unavailable');
    };
    await failureOf(client.workerTokens.create({ workerId: 'builder-1' }));
    expect(asked).toBe(1);
  });
});

describe('artifacts', () => {
  test('a stream is uploaded with its digest and downloaded with what the headers say', async () => {
    const { server, client } = await setUp();
    const job = server.addJob();
    const bytes = randomBytes(3_000_000);
    const progress: number[] = [];
    const artifact = await client.artifacts.upload(job.id, {
      name: 'out/größe 100%.bin',
      async *bytes() {
        for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
      },
      sizeBytes: bytes.length,
      digest: digestOf(bytes),
      contentType: 'application/x-thing',
      onProgress: (sent) => progress.push(sent),
    });
    expect(artifact).toMatchObject({ name: 'out/größe 100%.bin', sizeBytes: 3_000_000, digest: digestOf(bytes) });
    expect(progress.at(-1)).toBe(3_000_000);
    expect(server.requestsOf('putArtifact')[0]?.headers).toMatchObject({
      'content-length': '3000000',
      'content-type': 'application/x-thing',
    });
    const download = await client.artifacts.download(job.id, artifact.id);
    expect(download).toMatchObject({
      filename: 'größe 100%.bin',
      sizeBytes: 3_000_000,
      contentType: 'application/x-thing',
      digest: digestOf(bytes),
    });
    expect(Buffer.from(await new Response(download.body).arrayBuffer()).equals(bytes)).toBe(true);
  });

  test.each([
    ['text', 'hello'],
    ['bytes', new TextEncoder().encode('hello')],
    ['a blob', new Blob(['hello'])],
    ['a stream', new Blob(['hello']).stream()],
  ] as const)('%s can be uploaded', async (_what, bytes) => {
    const { server, client } = await setUp();
    const job = server.addJob();
    await client.artifacts.upload(job.id, { name: 'a.txt', bytes, type: 'report', digest: digestOf('hello') });
    expect(server.artifact('a.txt').bytes.toString()).toBe('hello');
    expect(server.artifact('a.txt').record.type).toBe('report');
    expect(server.requestsOf('putArtifact')[0]?.headers['content-type']).toBeUndefined();
  });

  test('a form carries what headers cannot', async () => {
    const { server, client } = await setUp();
    const job = server.addJob();
    const file = new Blob(['{}'], { type: 'application/json' });
    const artifact = await client.artifacts.uploadForm(job.id, { name: 'a/b.json', file, type: 'test-result' });
    expect(artifact).toMatchObject({ name: 'a/b.json', type: 'test-result' });
    expect(server.artifact('a/b.json').bytes.toString()).toBe('{}');
  });

  test('a name that leads elsewhere is refused before anything is sent', async () => {
    const { server, client } = await setUp();
    const job = server.addJob();
    const error = await failureOf(client.artifacts.upload(job.id, { name: '../../claim', bytes: 'x' }));
    expect(error.code).toBe('invalid_artifact_name');
    expect(server.seen).toEqual([]);
  });

  test('an upload that broke is opened anew and sent under the same key', async () => {
    const { server, client } = await setUp();
    const job = server.addJob();
    let broken = 0;
    const keys: unknown[] = [];
    server.interfere = (_operation, request) => {
      keys.push(request.headers['idempotency-key']);
      if (broken === 2) return false;
      broken += 1;
      request.once('data', () => request.socket.destroy());
      return true;
    };
    let opened = 0;
    const upload = {
      name: 'a.bin',
      async *bytes() {
        opened += 1;
        yield randomBytes(0);
        yield new TextEncoder().encode('same');
      },
    };
    await client.artifacts.upload(job.id, upload);
    expect(opened).toBe(3);
    expect(new Set(keys).size).toBe(1);
    expect(server.artifact('a.bin').bytes.toString()).toBe('same');
  });

  test('a key in the body is the only key of the call, and null there is none', async () => {
    const { server, client } = await setUp();
    const keys: unknown[] = [];
    server.interfere = (_operation, request) => {
      keys.push(request.headers['idempotency-key']);
      return false;
    };
    await client.call('createJob', { body: { type: 'exec', idempotencyKey: 'my key' } });
    await client.call('createJob', { body: { type: 'exec', idempotencyKey: null } });
    expect(keys).toEqual([undefined, expect.any(String)]);
  });

  test('a bare stream is sent once only', async () => {
    const { server, client } = await setUp();
    const job = server.addJob();
    server.interfere = (_operation, _request, response) => refuse(response, 'unavailable');
    const error = await failureOf(client.artifacts.upload(job.id, { name: 'a', bytes: new Blob(['x']).stream() }));
    expect(error.code).toBe('unavailable');
  });

  test('a source that cannot be read fails with its own error, at once', async () => {
    const { server, client } = await setUp();
    const job = server.addJob();
    let opened = 0;
    const bytes = async function* () {
      opened += 1;
      yield new TextEncoder().encode('some');
      throw new Error('the disk is gone');
    };
    await expect(client.artifacts.upload(job.id, { name: 'a', bytes })).rejects.toThrow('the disk is gone');
    expect(opened).toBe(1);
  });

  test('a refusal while a large body is still being sent is seen as the refusal, and leaves no timer behind', async () => {
    const clock = new HandClock();
    const { server, client } = await setUp({ clock });
    const job = server.addJob();
    server.interfere = (_operation, _request, response) =>
      refuse(response, 'artifact_too_large', { connection: 'close' });
    const piece = new Uint8Array(65_536);
    const bytes = async function* () {
      for (let count = 0; count < 3000; count += 1) yield piece;
    };
    const error = await failureOf(client.artifacts.upload(job.id, { name: 'a', bytes, sizeBytes: 3000 * 65_536 }));
    expect(error.code).toBe('artifact_too_large');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(clock.nextDueMs).toBeUndefined();
  });

  test('a download that breaks says so', async () => {
    const { server, client } = await setUp();
    const job = server.addJob();
    const { id } = await client.artifacts.upload(job.id, { name: 'a', bytes: 'x' });
    server.interfere = (_operation, _request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('some', () => setTimeout(() => response.destroy(), 20));
      return true;
    };
    const download = await client.artifacts.download(job.id, id);
    const error = await failureOf(new Response(download.body).text());
    expect(error.code).toBe('unavailable');
  });
});

describe('failures', () => {
  test('a problem document becomes the error it stands for', async () => {
    const { client } = await setUp();
    const error = await failureOf(client.jobs.get('7cb6bd4e-1bd6-4bb3-9f43-9d6d6ff7cf8a'));
    expect(error).toMatchObject({ code: 'job_not_found', details: { requestId: 'request-1' }, exitCode: 4 });
  });

  test.each<[number, string, string, ErrorCode]>([
    [502, 'text/html', '<h1>Bad Gateway</h1>', 'unavailable'],
    [504, 'text/plain', '', 'unavailable'],
    [500, 'text/html', 'oops', 'internal'],
    [413, 'text/html', 'nginx', 'body_too_large'],
    [404, 'text/html', 'nothing', 'not_found'],
    [401, 'application/json', '[]', 'unauthenticated'],
    [418, 'application/problem+json', '{"code":"teapot","detail":"short and stout"}', 'bad_request'],
    [
      409,
      'application/problem+json',
      '{"code":"newer_conflict","detail":"from the future","jobId":"j"}',
      'version_conflict',
    ],
  ])('an answer %i of %s means the code of its status', async (status, type, body, code) => {
    const { client } = await setUp({
      fetch: async () => new Response(body, { status, headers: { 'content-type': type } }),
      retry: { tries: 1 },
    });
    const error = await failureOf(client.jobs.list());
    expect(error.code).toBe(code);
    if (status === 409) {
      expect(error.message).toBe('from the future');
      expect(error.details).toEqual({ jobId: 'j', serverCode: 'newer_conflict' });
    }
  });

  test('a good answer of something else is not taken for ours', async () => {
    const { client } = await setUp({ fetch: async () => new Response('<html>Sign in</html>') });
    const error = await failureOf(client.jobs.list());
    expect(error.code).toBe('unsupported');
    expect(error.message).toContain('Check the URL');
  });

  test('a redirect names the address to use', async () => {
    const { client } = await setUp({
      fetch: async () => new Response(null, { status: 308, headers: { location: 'https://new.example/x?token=t' } }),
    });
    const error = await failureOf(client.jobs.list());
    expect(error.message).toContain('https://new.example.');
    expect(error.message).not.toContain('token');
  });

  test('a server that is not there is named, with the next step', async () => {
    const client = new ProofhouseClient({
      url: 'http://127.0.0.1:1',
      retry: { ...quick, tries: 2 },
      token: 'phw_secret',
    });
    const error = await failureOf(client.jobs.list());
    expect(error.code).toBe('unavailable');
    expect(error.message).toMatch(/http:\/\/127\.0\.0\.1:1 cannot be reached \(bad port\)\. Is the server running/);
  });

  test('a token is never shown: not by the client, an error, nor a refused construction', async () => {
    const { client } = await setUp({
      fetch: async () => Promise.reject(new TypeError('fetch failed')),
      retry: { tries: 1 },
    });
    const error = await failureOf(client.jobs.list());
    expect(inspect([client, error], { depth: 20, showHidden: true })).not.toContain('phw_secret');
    const bad = () => new ProofhouseClient({ url: 'http://h', token: 'phw_secret\nX: y' });
    expect(bad).toThrow(AppError);
    expect(bad).not.toThrow(/phw_secret/);
    expect(() => new ProofhouseClient({ url: 'http://u:phw_secret@h' })).not.toThrow(/phw_secret/);
    expect(() => new ProofhouseClient({ url: 'ftp://h' })).toThrow(/http/);
  });
});
