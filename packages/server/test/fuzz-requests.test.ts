// Fuzzes each operation over HTTP with random or almost correct parameters, queries, headers and bodies. The answer
// must be documented, or be a problem document with a code of the error table. It must never be an internal error.
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operations, problemSchema, v0ProblemSchema, type Operation, type OperationId } from '@proofhouse/core';
import { forAnyStore } from './support/for-each-store.ts';
import { propertyRuns } from './support/property-runs.ts';
import { almostOf, hostileText } from './support/schema-arbitrary.ts';
import { startTestServer, type Answer, type Caller, type TestServer } from './support/test-server.ts';
import { wireAdmin, WireExperiment } from './support/wire-experiment.ts';

const rows = (Object.entries(operations) as [OperationId, Operation][]).filter(([, row]) => row.response !== 'sse');

/** Generates header values that a client can send. */
const headerText = fc
  .oneof(hostileText, fc.string({ maxLength: 12 }))
  .map((text) => text.replaceAll(/[^\x20-\x7e\xa0-\xff]/g, '').slice(0, 2000));

/** Generates path segments, some with invalid escapes. */
const segment = fc.oneof(
  hostileText.map((text) => encodeURIComponent(text.toWellFormed())),
  fc.constantFrom('%', '%zz', '%ff', '%2e%2e', '..', '%2F', ';a=b', '%00'),
);

function expectPromised(id: OperationId, row: Operation, answer: Answer): void {
  if (answer.status < 400) {
    expect([row.status, 200, 206, 304]).toContain(answer.status);
    if (row.response === 'json') expect(operations[id].output.safeParse(answer.json).error).toBeUndefined();
    return;
  }
  expect(answer.status, answer.text).toBeLessThan(500);
  expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  const schema = row.door === 'v0' ? v0ProblemSchema : problemSchema;
  expect(schema.safeParse(answer.json).error).toBeUndefined();
  expect(answer.text.length).toBeLessThan(16 * 1024);
}

