// Compares the OpenAPI document with the answers of the server, for each operation. The tests of other files contribute
// too: support/described-answer.ts validates every answer that `TestServer` receives.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operations, type Operation, type OperationId } from '@proofhouse/core';
import { openApiDocument } from '../src/http/openapi/openapi.ts';
import { describedOperation, expectDescribed } from './support/described-answer.ts';
import { EventStreamReader } from './support/event-stream-reader.ts';
import { operationSamples, type Sample } from './support/operation-samples.ts';
import { startTestServer, type Answer, type CallOptions, type TestServer } from './support/test-server.ts';
import { wireAdmin, WireExperiment } from './support/wire-experiment.ts';

let t: TestServer;
let experiment: WireExperiment;
let samples: ReturnType<typeof operationSamples>;
beforeAll(async () => {
  t = await startTestServer();
  experiment = await WireExperiment.make(t);
  samples = operationSamples(t, experiment);
});
afterAll(() => t.close());

const rows = Object.entries(operations) as [OperationId, Operation][];
const select = (which: (row: Operation) => boolean): [OperationId, Operation][] => rows.filter(([, row]) => which(row));

function urlOf(row: Operation, { path = {}, query = '' }: Sample): string {
  const given: Readonly<Record<string, string>> = { experimentId: experiment.id, ...path };
  return row.path.replaceAll(/\{\+?(\w+)\}/g, (_, name: string) => given[name] ?? '') + query;
}

/** Makes the call. `TestServer` validates the answer against the OpenAPI document. */
async function call(row: Operation, sample: Sample, headers: CallOptions['headers'] = {}): Promise<Answer> {
  const frame = row.door === 'v0' ? { 'x-eden-experiment-id': experiment.id } : {};
  const as = sample.as ?? (row.door === 'v0' ? wireAdmin : 'admin');
  const { json, payload } = sample;
  const body = json === undefined ? (payload === undefined ? {} : { payload }) : { json };
  return t.call(row.method, urlOf(row, sample), { as, ...body, headers: { ...frame, ...sample.headers, ...headers } });
}

interface DescribedRequest {
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly required?: boolean }[];
  readonly requestBody?: { readonly required?: boolean; readonly content: object };
  readonly responses: object;
}

function requestOf(row: Operation): DescribedRequest {
  return describedOperation(row.method, urlOf(row, {}).replaceAll('//', '/x/').replace(/\/$/, '/x')) as never;
}

it('what is sent has no other fields than the document says; answers may, but on /v0', () => {
  const { schemas } = openApiDocument().components ?? {};
  expect(schemas?.['CreateJob']).toHaveProperty('additionalProperties', false);
  expect(schemas?.['Job']).not.toHaveProperty('additionalProperties');
  expect(schemas?.['WireWorker']).toMatchObject({
    additionalProperties: false,
    properties: { labels: { additionalProperties: { type: 'string' } } },
  });
});

describe('each operation', () => {
  it.each(select((row) => row.response !== 'sse'))('%s succeeds as its entry says', async (id, row) => {
    const answer = await call(row, await samples[id]());
    expect(answer, answer.text).toMatchObject({ status: row.status });
    // The parser removes members that are not in the schema. So this comparison fails if the answer has an undocumented
    // member.
    if (row.response === 'json') expect(row.output.parse(answer.json)).toEqual(answer.json);
    if (row.method === 'GET')
      expect((await call({ ...row, method: 'HEAD' as 'GET' }, await samples[id]())).status).toBe(200);
  });

  it.each(select((row) => row.response === 'sse'))('%s is a stream of events', async (id, row) => {
    const path = urlOf(row, await samples[id]());
    const reader = await EventStreamReader.open(t, path);
    const { statusCode: status = 0, headers } = reader.answer;
    expect(headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expectDescribed('GET', path, { status, headers: headers as Record<string, string>, json: undefined });
    reader.close();
  });

  it.each(select((row) => row.request !== 'none'))(
    '%s says whether it can be called without a body',
    async (id, row) => {
      const { json: _, payload: __, ...sample } = await samples[id]();
      const { status, json } = await call(row, sample);
      const { requestBody } = requestOf(row);
      // Operations whose body is bytes are excluded, because an empty body is a valid upload.
      if (row.request !== 'bytes') expect(status >= 400, JSON.stringify(json)).toBe(requestBody?.required === true);
      expect(requestBody?.required).toBe(row.request !== 'json' || status >= 400);
    },
  );

  it.each(select((row) => row.repeatStatus !== undefined))('%s answers a repeated key as it says', async (id, row) => {
    const sample = await samples[id]();
    const headers = { 'idempotency-key': t.unique('key') };
    expect((await call(row, sample, headers)).status).toBe(row.status);
    expect((await call(row, sample, headers)).status).toBe(row.repeatStatus);
  });

  it.each(select((row) => row.response === 'bytes'))('%s answers ranges and conditions', async (id, row) => {
    const sample = await samples[id]();
    const { etag } = (await call(row, sample)).headers;
    expect((await call(row, sample, { range: 'bytes=1-2' })).text).toBe('yt');
    expect((await call(row, sample, { 'if-none-match': etag })).status).toBe(304);
    expect((await call(row, sample, { range: 'bytes=1-2', 'if-range': '"other"' })).status).toBe(200);
    expect((await call(row, sample, { range: 'bytes=99-' })).status).toBe(416);
  });
});

// Invalid header values. Each is sent to every operation. If an operation refuses the value, it reads the header, so
// the OpenAPI document must list the header for this operation.
const refused = {
  'proofhouse-lease': 'two words',
  'idempotency-key': 'two words',
  'content-digest': 'sha-256=nothing',
  'repr-digest': 'sha-256=nothing',
  digest: 'nothing',
  'content-md5': 'nothing',
  'if-match': 'nothing',
  'last-event-id': 'seven',
  'x-eden-experiment-id': 'exp_other',
} as const;

describe('headers of requests', () => {
  it.each(rows)('%s reads those that its entry names, and no other', async (id, row) => {
    const { parameters = [] } = requestOf(row);
    const named = parameters.flatMap((each) => (each.in === 'header' ? [each.name] : []));
    const read: string[] = [];
    for (const [name, value] of Object.entries(refused)) {
      const sample = await samples[id]();
      if (row.response === 'sse' && !named.includes(name)) continue;
      if ((await call(row, sample, { [name]: value })).status >= 400) read.push(name);
    }
    const known = Object.keys(refused);
    expect(read.toSorted()).toEqual(named.filter((name) => known.includes(name)).toSorted());
    const ranges = ['range', 'if-range', 'if-none-match'];
    const others =
      row.response === 'bytes' ? ranges : ['bytes', 'multipart'].includes(row.request) ? ['if-none-match'] : [];
    expect(named.filter((name) => !known.includes(name))).toEqual(others);
  });

  it('credentials of a worker are described under each of their names', async () => {
    const { components } = (await t.get('/api/openapi.json')).json;
    expect(components.securitySchemes).toMatchObject({
      bearer: { type: 'http', scheme: 'bearer' },
      workerToken: { type: 'apiKey', in: 'header', name: 'X-Worker-Token' },
      session: { type: 'apiKey', in: 'cookie', name: 'proofhouse_session' },
    });
  });
});
