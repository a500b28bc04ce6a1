// Tests the MCP bridge of the command line. The bridge offers the tools of the server on standard input and output, and
// calls the API with the client.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { McpClient } from './support/mcp-client.ts';
import { githubToken } from './support/secret-samples.ts';
import { credential, startTestServer, type Caller, type TestServer } from './support/test-server.ts';

const command = resolve(import.meta.dirname, '../../cli/src/main.ts');

describe('proofhouse mcp', () => {
  let t: TestServer;
  beforeAll(async () => {
    t = await startTestServer();
  });
  afterAll(async () => {
    await t.close();
  });

  const env = async (as: Caller): Promise<Record<string, string>> => ({
    PATH: process.env['PATH'] ?? '',
    NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '',
    PROOFHOUSE_URL: `http://127.0.0.1:${await t.listen()}`,
    PROOFHOUSE_TOKEN: (credential(as)['authorization'] ?? '').replace('Bearer ', ''),
  });
  const overStdio = async (as: Caller): Promise<McpClient> =>
    new McpClient(
      new StdioClientTransport({ command: process.execPath, args: [command, 'mcp'], env: await env(as) }),
    ).connect();

  it('offers the tools of the server', async () => {
    const [stdio, http] = [await overStdio('admin'), await McpClient.overHttp(t)];
    const [local, remote] = [(await stdio.client.listTools()).tools, (await http.client.listTools()).tools];
    // The parameter `path` exists only on standard input and output, because only this bridge runs on the machine of
    // the model and can read its files.
    for (const { name, inputSchema } of local) {
      if (name === 'queue_upload_artifact') delete inputSchema.properties?.['path'];
    }
    expect(local).toEqual(remote);
    expect(stdio.client.getInstructions()).toBe(http.client.getInstructions());
    await Promise.all([stdio.close(), http.close()]);
  });

  it("carries a worker's whole life", async () => {
    const capability = t.unique('only');
    const worker = await t.worker({ capabilities: [capability] });
    const [admin, mcp] = [await overStdio('admin'), await overStdio(worker)];
    const made = await admin.call('queue_enqueue', { type: 'exec', requiredCapabilities: [capability] });
    const jobId = made.json.id as string;
    const { job } = (await mcp.call('queue_claim', { waitSeconds: 1 })).json;
    expect(job.id).toBe(jobId);
    const leaseId = job.leaseId as string;
    expect((await mcp.call('queue_heartbeat', { jobId, leaseId, leaseSeconds: 90 })).json.status).toBe('running');
    const uploaded = await mcp.call('queue_upload_artifact', { jobId, leaseId, name: 'out/a.txt', text: 'one\ntwo\n' });
    expect(uploaded.json.artifact).toMatchObject({ name: 'out/a.txt', contentType: 'text/plain' });
    expect((await mcp.call('queue_complete', { jobId, leaseId })).json.status).toBe('succeeded');
    const { items } = (await admin.call('artifact_list', { jobId, name: 'out/a.txt', limit: 1 })).json;
    const read = await admin.call('artifact_read', { jobId, artifactId: items[0].id, grep: 'TWO' });
    expect(read.json.matches).toMatchObject([{ text: 'two', line: 2, before: ['one'] }]);
    expect((await admin.call('queue_get', { jobId })).json.status).toBe('succeeded');
    expect((await admin.call('queue_list', { status: 'succeeded' })).json.items[0].id).toBe(jobId);
    expect((await admin.call('queue_why', { jobId })).json.status).toBe('succeeded');
    const { json: seen } = await t.get('/api/queue/workers');
    expect(seen.items.find((item: { workerId: string }) => item.workerId === worker.id).version).toMatch(
      /^proofhouse-mcp\//,
    );
    await Promise.all([admin.close(), mcp.close()]);
  });

  it('carries refusals as the server says them', async () => {
    const job = await t.enqueue();
    const mcp = await overStdio(await t.worker());
    for (const [tool, args, code] of [
      ['queue_get', {}, 'invalid_request'],
      ['queue_get', { jobId: 'no-such-job' }, 'job_not_found'],
      ['queue_get', { jobId: job.id }, 'forbidden'],
      ['queue_enqueue', { type: 'exec' }, 'forbidden'],
      ['queue_list', { limit: 0 }, 'invalid_request'],
      ['queue_list', { colour: 'red' }, 'invalid_request'],
      ['queue_complete', { jobId: job.id, leaseId: 'gone' }, 'lease_lost'],
      ['queue_fail', { jobId: job.id, errorMessage: ' ' }, 'invalid_request'],
      ['queue_upload_artifact', { jobId: job.id, name: 'a', text: 'x' }, 'job_state_conflict'],
      ['queue_upload_artifact', { jobId: job.id, name: '../a', text: 'x' }, 'invalid_artifact_name'],
      ['queue_upload_artifact', { jobId: job.id, name: 'a' }, 'forbidden'],
    ] as const) {
      expect(await mcp.call(tool, args), `${tool} ${JSON.stringify(args)}`).toMatchObject({
        isError: true,
        json: { code },
      });
    }
    await expect(mcp.client.callTool({ name: 'constructor', arguments: {} })).rejects.toMatchObject({ code: -32602 });
    await mcp.close();
    await expect(overStdio('phw_wrong')).rejects.toThrow();
  });

  it('masks secrets in uploads, events and results, and says so in the answer of an upload', async () => {
    const capability = t.unique('only');
    const worker = await t.worker({ capabilities: [capability] });
    // The job has the highest priority, because a worker may also claim jobs without required capabilities.
    const { id: jobId } = await t.enqueue({ requiredCapabilities: [capability], priority: 1_000_000 });
    const mcp = await overStdio(worker);
    const { leaseId } = (await mcp.call('queue_claim', { waitSeconds: 1 })).json.job;
    const lease = { jobId, leaseId: leaseId as string };
    const secret = githubToken(300);
    const text = `pushes with ${secret}\n`;
    const title = `of ${secret}`;
    const upload = await mcp.call('queue_upload_artifact', { ...lease, name: 'a.txt', text, title });
    expect(upload.text).toContain('Stored 25 bytes as a.txt. Masked in a.txt: github-token 1.');
    expect(upload.json.artifact).toMatchObject({ title: 'of ***MASKED***', sizeBytes: 25 });
    const file = join(t.folder, '..', `${t.unique('mcp-stdio')}.txt`);
    writeFileSync(file, text);
    const ofFile = await mcp.call('queue_upload_artifact', { ...lease, name: 'b.txt', path: file });
    expect(ofFile.text).toContain('Masked in b.txt: github-token 1.');
    rmSync(file);
    const base64 = gzipSync(text).toString('base64');
    const refused = await mcp.call('queue_upload_artifact', { ...lease, name: 'c.gz', base64 });
    expect(refused).toMatchObject({ isError: true, json: { code: 'secret_found' } });
    await mcp.call('queue_note', { ...lease, message: text, payload: { text } });
    await mcp.call('queue_complete', { ...lease, resultSummary: text });
    await mcp.close();
    const events = await t.get(`/api/queue/jobs/${jobId}/events`);
    const job = await t.get(`/api/queue/jobs/${jobId}`);
    const artifacts = await t.get(`/api/queue/jobs/${jobId}/artifacts`);
    expect(job.json.resultSummary).toBe('pushes with ***MASKED***\n');
    for (const answer of [events, job, artifacts]) expect(answer.text).not.toContain(secret);
    expect(events.text).toContain('pushes with ***MASKED***');
    expect(job.json.findings).toBe(null);
  });

  it('explains larger uploads with the address it was given', async () => {
    const job = await t.enqueue();
    const mcp = await overStdio('admin');
    const { json } = await mcp.call('queue_upload_artifact', { jobId: job.id, name: 'a b.txt' });
    expect(json.upload).toMatchObject({
      method: 'PUT',
      url: `http://127.0.0.1:${await t.listen()}/api/queue/jobs/${job.id}/artifacts/a%20b.txt`,
      headers: { Authorization: 'Bearer <your token>' },
    });
    await mcp.close();
  });

  it('writes nothing but the protocol to standard output, takes no job with it, and ends with its input', async () => {
    const capability = t.unique('only');
    const worker = await t.worker({ capabilities: [capability] });
    const child = spawn(process.execPath, [command, 'mcp'], { env: await env(worker) });
    const lines: string[] = [];
    child.stdout.on('data', (chunk: Buffer) => lines.push(...chunk.toString().split('\n').filter(Boolean)));
    const send = (message: object) => child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
    child.stdin.write('this is no message\n');
    send({ id: 1, method: 'ping' });
    send({
      id: 2,
      method: 'tools/call',
      params: { name: 'queue_claim', arguments: { waitSeconds: 30, allowedTypes: ['codex_skill'] } },
    });
    for (let tries = 0; tries < 500; tries += 1) {
      const { json } = await t.get('/api/queue/workers?limit=200');
      if (json.items.some((item: { workerId: string }) => item.workerId === worker.id)) break;
      await new Promise((settle) => setTimeout(settle, 10));
    }
    child.stdin.end();
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(0);
    expect(lines.map((line) => JSON.parse(line) as object)).toEqual([{ jsonrpc: '2.0', id: 1, result: {} }]);
    const job = await t.enqueue({ type: 'codex_skill', requiredCapabilities: [capability] });
    await new Promise((settle) => setTimeout(settle, 50));
    expect(await t.job(job.id)).toMatchObject({ status: 'queued' });
  });
});