forAnyStore('any request', (harness) => {
  let t: TestServer;
  let experiment: WireExperiment;
  let callers: Caller[];
  let held: { readonly job: string; readonly lease: string };
  /** Ids and names of existing records. Some generated requests use them. */
  let known: string[];

  beforeAll(async () => {
    t = harness();
    experiment = await WireExperiment.make(t);
    const { job, worker, lease } = await t.running();
    const artifact = (await t.upload(job.id, { name: 'a/b.txt', as: worker, headers: { 'proofhouse-lease': lease } }))
      .json;
    const spare = await t.worker();
    const registered = await experiment.register();
    const { artifacts_uri } = await experiment.deposit();
    const group = await experiment.group();
    const waiting = await t.enqueue();
    callers = ['admin', worker];
    held = { job: job.id, lease };
    known = [
      'exec',
      job.id,
      waiting.id,
      artifact.id,
      lease,
      worker.id,
      spare.tokenId,
      registered.id,
      group,
      artifacts_uri,
    ];
  });

  it.each(rows)('%s gets what it promised or a problem', async (id, row) => {
    const given = fc.oneof(
      { weight: 4, arbitrary: fc.constant(held.job) },
      { weight: 6, arbitrary: fc.constantFrom(...known).map(encodeURIComponent) },
      { weight: 1, arbitrary: segment },
    );
    const names = [...row.path.matchAll(/\{\+?(\w+)\}/g)].map((match) => match[1]!);
    const params = fc.record(Object.fromEntries(names.map((name) => [name, given])));
    const call = fc.record({
      params,
      query: almostOf(row.query, known),
      body: row.request === 'json' ? almostOf(row.body, known) : fc.constant(undefined),
      caller: fc.nat({ max: 1 }),
      lease: seldom(fc.oneof(fc.constant(held.lease), headerText)),
      key: seldom(headerText),
    });
    await fc.assert(
      fc.asyncProperty(call, async ({ params: path, query, body, caller, lease, key }) => {
        const place = row.path.replaceAll(/\{\+?(\w+)\}/g, (_, name: string) =>
          name === 'experimentId' ? experiment.id : path[name]!,
        );
        const answer = await t.call(row.method, `${place}${queryOf(query)}`, {
          as: row.door === 'v0' ? wireAdmin : callers[caller]!,
          ...(row.request === 'json' ? { json: impatient(body) } : {}),
          headers: {
            ...(row.door === 'v0' ? { 'x-eden-experiment-id': experiment.id } : {}),
            ...(lease === null ? {} : { 'proofhouse-lease': lease }),
            ...(key === null ? {} : { 'idempotency-key': key }),
          },
        });
        expectPromised(id, row, answer);
      }),
      { numRuns: propertyRuns(40) },
    );
    expect(t.logLines.filter((line) => line.includes('"level":50'))).toEqual([]);
  });

  it('a body that is no JSON, or no UTF-8, or nested without end, is a problem', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }).map((each) => Buffer.from(each)),
      fc.uint8Array({ maxLength: 40 }).map((each) => Buffer.from(each)),
      fc.constantFrom(500, 100_000).map((depth) => Buffer.from('{"payload":'.repeat(depth))),
      fc.constantFrom(500, 100_000).map((depth) => Buffer.from('['.repeat(depth) + ']'.repeat(depth))),
      fc
        .constantFrom('{"type":"exec","payload":{"__proto__":{"a":1}}}', '\ufeff{}', '{"type":"exec"}x')
        .map((each) => Buffer.from(each)),
    );
    await fc.assert(
      fc.asyncProperty(text, async (payload) => {
        const headers = { 'content-type': 'application/json' };
        expectPromised(
          'createJob',
          operations.createJob,
          await t.call('POST', '/api/queue/jobs', { payload, headers }),
        );
      }),
      { numRuns: propertyRuns(60) },
    );
  });

  it('a cursor that is changed, or another list\u2019s, is a page or invalid_cursor', async () => {
    for (let turn = 0; turn < 3; turn += 1) {
      await t.enqueue();
      await experiment.deposit();
    }
    const lists = ['/api/queue/jobs?limit=1', '/api/artifacts?limit=1', '/api/queue/jobs?limit=1&status=queued'];
    const cursors: string[] = [];
    for (const list of lists) cursors.push((await t.get(list)).json.nextCursor as string);
    const changed = fc
      .tuple(fc.constantFrom(...cursors), fc.nat({ max: 120 }), fc.string({ maxLength: 3 }), fc.nat({ max: 3 }))
      .map(([cursor, at, put, dropped]) => cursor.slice(0, at) + put + cursor.slice(at + dropped));
    const remade = fc
      .tuple(fc.constantFrom(...cursors), fc.jsonValue(), fc.nat({ max: 3 }))
      .map(([cursor, value, at]) => {
        const parts = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[];
        return Buffer.from(JSON.stringify(parts.with(at, value))).toString('base64url');
      });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...lists), fc.oneof(changed, remade, hostileText), async (list, cursor) => {
        const answer = await t.get(`${list}&cursor=${encodeURIComponent(cursor.toWellFormed())}`);
        if (answer.status === 200) return;
        expect(['invalid_cursor', 'invalid_request']).toContain(answer.json.code);
      }),
      { numRuns: propertyRuns(150) },
    );
  });

  it('a URI that was never made is 404, or 400 when it is no query', async () => {
    const uri = fc.oneof(
      fc.webUrl({ withFragments: true, withQueryParameters: true }),
      hostileText,
      fc.constantFrom('file:///etc/passwd', 'http://127.0.0.1/', 'proofhouse://artifacts/', 'PROOFHOUSE://artifacts/a'),
      fc.stringMatching(/^proofhouse:\/\/artifacts\/[a-z2-7]{32}$/),
      fc.constantFrom(...known).map((text) => `proofhouse://artifacts/${text}`),
    );
    const written = fc.oneof(
      uri.map((text) => encodeURIComponent(text.toWellFormed())),
      segment,
    );
    await fc.assert(
      fc.asyncProperty(written, async (text) => {
        const answer = await experiment.get(`/artifacts?uri=${text}`);
        expect([400, 404]).toContain(answer.status);
        expect(v0ProblemSchema.safeParse(answer.json).error).toBeUndefined();
      }),
      { numRuns: propertyRuns(150) },
    );
  });
});

