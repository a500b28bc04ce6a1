// Tests the MCP server with clients of both protocol versions and with third-party clients.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { StdioClientTransport as OldStdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { McpClient } from './support/mcp-client.ts';
import { modernMcpClient, modernMcpOverHttp } from './support/modern-mcp-client.ts';
import { credential, startTestServer, type Answer, type Caller, type TestServer } from './support/test-server.ts';

const command = resolve(import.meta.dirname, '../../cli/src/main.ts');
const conformance = resolve(
  import.meta.dirname,
  '../../../node_modules/@modelcontextprotocol/conformance/dist/index.js',
);
const envelope = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'by-hand', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

describe('the MCP server', () => {
  let t: TestServer;
  beforeAll(async () => {
    t = await startTestServer();
  });
  afterAll(async () => {
    await t.close();
  });

  const send = (method: string, params: unknown, headers: Record<string, string>): Promise<Answer> =>
    t.call('POST', '/mcp', { json: { jsonrpc: '2.0', id: 1, method, params }, headers });
  const stdioOf = async (as: Caller) => ({
    command: process.execPath,
    args: [command, 'mcp'],
    env: {
      PATH: process.env['PATH'] ?? '',
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '',
      PROOFHOUSE_URL: `http://127.0.0.1:${await t.listen()}`,
      PROOFHOUSE_TOKEN: (credential(as)['authorization'] ?? '').replace('Bearer ', ''),
    },
  });
  const held = async () => {
    const { worker, job, lease } = await t.running();
    return { worker, jobId: job.id, leaseId: lease };
  };

  it.each(['over HTTP', 'on standard input'])('serves a client of the 2026-07-28 line %s', async (where) => {
    const { worker, jobId, leaseId } = await held();
    const client =
      where === 'over HTTP'
        ? await modernMcpOverHttp(t, worker)
        : await modernMcpClient(new StdioClientTransport(await stdioOf(worker)));
    expect(client.getNegotiatedProtocolVersion()).toBe('2026-07-28');
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toContain('queue_note');
    const noted = await client.callTool({ name: 'queue_note', arguments: { jobId, leaseId, message: 'half way' } });
    expect(noted.structuredContent).toMatchObject({ events: [{ message: 'half way', kind: 'note' }] });
    const lost = await client.callTool({ name: 'queue_complete', arguments: { jobId, leaseId: 'gone' } });
    expect([lost.isError, lost.structuredContent]).toEqual([true, expect.objectContaining({ code: 'lease_lost' })]);
    await client.close();
  });

  it.each([
    ['JSON alone', 'application/json', 'application/json'],
    ['anything', '*/*', 'application/json'],
    ['events and JSON', 'text/event-stream, application/json', 'application/json'],
    ['an event stream alone', 'text/event-stream', 'text/event-stream'],
    ['JSON with quality 0', 'application/json;q=0, text/event-stream', 'text/event-stream'],
  ])('answers a client that accepts %s', async (_what, accept, type) => {
    for (const headers of [{ accept }, { accept, 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' }]) {
      const isModern = 'mcp-method' in headers;
      const answer = await send('tools/list', isModern ? { _meta: envelope } : {}, headers);
      expect([answer.status, answer.headers['content-type']]).toEqual([200, expect.stringContaining(type)]);
      expect(answer.text).toContain('queue_claim');
    }
  });

  it('takes null instead of arguments, and instead of one argument, as none', async () => {
    for (const accept of ['application/json', 'text/event-stream']) {
      const answer = await send('tools/call', { name: 'queue_list', arguments: null }, { accept });
      expect(answer.text).toContain('nextCursor');
    }
    const args = { type: 'exec', affinityKey: null, payload: null, requiredCapabilities: null, idempotencyKey: null };
    for (const client of [
      await McpClient.overHttp(t),
      await new McpClient(new OldStdioClientTransport(await stdioOf('admin'))).connect(),
    ]) {
      expect((await client.call('queue_enqueue', args)).json).toMatchObject({ status: 'queued', payload: {} });
      expect((await client.call('queue_get', { jobId: null })).json).toMatchObject({
        code: 'invalid_request',
        errors: [{ path: 'jobId', message: 'is required' }],
      });
      await client.close();
    }
  });

  const broken: readonly [string, string, unknown][] = [
    ['a name that is a number', 'tools/call', { name: 5 }],
    ['no parameters', 'tools/call', undefined],
    ['arguments that are a list', 'tools/call', { name: 'queue_list', arguments: [1] }],
    ['an unknown tool', 'tools/call', { name: 'no_such_tool' }],
    ['an initialization without its fields', 'initialize', {}],
    ['a cursor that is a number', 'tools/list', { cursor: 7 }],
  ];

  it.each(broken)('says what is wrong with %s in one plain line', async (_what, method, params) => {
    const modern = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method };
    const answers = [
      await send(method, params, {}),
      await send(method, params, { accept: 'text/event-stream' }),
      await send(method, { ...(params ?? {}), _meta: envelope }, modern),
    ];
    const [json] = answers;
    expect(json?.json.error.code).toBeLessThan(0);
    for (const { text } of answers) expectPlain(text);

    const child = spawn(process.execPath, [command, 'mcp'], { env: (await stdioOf('admin')).env });
    child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })}\n`);
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    child.stdin.end();
    await once(child, 'exit');
    expectPlain(line.toString());
    expect(JSON.parse(line.toString())).toMatchObject({ error: { code: json?.json.error.code } });
  });

  it('describes every argument in a list below 16 kB, without alternatives of types', async () => {
    const { text, json } = await send('tools/list', {}, {});
    expect(Buffer.byteLength(text)).toBeLessThan(16_000);
    for (const { name, inputSchema } of json.result.tools) {
      for (const [argument, schema] of Object.entries<Record<string, unknown>>(inputSchema.properties)) {
        expect(schema['description'], `${name} ${argument}`).toMatch(/\S/);
      }
      expect(JSON.stringify(inputSchema)).not.toMatch(/"type":\[|"type":"null"|"anyOf"/);
    }
  });

  it('wants the lease where a call ends or records an attempt', async () => {
    const { worker, jobId, leaseId } = await held();
    const mcp = await McpClient.overHttp(t, worker);
    for (const [tool, args] of [
      ['queue_complete', {}],
      ['queue_fail', { errorMessage: 'x' }],
      ['queue_note', { message: 'x' }],
    ] as const) {
      const refused = await mcp.call(tool, { jobId, ...args });
      expect(refused.json).toMatchObject({ code: 'invalid_request', errors: [{ path: 'leaseId' }] });
    }
    expect((await mcp.call('queue_complete', { jobId, leaseId })).json.status).toBe('succeeded');
    await mcp.close();
  });

  it('puts a failed job back into the queue for an operator only', async () => {
    const { worker, jobId, leaseId } = await held();
    const [admin, mcp] = [await McpClient.overHttp(t), await McpClient.overHttp(t, worker)];
    await mcp.call('queue_fail', { jobId, leaseId, errorMessage: 'no disk' });
    expect((await mcp.call('queue_retry', { jobId })).json.code).toBe('forbidden');
    expect((await admin.call('queue_retry', { jobId })).json).toMatchObject({ status: 'queued', attempt: 2 });
    expect((await admin.call('queue_retry', { jobId })).json.code).toBe('job_state_conflict');
    await Promise.all([admin.close(), mcp.close()]);
  });

  it('uploads a local file on standard input, and says which one cannot be read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mcp-upload-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'large.bin');
    await writeFile(file, Buffer.alloc(1_000_000, 'x'));
    const { worker, jobId, leaseId } = await held();
    const mcp = await new McpClient(new OldStdioClientTransport(await stdioOf(worker))).connect();
    const upload = { jobId, leaseId, name: 'large.bin' };
    const kept = await mcp.call('queue_upload_artifact', { ...upload, path: file });
    expect(kept.json.artifact).toMatchObject({ name: 'large.bin', sizeBytes: 1_000_000 });
    const missing = await mcp.call('queue_upload_artifact', { ...upload, path: join(folder, 'none') });
    expect(missing).toMatchObject({ isError: true, json: { code: 'invalid_request' } });
    const aFolder = await mcp.call('queue_upload_artifact', { ...upload, path: folder });
    expect(aFolder).toMatchObject({ isError: true, json: { code: 'invalid_request' } });
    const both = await mcp.call('queue_upload_artifact', { ...upload, path: file, text: 'x' });
    expect(both.json.errors).toEqual([{ path: 'path', message: 'excludes text and base64' }]);
    expect(await t.artifacts(jobId)).toHaveLength(1);
    await mcp.close();
    const http = await McpClient.overHttp(t, worker);
    expect((await http.call('queue_upload_artifact', { ...upload, path: file })).json.errors[0].path).toBe('path');
    await http.close();
  });

  it('takes an idempotency key on standard input and through the client, and does the call once', async () => {
    const mcp = await new McpClient(new OldStdioClientTransport(await stdioOf('admin'))).connect();
    const key = { type: 'exec', idempotencyKey: t.unique('key') };
    const [first, second] = [await mcp.call('queue_enqueue', key), await mcp.call('queue_enqueue', key)];
    expect([first.isError, second.json.id]).toEqual([false, first.json.id]);
    const other = await mcp.call('queue_enqueue', { ...key, priority: 1 });
    expect(other.json.code).toBe('idempotency_conflict');
    await mcp.close();
  });

  it('refuses on standard input what would come back changed, and answers what is no message', async () => {
    const job = await t.enqueue();
    const child = spawn(process.execPath, [command, 'mcp'], { env: (await stdioOf('admin')).env });
    const call = (id: number, payload: string): string =>
      `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"queue_enqueue","arguments":{"type":"exec","payload":${payload}}}}`;
    const lines = [
      call(1, '{"a":9007199254740993}'),
      call(2, '{"a":1e-400}'),
      call(3, '{"a":1,"a":2}'),
      '{',
      '[{"jsonrpc":"2.0","id":5,"method":"ping"}]',
      '{"jsonrpc":"2.0","id":6,"method":5}',
      `{"jsonrpc":"2.0","id":7,"method":"ping"}`,
    ];
    child.stdin.write(`${lines.join('\n')}\n`);
    child.stdin.write(Buffer.from(`{"jsonrpc":"2.0","id":8,"method":"\xff"}\n`, 'latin1'));
    const answers: { id: number | null; error?: { code: number }; result?: { isError?: boolean } }[] = [];
    for await (const piece of child.stdout as AsyncIterable<Buffer>) {
      answers.push(
        ...piece
          .toString()
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as never),
      );
      if (answers.length === 5) child.stdin.end();
    }
    const of = (id: number) => answers.find((answer) => answer.id === id);
    for (const id of [1, 2, 3]) expect(of(id)?.result).toMatchObject({ isError: true });
    expect(of(6)?.error?.code).toBe(-32600);
    expect(of(7)).toMatchObject({ result: {} });
    // Only the messages with the ids 1, 2, 3, 6 and 7 get an answer. The other messages are batches or cannot be
    // parsed, so they have no id for an answer.
    expect(answers).toHaveLength(5);
    expect((await t.get('/api/queue/jobs?limit=1')).json.items[0].id).toBe(job.id);
  });

  it('refuses subscriptions, since it sends no messages of its own', async () => {
    const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' };
    const params = { _meta: envelope, notifications: { toolsListChanged: true } };
    const answer = await send('subscriptions/listen', params, headers);
    expect(answer.text).toMatch(/"error"/);
  });
});

it.each(['server-initialize', 'ping', 'tools-list', 'dns-rebinding-protection'])(
  'passes the scenario %s of the protocol’s own conformance tests',
  async (scenario) => {
    const t = await startTestServer({ settings: { auth: 'disabled' } });
    const folder = await mkdtemp(join(tmpdir(), 'mcp-conformance-'));
    try {
      const args = [conformance, 'server', '--url', `http://127.0.0.1:${await t.listen()}/mcp`, '--scenario', scenario];
      const child = spawn(process.execPath, args, { cwd: folder });
      const output = Buffer.concat(await child.stdout.toArray()).toString();
      const [code] = child.exitCode === null ? ((await once(child, 'exit')) as [number]) : [child.exitCode];
      expect(output).toMatch(/0 failed/);
      expect(code).toBe(0);
    } finally {
      await t.close();
      await rm(folder, { recursive: true, force: true });
    }
  },
);

function expectPlain(text: string): void {
  for (const dumped of ['\\n', 'invalid_type', 'received', '"path']) expect(text).not.toContain(dumped);
  expect(text).toMatch(/"message":"[A-Z][^"]+"/);
}
