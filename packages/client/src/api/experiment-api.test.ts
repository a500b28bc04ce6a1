import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { AppError, v0Conditions, type ErrorCode } from '@proofhouse/core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ProofhouseClient, type ClientOptions, type Download } from '../index.ts';
import { FakeServer, refuse } from '../testing/fake-server.ts';

const experimentId = 'exp_01jd7v6m5x0000000000000000';
const quick = { baseDelayMs: 1, maxDelayMs: 2 };

async function setUp(options: Partial<ClientOptions> = {}) {
  const server = await FakeServer.start();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const client = new ProofhouseClient({ url: server.url, token: 'pha_secret', retry: quick, experimentId, ...options });
  return { server, client, deposits: server.experiment.deposits };
}

async function failureOf(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AppError);
  return error as AppError;
}

const bytesOf = async (download: Download) => Buffer.from(await new Response(download.body).arrayBuffer());

async function* inPieces(bytes: Buffer, pieceBytes = 65_536) {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

describe('deposit and fetch', () => {
  test('a stream goes as a stream and comes back whole, with what it was called', async () => {
    const { server, client, deposits } = await setUp();
    const bytes = randomBytes(3_000_000);
    const progress: number[] = [];
    const deposit = await client.depositArtifact(() => inPieces(bytes), {
      contentType: 'application/x-thing; v=1',
      filename: 'größe "1"\r\n.bin',
      sizeBytes: bytes.length,
      onProgress: (sent) => progress.push(sent),
    });
    expect(deposit).toEqual({
      artifacts_uri: deposits[0]!.answer.artifacts_uri,
      size_bytes: 3_000_000,
      content_type: 'application/x-thing; v=1',
    });
    expect(progress).toHaveLength(Math.ceil(3_000_000 / 65_536));
    expect(progress.at(-1)).toBe(3_000_000);
    const [request] = server.requestsOf('depositArtifact');
    expect(request?.headers['content-length']).toBe(String(request?.body.length));
    expect(request?.headers['transfer-encoding']).toBeUndefined();
    expect(deposits[0]?.filename).toBe('größe "1"\r\n.bin');
    const download = await client.fetchArtifact(deposit.artifacts_uri);
    expect(download).toMatchObject({ sizeBytes: 3_000_000, contentType: 'application/x-thing; v=1' });
    expect((await bytesOf(download)).equals(bytes)).toBe(true);
    expect(server.seen.map(({ operation }) => operation)).toEqual(['depositArtifact', 'fetchArtifact']);
  });

  test.each([
    ['text', 'hello'],
    ['bytes', new TextEncoder().encode('hello')],
    ['a part of a buffer', Buffer.from('..hello..').subarray(2, 7)],
    ['a blob', new Blob(['hello'])],
    ['a stream', new Blob(['hello']).stream()],
    ['a function', () => inPieces(Buffer.from('hello'), 1)],
  ] as const)('%s can be deposited, and is called bytes when nobody says more', async (_what, bytes) => {
    const { client, deposits } = await setUp();
    await client.depositArtifact(bytes);
    expect(deposits[0]).toMatchObject({ filename: '', answer: { content_type: 'application/octet-stream' } });
    expect(deposits[0]?.bytes.toString()).toBe('hello');
  });

  test('a file says its own name and type, and nothing is a deposit too', async () => {
    const { client, deposits } = await setUp();
    await client.depositArtifact(new File(['{}'], 'a.json', { type: 'application/json' }));
    await client.depositArtifact('');
    await client.depositArtifact(async function* () {});
    expect(deposits.map(({ filename, bytes }) => [filename, bytes.length])).toEqual([
      ['a.json', 2],
      ['', 0],
      ['', 0],
    ]);
    expect(deposits[0]?.answer.content_type).toBe('application/json');
  });

  test('bytes cannot end their part: each form has a boundary of its own', async () => {
    const { server, client, deposits } = await setUp();
    await client.depositArtifact('first');
    const boundary = /boundary=(\S+)/.exec(server.requestsOf('depositArtifact')[0]!.headers['content-type']!)![1]!;
    const hostile = `x\r\n--${boundary}--\r\n--${boundary}\r\nContent-Disposition: form-data; name="b"\r\n\r\ny`;
    await client.depositArtifact(hostile);
    expect(deposits[1]?.bytes.toString()).toBe(hostile);
    expect(boundary.length).toBeGreaterThanOrEqual(32);
  });

  test.each<[string, Partial<ClientOptions>, Record<string, string>]>([
    ['of the call', {}, { 'Content-Type': 'application/json', 'CONTENT-LENGTH': '3' }],
    [
      'of a wrapper that spreads ours over its own',
      {
        fetch: (input, init) =>
          fetch(input, {
            ...init,
            headers: { 'Content-Type': 'application/json', ...(init?.headers as Record<string, string>) },
          }),
      },
      {},
    ],
    [
      'of a wrapper that looks first',
      {
        fetch: (input, init) => {
          const headers = new Headers(init?.headers);
          if (!headers.has('content-type')) headers.set('content-type', 'application/json');
          return fetch(input, { ...init, headers });
        },
      },
      {},
    ],
  ])('a default JSON content type %s does not touch the boundary', async (_whose, options, headers) => {
    const { client, deposits } = await setUp(options);
    await client.depositArtifact(() => inPieces(Buffer.from('hello')), { headers });
    expect(deposits[0]?.bytes.toString()).toBe('hello');
    await client.jobs.create({ type: 'exec' });
  });

  test('a default JSON content type of the call spares the form of a job artifact, too', async () => {
    const { server, client } = await setUp();
    const headers = { 'Content-Type': 'application/json' };
    const job = await client.jobs.create({ type: 'exec' }, { headers });
    await client.artifacts.uploadForm(job.id, { name: 'a', file: new Blob(['x']) }, { headers });
    expect(server.artifact('a').bytes.toString()).toBe('x');
  });

  test('a content type that no header can carry is refused before anything is sent', async () => {
    const { server, client } = await setUp();
    for (const contentType of ['text/plain\r\nX: y', 'text/ü']) {
      const error = await failureOf(client.depositArtifact('x', { contentType }));
      expect(error.errors).toMatchObject([{ path: 'contentType' }]);
    }
    expect(server.seen).toEqual([]);
  });

  test.each([
    'proofhouse://artifacts/Abc-_9',
    'urn:example:a:b#c?d=e&f',
    'S3://bucket/key%2Fpart%20one?versionId=1+2&x=%C3%BC#frag',
    'https://h.example/a?b=c&uri=d#e',
  ])('the URI %s is handed on whole', async (uri) => {
    const { server, client } = await setUp();
    server.experiment.mintUri = () => uri;
    await client.depositArtifact('x');
    expect((await bytesOf(await client.fetchArtifact(uri))).toString()).toBe('x');
    expect(server.requestsOf('fetchArtifact')[0]?.query.getAll('uri')).toEqual([uri]);
  });

  test('a URI is percent-encoded once, spaces as %20', async () => {
    const asked: string[] = [];
    const send: typeof fetch = async (input) => {
      asked.push(input as string);
      return new Response('x');
    };
    const client = new ProofhouseClient({ url: 'https://h.example/base', fetch: send });
    await client.fetchArtifact('x:a b+c%20/?&#=', { experimentId });
    expect(asked).toEqual([
      `https://h.example/base/v0/experiments/${experimentId}/artifacts?uri=x%3Aa%20b%2Bc%2520%2F%3F%26%23%3D`,
    ]);
  });
});

describe('repetition', () => {
  test('a deposit that broke is opened anew and sent under the same key', async () => {
    const { server, client, deposits } = await setUp();
    let broken = 0;
    const keys: unknown[] = [];
    server.interfere = (_operation, request) => {
      keys.push(request.headers['idempotency-key']);
      if (broken === 2) return false;
      broken += 1;
      request.once('data', () => request.socket.destroy());
      return true;
    };
    await client.depositArtifact(() => inPieces(Buffer.from('same')));
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toBeDefined();
    expect(deposits).toHaveLength(1);
    await client.depositArtifact('other', { idempotencyKey: 'mine' });
    expect(keys.at(-1)).toBe('mine');
  });

  test('a large stream is not kept in memory, and a redirect of it is said to be one', async () => {
    const { server, client } = await setUp();
    server.interfere = (_operation, request, response) => {
      request.resume().on('end', () => response.writeHead(308, { location: 'https://new.example/' }).end());
      return true;
    };
    let mostBytes = 0;
    const before = process.memoryUsage().arrayBuffers;
    const bytes = async function* () {
      for (let count = 0; count < 1600; count += 1) {
        mostBytes = Math.max(mostBytes, process.memoryUsage().arrayBuffers - before);
        yield new Uint8Array(262_144);
      }
    };
    const error = await failureOf(client.depositArtifact(bytes));
    expect(error).toMatchObject({ code: 'bad_request', message: expect.stringContaining('elsewhere') });
    expect(mostBytes).toBeLessThan(300_000_000);
  });

  test('a bare stream is sent once only', async () => {
    const { server, client } = await setUp();
    let asked = 0;
    server.interfere = (_operation, _request, response) => {
      asked += 1;
      return refuse(response, 'unavailable');
    };
    expect((await failureOf(client.depositArtifact(new Blob(['x']).stream()))).code).toBe('unavailable');
    expect(asked).toBe(1);
  });

  test('a stream of another size than was announced fails with its reason, at once', async () => {
    const { client, deposits } = await setUp();
    for (const sizeBytes of [3, 6]) {
      const error = await failureOf(client.depositArtifact(() => inPieces(Buffer.from('hello'), 2), { sizeBytes }));
      expect(error.message).toContain(`the ${sizeBytes} bytes that were announced`);
    }
    expect(deposits).toEqual([]);
  });

  test('a source that cannot be read fails with its own error', async () => {
    const { client } = await setUp();
    const bytes = async function* () {
      yield new TextEncoder().encode('some');
      throw new Error('the disk is gone');
    };
    await expect(client.depositArtifact(bytes)).rejects.toThrow('the disk is gone');
  });

  test('a server that took other bytes than were sent is found out', async () => {
    const { client } = await setUp({
      fetch: async () => Response.json({ artifacts_uri: 'x:y', size_bytes: 4, content_type: 'a/b' }, { status: 201 }),
    });
    expect((await failureOf(client.depositArtifact('hello'))).code).toBe('digest_mismatch');
  });

  test('registering and reissuing are not repeated, since a lost answer is a lost token', async () => {
    const { server, client } = await setUp();
    let asked = 0;
    server.interfere = (_operation, _request, response) => {
      asked += 1;
      return refuse(response, 'unavailable');
    };
    await failureOf(client.experiment().registerWorker());
    await failureOf(client.experiment().reissueCredential('wkr_1'));
    expect(asked).toBe(2);
  });
});

describe('who calls, and where', () => {
  test.each<[string, Partial<ClientOptions>, string | undefined]>([
    ['a bare token is the admin’s', {}, 'Bearer admin:pha_secret'],
    ['a bare token gets its principal', { principal: 'wkr_1', token: 'phw_s' }, 'Bearer wkr_1:phw_s'],
    ['a token with a name stays as it is', { principal: 'wkr_2', token: 'wkr_1:phw_s' }, 'Bearer wkr_1:phw_s'],
    ['no token, no credential', { token: undefined }, undefined],
  ])('%s', async (_rule, options, authorization) => {
    const { server, client } = await setUp(options);
    await client.experiment().whoami();
    await client.call('listGroups', { params: { experimentId: 'exp_other' } });
    expect(server.seen.map(({ headers }) => [headers.authorization, headers['x-eden-experiment-id']])).toEqual([
      [authorization, experimentId],
      [authorization, 'exp_other'],
    ]);
    await client.jobs.list();
    expect(server.seen[2]?.headers.authorization).toBe(
      options.token === undefined && 'token' in options ? undefined : `Bearer ${options.token ?? 'pha_secret'}`,
    );
    expect(server.seen[2]?.headers['x-eden-experiment-id']).toBeUndefined();
    expect(inspect(client, { depth: 20, showHidden: true })).not.toContain('phw_s');
  });

  test('without an experiment, or with one that no header can carry, nothing is sent', async () => {
    const { server, client } = await setUp({ experimentId: undefined });
    expect((await failureOf(client.depositArtifact('x'))).message).toContain('Name the experiment');
    for (const wrong of ['', 'a b', 'exp\r\nX: y', 'ü']) {
      expect((await failureOf(client.fetchArtifact('x:y', { experimentId: wrong }))).code).toBe('invalid_request');
    }
    for (const principal of ['', 'a:b', 'a\nb']) {
      expect(() => new ProofhouseClient({ url: 'http://h', token: 'phw_s', principal })).toThrow(/principal/);
    }
    expect(server.seen).toEqual([]);
  });

  test('workers and groups are registered, listed, joined and removed', async () => {
    const { client } = await setUp();
    const experiment = client.experiment();
    const worker = await experiment.registerWorker({ name: 'planner', labels: { zone: 'a' } });
    expect(worker.registration_token).toMatch(/^phw_/);
    expect((await experiment.reissueCredential(worker.worker_id)).registration_token).not.toBe(
      worker.registration_token,
    );
    expect((await experiment.listWorkers()).items.map(({ name }) => name)).toEqual(['planner']);
    expect((await experiment.getWorker(worker.worker_id)).labels).toEqual({ zone: 'a' });
    const stranger = `wkr_${'0'.repeat(26)}`;
    const group = await experiment.createGroup({ name: 'readers', members: [stranger] });
    for (let count = 0; count < 4; count += 1) await experiment.createGroup();
    const seen: string[] = [];
    for await (const { group_id } of experiment.eachGroup({ limit: 2 })) seen.push(group_id);
    expect(new Set(seen).size).toBe(5);
    expect((await experiment.addGroupMember(group.group_id, worker.worker_id)).members).toHaveLength(2);
    expect((await experiment.removeGroupMember(group.group_id, stranger)).members).toEqual([worker.worker_id]);
    await experiment.deleteGroup(group.group_id);
    expect((await failureOf(experiment.getGroup(group.group_id))).code).toBe('not_found');
    expect(await experiment.grantRead('x:y', 'wkr_x')).toMatchObject({ uri: 'x:y', reader: 'wkr_x' });
  });

  test('experiments are made and listed', async () => {
    const { client } = await setUp();
    const made = await client.experiments.create({ name: 'first' });
    expect((await client.experiments.list()).items).toEqual([made]);
  });
});

describe('problems of /v0', () => {
  const answering = (status: number, problem: object) =>
    setUp({
      retry: { tries: 1 },
      fetch: async () =>
        new Response(
          JSON.stringify({ title: 't', status, detail: 'what it says', instance: 'http://h/v0', ...problem }),
          {
            status,
            headers: { 'content-type': 'application/problem+json; charset=utf-8' },
          },
        ),
    });

  test.each<[keyof typeof v0Conditions, ErrorCode, ErrorCode]>([
    ['bad-request', 'bad_request', 'bad_request'],
    ['experiment-id-mismatch', 'experiment_id_mismatch', 'experiment_id_mismatch'],
    ['unauthorized', 'unauthenticated', 'unauthenticated'],
    ['forbidden', 'forbidden', 'forbidden'],
    ['not-found', 'not_found', 'artifact_not_found'],
    ['payload-too-large', 'artifact_too_large', 'body_too_large'],
    ['already-exists', 'idempotency_conflict', 'already_exists'],
    ['reserved-identifier', 'reserved_identifier', 'reserved_identifier'],
    ['cycle-detected', 'cycle_detected', 'cycle_detected'],
    ['invalid-name', 'invalid_name', 'invalid_name'],
  ])('%s is %s of a deposit, %s of a fetch', async (type, ofDeposit, ofFetch) => {
    const { client } = await answering(v0Conditions[type].status, { type: `eden://error/${type}` });
    expect(await failureOf(client.depositArtifact('x'))).toMatchObject({ code: ofDeposit, message: 'what it says' });
    expect((await failureOf(client.fetchArtifact('x:y'))).code).toBe(ofFetch);
  });

  test.each<[number, string, ErrorCode]>([
    [409, 'eden://error/from-the-future', 'version_conflict'],
    [400, 'eden://error/', 'bad_request'],
    [507, 'about:blank', 'storage_full'],
    [500, 'about:blank', 'internal'],
    [403, 'https://elsewhere.example/no', 'forbidden'],
  ])('an answer %i of the unknown type %s means the code of its status', async (status, type, code) => {
    const { client } = await answering(status, { type });
    expect(await failureOf(client.fetchArtifact('x:y'))).toMatchObject({ code, message: 'what it says' });
  });
});
