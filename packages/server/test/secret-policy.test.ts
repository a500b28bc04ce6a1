// Tests the secret policy for every call that stores text: which calls are refused, and which records
// get findings. Also tests that no secret is stored in the database, the blobs, the job view or the log.
import { describe, expect, it } from 'vitest';
import { forAnyStore, forEachStore } from './support/for-each-store.ts';
import { expectNowhere } from './support/expect-nowhere.ts';
import { McpClient } from './support/mcp-client.ts';
import { byteDoors, everyDoor, lineDoors, textDoors } from './support/secret-doors.ts';
import { githubToken, secretSamples, usualSamples, type SecretSample } from './support/secret-samples.ts';
import type { Answer, TestServer } from './support/test-server.ts';

forAnyStore(
  'the policy reject',
  (harness) => {
    it.each(Object.entries(everyDoor))('refuses a secret in %s and stores nothing', async (name, door) => {
      const t = harness();
      const secret = githubToken(1);
      const files = t.files().length;
      const answer = await door(t, name in lineDoors ? secret : `the token is ${secret}`);
      expect(answer.status, answer.text).toBe(422);
      if (answer.json.code !== undefined) {
        expect(answer.json).toMatchObject({ code: 'secret_found', rule: 'github-token' });
        expect(answer.json.offset).toEqual(expect.any(Number));
      }
      expect(answer.json.detail).toContain('github-token');
      expect(answer.text).not.toContain(secret);
      expect(t.files()).toHaveLength(files);
      expectNowhere(t, [secret]);
    });

    it('stores everything else', async () => {
      const t = harness();
      for (const [name, door] of Object.entries(everyDoor)) {
        const answer = await door(t, 'plain-text');
        expect([200, 201], `${name}: ${answer.text}`).toContain(answer.status);
      }
    });

    it('names the field and the offset of each secret', async () => {
      const t = harness();
      const [first, second] = [githubToken(2), githubToken(3)];
      const items = [{ type: 'exec', payload: { a: first, b: second } }, { type: 'exec' }];
      const batch = await t.post('/api/queue/jobs/batch', { items });
      const at = JSON.stringify(items[0]?.payload).indexOf(first);
      expect(batch.json).toMatchObject({ code: 'secret_found', rule: 'github-token', offset: at });
      expect(batch.json.errors).toMatchObject([{ path: 'items.0.payload' }, { path: 'items.0.payload' }]);
      const put = await t.put((await t.enqueue()).id, { name: 'a', file: `abc ${first}` });
      expect(put.json).toMatchObject({ offset: 4, errors: [{ path: 'content' }] });
      expectNowhere(t, [first, second]);
    });

    it('refuses a repetition with the same idempotency key in the same way', async () => {
      const t = harness();
      const headers = { 'idempotency-key': 'again' };
      const job = await t.enqueue();
      const { job: held, worker, lease } = await t.running();
      const bad = `token ${githubToken(4)}`;
      const event = { ...headers, 'proofhouse-lease': lease };
      const calls = [
        () => t.put(job.id, { name: 'again', file: bad, headers }),
        () => t.post('/api/queue/jobs', { type: 'exec', payload: { bad } }, 'admin', headers),
        () => t.post(`/api/queue/jobs/${held.id}/events`, { message: bad }, worker, event),
      ];
      for (const call of calls) {
        for (const time of ['first', 'second']) {
          expect(await call(), time).toMatchObject({ status: 422, json: { code: 'secret_found' } });
        }
      }
      // A refused call does not store its idempotency key, so this call can use the same key.
      expect((await t.put(job.id, { name: 'again', file: 'plain', headers })).status).toBe(201);
    });

    it('refuses a secret in the result of one job of a batch and completes the others', async () => {
      const t = harness();
      const worker = await t.worker();
      const items = [];
      for (const resultSummary of ['fine', githubToken(5)]) {
        await t.enqueue({ priority: 1_000_000 });
        const job = await t.claim(worker);
        items.push({ jobId: job?.id, leaseId: job?.leaseId, resultSummary });
      }
      const answer = await t.post('/api/queue/jobs/complete-batch', { items }, worker);
      expect(answer.json.results).toMatchObject([
        { job: { status: 'succeeded' } },
        { error: { code: 'secret_found', rule: 'github-token' } },
      ]);
    });

    it('refuses a secret in a text with a byte that is not valid in its encoding, before or after the secret', async () => {
      const t = harness();
      const { id } = await t.enqueue();
      const secret = Buffer.from(`token ${githubToken(7)}\n`);
      const utf16 = Buffer.from(`\ufefftoken ${githubToken(7)}\n`, 'utf16le');
      const files = t.files().length;
      for (const before of ['', 'a line of text\n'.repeat(1000)]) {
        const texts = [
          [Buffer.from(before), Buffer.of(0xff), secret],
          [Buffer.from(before), secret, Buffer.of(0xff)],
          [secret, Buffer.from(before), Buffer.from('caf\u00e9', 'latin1')],
          [utf16, Buffer.from(before, 'utf16le'), Buffer.of(0x61)],
        ];
        for (const text of texts) expect((await t.put(id, { name: 'a', file: Buffer.concat(text) })).status).toBe(422);
      }
      expect(t.files()).toHaveLength(files);
      expectNowhere(t, [githubToken(7)]);
    });

    it('accepts a token whose checksum is wrong', async () => {
      const t = harness();
      const wrong = githubToken(6).slice(0, -1) + '_';
      expect((await t.put((await t.enqueue()).id, { name: 'a', file: wrong })).status).toBe(201);
    });
  },
  { settings: { secretPolicy: 'reject' } },
);

