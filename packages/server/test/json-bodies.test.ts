// Tests that JSON in a request is either stored unchanged, or refused with the path of the refused value. /api, /v0 and
// MCP must behave the same.
import { expect, it } from 'vitest';
import { forAnyStore } from './support/for-each-store.ts';
import { fieldsAndFile, formBody, formType } from './support/form.ts';
import { head, sendRaw } from './support/raw-socket.ts';
import { adminToken } from './support/test-server.ts';
import { WireExperiment } from './support/wire-experiment.ts';

const json = { 'content-type': 'application/json' };

/** JSON values that the server could not return unchanged. */
const changed = [
  '3889108265204450030',
  '-9007199254740993',
  '1e400',
  '1e-400',
  '"\\ud800"',
  '{"a":1,"a":2}',
  '{"\\udc00":1}',
] as const;

const kept: Readonly<Record<string, unknown>> = {
  '1.0': 1,
  '1e2': 100,
  '0.1': 0.1,
  '9007199254740992': 2 ** 53,
  '"\\ud83d\\ude00 \\u0000"': '\u{1F600} \0',
};

forAnyStore('JSON', (harness) => {
  it.each(changed)('%s is refused by its path at every door', async (value) => {
    const t = harness();
    const { job, worker, lease } = await t.running();
    const asWorker = { ...json, 'proofhouse-lease': lease };
    const before = (await t.get('/api/queue/jobs?limit=200')).json.items.length as number;
    const enqueue = await t.call('POST', '/api/queue/jobs', {
      payload: `{"type":"exec","payload":{"deep":[${value}]}}`,
      headers: json,
    });
    expect(enqueue, value).toMatchObject({ status: 422, json: { code: 'invalid_request' } });
    expect(enqueue.json.errors[0].path).toMatch(/^payload\.deep\.0/);
    const event = await t.call('POST', `/api/queue/jobs/${job.id}/events`, {
      as: worker,
      payload: `{"message":"m","payload":{"x":${value}}}`,
      headers: asWorker,
    });
    expect(event.json.errors[0].path).toMatch(/^payload\.x/);
    const tool = await t.call('POST', '/mcp', {
      payload: `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"queue_enqueue","arguments":{"type":"exec","payload":{"x":${value}}}}}`,
      headers: { ...json, accept: 'application/json, text/event-stream' },
    });
    expect(tool.json.result, value).toMatchObject({ isError: true, structuredContent: { code: 'invalid_request' } });
    expect(tool.json.result.structuredContent.errors[0].path).toMatch(/^payload\.x/);
    const form = await t.call('POST', `/api/queue/jobs/${job.id}/artifacts/upload`, {
      payload: formBody(fieldsAndFile({ name: 'a', metadata: `{"x":${value}}` })),
      headers: { 'content-type': formType },
    });
    expect(form.status).toBe(422);
    expect(form.json.errors[0].path).toMatch(/^metadata\.x/);
    const experiment = await WireExperiment.make(t);
    const labels = await experiment.call('POST', '/workers', { payload: `{"labels":{"x":${value}}}`, headers: json });
    expect(labels).toMatchObject({ status: 400, json: { type: 'eden://error/bad-request' } });
    expect((await t.get('/api/queue/jobs?limit=200')).json.items).toHaveLength(before);
  });

  it('that can be kept comes back with the same values', async () => {
    const t = harness();
    for (const [text, value] of Object.entries(kept)) {
      if (text.includes('u0000')) continue;
      const made = await t.call('POST', '/api/queue/jobs', {
        payload: `{"type":"exec","payload":{"x":${text}}}`,
        headers: json,
      });
      expect(made, text).toMatchObject({ status: 201 });
      expect((await t.job(made.json.id as string)).payload).toEqual({ x: value });
    }
  });

  it('that is not UTF-8 is 400, and so are a query and a path that are not', async () => {
    const t = harness();
    const port = await t.listen();
    for (const bytes of ['\xff', '\xc3\x28', '\xed\xa0\x80', '\xc0\xaf', '\xf5\x80\x80\x80']) {
      const payload = Buffer.from(`{"type":"exec","payload":{"x":"${bytes}"}}`, 'latin1');
      expect((await t.call('POST', '/api/queue/jobs', { payload, headers: json })).json).toMatchObject({
        code: 'bad_request',
      });
    }
    const admin = { Host: 'localhost', Authorization: `Bearer ${adminToken}` };
    const job = await t.enqueue();
    for (const target of [
      `/api/queue/jobs/${job.id}/artifacts?name=%ff`,
      `/api/queue/jobs/${job.id}/artifacts?name=%zz`,
      `/api/queue/jobs/${job.id}/artifacts?name=\xe9`,
      `/api/queue/jobs/%ff`,
      `/api/queue/jobs/\xe9`,
    ]) {
      const answer = await sendRaw(port, Buffer.from(head(`GET ${target} HTTP/1.1`, admin), 'latin1'));
      expect(answer, target).toMatchObject({ status: 400, reset: false });
    }
    const put = `PUT /api/queue/jobs/${job.id}/artifacts/a HTTP/1.1`;
    const keyed = head(put, { ...admin, 'Idempotency-Key': '\xff\xfe', 'Content-Length': 1 });
    expect([400, 422]).toContain((await sendRaw(port, Buffer.from(`${keyed}x`, 'latin1'))).status);
    expect(await t.artifacts(job.id)).toEqual([]);
  });

  it.each(['utf-16', 'iso-8859-1', 'nonsense'])('said to be %s is 415', async (charset) => {
    const headers = { 'content-type': `application/json; charset=${charset}` };
    expect((await harness().call('POST', '/api/queue/jobs', { payload: '{"type":"exec"}', headers })).status).toBe(415);
  });

  it.each(['utf-8', 'UTF-8', '"utf8"', 'us-ascii'])('said to be %s is taken', async (charset) => {
    const headers = { 'content-type': `application/json; charset=${charset}` };
    expect((await harness().call('POST', '/api/queue/jobs', { payload: '{"type":"exec"}', headers })).status).toBe(201);
  });
});