describe('headers', () => {
  let t: TestServer;
  let jobId: string;
  beforeAll(async () => {
    t = await startTestServer();
    jobId = (await t.enqueue()).id;
  });
  afterAll(async () => {
    await t.close();
  });

  it('a credential that is none is 401 at both doors', async () => {
    const value = fc.oneof(
      headerText,
      headerText.map((text) => `Bearer ${text}`),
      headerText.map((text) => `bearer admin:${text}`),
      headerText.map((text) => `Basic ${Buffer.from(text).toString('base64')}`),
    );
    await fc.assert(
      fc.asyncProperty(
        value,
        fc.constantFrom('/api/queue/jobs', '/v0/experiments/x/whoami', '/v0'),
        async (text, path) => {
          const answer = await t.get(path, null, { authorization: text });
          expect([401, ...(path === '/api/queue/jobs' ? [] : [400])]).toContain(answer.status);
          expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
        },
      ),
      { numRuns: propertyRuns(150) },
    );
  });

  it('a Content-Digest is right, wrong, or invalid, and what is refused leaves nothing', async () => {
    const before = t.files().length;
    const value = fc.oneof(
      headerText,
      fc.uint8Array({ maxLength: 40 }).map((bytes) => `sha-256=:${Buffer.from(bytes).toString('base64')}:`),
      fc.constantFrom(
        'sha-256=?1',
        'sha-256=("a" "b")',
        'sha-256=:AA==:;x=1',
        'sha-512=:AA==:, sha-256=1.5',
        'sha-256',
      ),
    );
    let kept = 0;
    await fc.assert(
      fc.asyncProperty(value, async (digest) => {
        const answer = await t.put(jobId, { name: t.unique('digest'), headers: { 'content-digest': digest } });
        if (answer.status === 201) kept += 1;
        else expect(['invalid_digest', 'digest_mismatch']).toContain(answer.json.code);
      }),
      { numRuns: propertyRuns(150) },
    );
    // Each artifact adds two files: one in the blob folder and one in the job view.
    await expect.poll(() => t.files().length).toBe(before + 2 * kept);
  });

  it('a Last-Event-ID is the number of an event or invalid_cursor', async () => {
    const port = await t.listen();
    const value = fc.oneof(
      headerText,
      fc.integer().map(String),
      fc.constantFrom('1e3', '0x1', '01', '+1', '9007199254740993'),
    );
    await fc.assert(
      fc.asyncProperty(value, async (id) => {
        const path = `/api/queue/jobs/${jobId}/events/stream`;
        const headers = { authorization: 'Bearer the-admin-token-of-the-tests', 'last-event-id': id };
        const call = request({ host: '127.0.0.1', port, path, headers }).end();
        const [answer] = (await once(call, 'response')) as [IncomingMessage];
        if (answer.statusCode === 200) expect(answer.headers['content-type']).toMatch(/^text\/event-stream/);
        else
          expect(JSON.parse(Buffer.concat(await answer.toArray()).toString())).toMatchObject({
            code: 'invalid_cursor',
          });
        call.on('error', () => undefined).destroy();
      }),
      { numRuns: propertyRuns(100) },
    );
    expect(t.logLines.filter((line) => line.includes('"level":50'))).toEqual([]);
  });
});

function seldom<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
  return fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });
}

/** Returns the query part of a URL. Text values are used unchanged, other values as JSON. */
function queryOf(query: unknown): string {
  if (typeof query !== 'object' || query === null) return '';
  const pairs = Object.entries(query).map(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return `${encodeURIComponent(name.toWellFormed())}=${encodeURIComponent(text.slice(0, 2000).toWellFormed())}`;
  });
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

/** Replaces `waitSeconds` by 0, because the test clock does not advance and a waiting call would never return. */
function impatient(body: unknown): unknown {
  const isPatient =
    typeof body === 'object' && body !== null && 'waitSeconds' in body && typeof body.waitSeconds === 'number';
  return isPatient ? { ...body, waitSeconds: 0 } : body;
}