forAnyStore(
  'the policy reject, with every documented secret format',
  (harness) => {
    const samples = secretSamples('structured');

    it.each(usualSamples())('refuses $rule at every door', async (sample) => {
      const t = harness();
      for (const [name, door] of Object.entries({ ...byteDoors, ...textDoors })) {
        await expectRefusal(name, sample, await door(t, sample.text));
      }
    });

    it('refuses it in bytes, payloads and events', async () => {
      const t = harness();
      const { id } = await t.enqueue();
      const { job, worker, lease } = await t.running();
      const headers = { 'proofhouse-lease': lease };
      for (const sample of samples) {
        const { text } = sample;
        await expectRefusal('put', sample, await t.put(id, { name: 'a', file: text }));
        await expectRefusal('payload', sample, await t.post('/api/queue/jobs', { type: 'exec', payload: { text } }));
        const event = await t.post(`/api/queue/jobs/${job.id}/events`, { message: text }, worker, headers);
        await expectRefusal('event', sample, event);
      }
    });

    it('refuses bytes in which the context or the name of a value says that it is a secret', async () => {
      const t = harness();
      const { id } = await t.enqueue();
      const others = [...secretSamples('context'), ...secretSamples('generic')];
      expect(others.length).toBeGreaterThan(15);
      for (const sample of others) {
        await expectRefusal('put', sample, await t.put(id, { name: 'a', file: sample.text }));
      }
    });

    it('leaves no value of these secrets anywhere', () => {
      const t = harness();
      expectNowhere(
        t,
        samples.map(({ secret }) => secret),
      );
    });
  },
  { settings: { secretPolicy: 'reject' } },
);

async function expectRefusal(name: string, { rule, secret }: SecretSample, answer: Answer): Promise<void> {
  expect(answer.status, `${rule}, ${name}: ${answer.text}`).toBe(422);
  expect(answer.json.detail, name).toMatch(/contains a secret \(\S+\) at byte \d+/);
  expect(answer.text, name).not.toContain(secret);
}

forEachStore('the policy flag', (harness) => {
  it.each(Object.keys({ ...byteDoors, ...lineDoors }))('stores a secret in %s and marks its record', async (name) => {
    const t = harness();
    const token = githubToken(7);
    const answer = await everyDoor[name]!(t, token);
    expect(answer.status, answer.text).toBe(201);
    const field = { title: 'title', 'title of a PUT': 'title', tags: 'tags.1', name: 'name' }[name];
    const known = field ?? (name === 'filename of a deposit' ? 'filename' : name === 'affinityKey' ? name : 'content');
    const offset = known === 'name' ? 'folder/'.length : 0;
    const record = answer.json.status === 'queued' ? answer.json : await artifactOf(t, answer);
    expect(record.findings).toEqual({
      version: 1,
      secrets: [{ field: known, rule: 'github-token', offset }],
      omitted: 0,
      unscanned: [],
    });
    expect(JSON.stringify(record.findings)).not.toContain(token);
  });

  it('marks a job for its payload, its events and its end, in order', async () => {
    const t = harness();
    const token = githubToken(8);
    const { job, worker, lease } = await t.running({ payload: { token_of_payload: token } });
    const headers = { 'proofhouse-lease': lease };
    const post = (call: string, json: object) => t.post(`/api/queue/jobs/${job.id}/${call}`, json, worker, headers);
    const payload = { note: token };
    await post('events', { events: [{ message: 'nothing' }, { message: `m ${token}`, payload }] });
    await post('events', { message: 'nothing' });
    const { json } = await post('complete', { resultSummary: token, finishOutcomeReason: token });
    const rule = 'github-token';
    const inPayload = JSON.stringify(job.payload).indexOf(token);
    expect(json.findings.secrets).toEqual([
      { field: 'payload', rule, offset: inPayload },
      { field: 'events.4.message', rule, offset: 2 },
      { field: 'events.4.payload', rule, offset: JSON.stringify(payload).indexOf(token) },
      { field: 'resultSummary', rule, offset: 0 },
      { field: 'finishOutcomeReason', rule, offset: 0 },
    ]);
    expect((await t.job(job.id)).findings).toEqual(json.findings);
    expect((await t.get('/api/queue/jobs?limit=5')).json.items[0].findings).toEqual(json.findings);
  });

  it.each(['errorMessage', 'acknowledgement', 'reason', 'finishSummary object'])('marks a job for %s', async (name) => {
    const t = harness();
    const answer = await textDoors[name]!(t, githubToken(9));
    expect(answer.json.findings.secrets, answer.text).toMatchObject([{ rule: 'github-token' }]);
  });

  it('marks each job of a batch by itself, and a repetition answers with the same marks', async () => {
    const t = harness();
    const items = [{ type: 'exec' }, { type: 'exec', payload: { a: githubToken(1) } }];
    const send = () => t.post('/api/queue/jobs/batch', { items }, 'admin', { 'idempotency-key': 'marks' });
    const first = await send();
    expect(first.json.results.map(({ job }: { job: { findings: unknown } }) => job.findings)).toMatchObject([
      null,
      { secrets: [{ field: 'payload', rule: 'github-token' }] },
    ]);
    const again = await send();
    expect(again.status).toBe(200);
    expect(again.json.results[1].job.findings).toEqual(first.json.results[1].job.findings);
  });

  it('keeps the marks of a job when it is retried and claimed again', async () => {
    const t = harness();
    const { job, worker, lease } = await t.running();
    const headers = { 'proofhouse-lease': lease };
    await t.post(`/api/queue/jobs/${job.id}/fail`, { errorMessage: githubToken(2) }, worker, headers);
    await t.post(`/api/queue/jobs/${job.id}/retry`);
    const claimed = await t.claim(worker);
    expect(claimed?.id).toBe(job.id);
    expect(claimed?.findings?.secrets).toMatchObject([{ field: 'errorMessage' }]);
  });

  it('finds secrets in UTF-16, and none in binary content', async () => {
    const t = harness();
    const job = await t.enqueue();
    const text = `\ufeffkey ${githubToken(3)}`;
    const wide = Buffer.from(text, 'utf16le');
    const found = await artifactOf(t, await t.put(job.id, { name: 'wide.bin', file: wide }));
    expect(found.findings.secrets).toEqual([{ field: 'content', rule: 'github-token', offset: 10 }]);
    const binary = Buffer.concat([Buffer.of(0), Buffer.from(githubToken(3))]);
    const headers = { 'content-type': 'text/plain' };
    expect((await artifactOf(t, await t.put(job.id, { name: 'b.txt', file: binary, headers }))).findings).toBeNull();
  });

  it('finds secrets that large uploads and payloads contain', async () => {
    const t = harness();
    const job = await t.enqueue();
    const filler = 'a line of text\n'.repeat(20_000);
    const file = `${filler}${githubToken(4)}\n${filler}`;
    for (const answer of [await t.put(job.id, { name: 'l', file }), await t.upload(job.id, { name: 'm', file })]) {
      const { findings } = await artifactOf(t, answer);
      expect(findings.secrets).toEqual([{ field: 'content', rule: 'github-token', offset: filler.length }]);
    }
    const text = `${filler.slice(0, 100_000)} ${githubToken(4)}`;
    const made = await t.post('/api/queue/jobs', { type: 'exec', payload: { text } });
    expect(made.json.findings.secrets).toEqual([
      { field: 'payload', rule: 'github-token', offset: JSON.stringify({ text }).indexOf('ghp_') },
    ]);
  });

  it('marks an upload through MCP', async () => {
    const t = harness();
    const mcp = await McpClient.overHttp(t);
    const job = await t.enqueue();
    const args = { jobId: job.id, name: 'a.txt', text: `x ${githubToken(5)}` };
    const { json } = await mcp.call('queue_upload_artifact', args);
    const { findings } = (await t.get(`/api/artifacts/${json.artifact.id as string}`)).json.artifact;
    expect(findings.secrets).toMatchObject([{ field: 'content', offset: 2 }]);
    await mcp.close();
  });

  it('masks a secret of a path in the log', async () => {
    const t = harness();
    const token = githubToken(6);
    await t.put((await t.enqueue()).id, { name: `${token}.txt` });
    await t.get(`/api/queue/jobs/${token}`);
    expect(t.logLines.join('')).not.toContain(token);
  });
});

async function artifactOf(t: TestServer, answer: Answer) {
  if (typeof answer.json.artifacts_uri !== 'string') {
    return (await t.get(`/api/artifacts/${answer.json.id as string}`)).json.artifact;
  }
  const { artifacts } = (await t.get('/api/artifacts?limit=20')).json;
  return artifacts.find(({ uri }: { uri: string }) => uri === answer.json.artifacts_uri);
}

forAnyStore(
  'the policy off',
  (harness) => {
    it('scans nothing', async () => {
      const t = harness();
      for (const name of ['put', 'payload', 'title']) {
        const answer = await everyDoor[name]!(t, githubToken(1));
        expect(answer.status).toBe(201);
        const record = name === 'payload' ? answer.json : await artifactOf(t, answer);
        expect(record.findings).toBeNull();
      }
    });
  },
  { settings: { secretPolicy: 'off' } },
);

describe('metadata, under every policy', () => {
  for (const secretPolicy of ['off', 'flag', 'reject'] as const) {
    forAnyStore(
      `policy ${secretPolicy}`,
      (harness) => {
        it.each([
          ['a key that names a secret', { build: { apiKey: 'x' } }, 'metadata.build.apiKey'],
          ['a secret as value', { list: ['fine', githubToken(1)] }, 'metadata.list.1'],
          ['a secret as key', { [githubToken(1)]: 1 }, 'metadata.…'],
          ['a signed URL', { from: 'https://h.example/a?X-Amz-Signature=abc' }, 'metadata.from'],
        ])('with %s is refused with its path', async (_name, metadata, at) => {
          const t = harness();
          const fields = { metadata: JSON.stringify(metadata) };
          const files = t.files().length;
          const answer = await t.upload((await t.enqueue()).id, { name: 'a', fields });
          expect(answer).toMatchObject({ status: 422, json: { code: 'storage_policy', errors: [{ path: at }] } });
          expect(answer.text).not.toContain(githubToken(1));
          expect(t.files()).toHaveLength(files);
        });
      },
      { settings: { secretPolicy } },
    );
  }
});
