import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FakeServer, refuse } from '@proofhouse/client/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runEntry, type RunOptions } from './testing/run-entry.ts';

async function setUp() {
  const server = await FakeServer.start();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const folder = await mkdtemp(path.join(tmpdir(), 'cli-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const run = (args: readonly string[], options: RunOptions = {}) =>
    runEntry(args, {
      cwd: folder,
      ...options,
      env: { PROOFHOUSE_URL: server.url, PROOFHOUSE_TOKEN: 'phw_secret', ...options.env },
    });
  return { server, folder, run };
}

const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

describe('usage', () => {
  const commands = [
    ['serve'],
    ['work'],
    ['job', 'create'],
    ['job', 'list'],
    ['job', 'get'],
    ['artifact', 'push'],
    ['artifact', 'list'],
    ['artifact', 'pull'],
    ['worker', 'token', 'create'],
    ['worker', 'token', 'list'],
    ['worker', 'token', 'revoke'],
  ];

  test.each(commands)('%s %s %s has help with an example, and never shows the token', async (...command) => {
    const args = command.filter((word) => (word as string | undefined) !== undefined);
    const { code, stdout } = await runEntry([...args, '--help'], { env: { PROOFHOUSE_TOKEN: 'phw_secret' } });
    expect(code).toBe(0);
    expect(stdout).toContain(`Example: proofhouse ${args.join(' ')}`);
    expect(stdout).not.toContain('phw_secret');
  });

  test('a wrong call is said in one line and exits with 2', async () => {
    const { code, stdout, stderr } = await runEntry(['job', 'list', '--statu', 'failed']);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^proofhouse: unknown option '--statu'\n\(Did you mean --status\?\)/);
    expect((await runEntry(['job'])).code).toBe(2);
    expect((await runEntry(['nothing'])).code).toBe(2);
    expect((await runEntry(['job', 'list', '--limit', 'many'])).code).toBe(2);
  });

  test('the version is printed', async () => {
    expect((await runEntry(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('errors', () => {
  test('a server that is away exits with 6 and the next step', async () => {
    const { code, stderr } = await runEntry(['job', 'list', '--url', 'http://127.0.0.1:1']);
    expect(code).toBe(6);
    expect(stderr).toMatch(/^proofhouse: http:\/\/127\.0\.0\.1:1 cannot be reached .*Is the server running/);
  });

  test('are a problem document on standard error with --json', async () => {
    const { run } = await setUp();
    const { code, stdout, stderr } = await run(['job', 'get', 'nope', '--json']);
    expect(code).toBe(4);
    expect(stdout).toBe('');
    expect(JSON.parse(stderr)).toMatchObject({ code: 'job_not_found', status: 404 });
  });

  test('a refused credential exits with 3 and never shows the token', async () => {
    const { server, run } = await setUp();
    server.interfere = (_operation, _request, response) => refuse(response, 'unauthenticated');
    const { code, stderr } = await run(['job', 'list']);
    expect(code).toBe(3);
    expect(stderr).toContain('PROOFHOUSE_TOKEN');
    expect(stderr).not.toContain('phw_secret');
  });
});

describe('jobs', () => {
  test('are created from a text, a file or standard input', async () => {
    const { server, folder, run } = await setUp();
    await writeFile(path.join(folder, 'p.json'), '{"from":"file"}');
    const create = ['job', 'create', '--type', 'exec', '--payload'];
    expect((await run([...create, '{"from":"text"}'])).stdout).toMatch(/^Job \S+ is queued \(exec\)\.\nNext: /);
    expect((await run([...create, '@p.json'])).code).toBe(0);
    expect((await run([...create, '-', '--json'], { input: '{"from":"stdin"}' })).code).toBe(0);
    const payloads = [...server.jobs.values()].map((job) => job.payload['from']);
    expect(payloads).toEqual(['text', 'file', 'stdin']);
  });

  test('a payload that is no JSON object is refused before anything is sent', async () => {
    const { server, run } = await setUp();
    for (const payload of ['{', '[]', '@missing.json']) {
      expect((await run(['job', 'create', '--type', 'exec', '--payload', payload])).code).toBe(2);
    }
    expect(server.seen).toEqual([]);
  });

  test('are listed as an aligned table, or as JSON', async () => {
    const { server, run } = await setUp();
    server.addJob({ type: 'codex_exec' });
    const job = server.addJob();
    const { stdout } = await run(['job', 'list', '--limit', '1']);
    const [titles, row, more] = stdout.split('\n');
    expect(row?.startsWith(job.id)).toBe(true);
    expect(titles?.indexOf('STATUS')).toBe(row?.indexOf('queued'));
    expect(more).toMatch(/^More: add --cursor /);
    expect(JSON.parse((await run(['job', 'list', '--json'])).stdout).items).toHaveLength(2);
  });

  test('what a job printed cannot drive the terminal', async () => {
    const { server, run } = await setUp();
    const job = server.addJob({ status: 'failed', errorMessage: '\u001b]0;owned\u0007\u001b[2Jgone' });
    const { stdout } = await run(['job', 'get', job.id]);
    expect(stdout).toContain('gone');
    expect(stdout).not.toContain('\u001b');
  });
});

describe('artifacts', () => {
  test('files are pushed with their digest and pulled with verification', async () => {
    const { server, folder, run } = await setUp();
    const job = server.addJob();
    const bytes = randomBytes(700_000);
    await writeFile(path.join(folder, 'a.bin'), bytes);
    await writeFile(path.join(folder, 'b.log'), '');
    const pushed = await run(['artifact', 'push', job.id, 'a.bin', './b.log', '--lease', 'lease-1']);
    expect(pushed.stderr).toContain('lease');
    expect(pushed.code).toBe(5);
    expect((await run(['artifact', 'push', job.id, 'a.bin', './b.log'])).stdout).toContain(sha256(bytes));
    expect(server.artifactNames()).toEqual(['a.bin', 'b.log']);
    expect(server.requestsOf('putArtifact').every((one) => one.headers['content-digest'] !== undefined)).toBe(true);
    const pulled = await run(['artifact', 'pull', job.id, '--name', 'a.bin', '-o', 'copy.bin', '--json']);
    expect(JSON.parse(pulled.stdout)).toMatchObject({ digest: sha256(bytes), verified: true });
    expect((await readFile(path.join(folder, 'copy.bin'))).equals(bytes)).toBe(true);
    const listed = await run(['artifact', 'list', job.id]);
    expect(listed.stdout).toMatch(/b\.log +log +0 B/);
  });

  test('standard input and standard output work as files', async () => {
    const { server, run } = await setUp();
    const job = server.addJob();
    expect((await run(['artifact', 'push', job.id, '-', '--name', 'in.txt'], { input: 'hello' })).code).toBe(0);
    expect(server.artifact('in.txt').bytes.toString()).toBe('hello');
    const { id } = server.artifact('in.txt').record;
    expect((await run(['artifact', 'pull', job.id, id, '-o', '-'])).stdout).toBe('hello');
    expect((await run(['artifact', 'push', job.id, '-'])).code).toBe(2);
  });

  test('a pull never replaces a file unless forced', async () => {
    const { server, folder, run } = await setUp();
    const job = server.addJob();
    await run(['artifact', 'push', job.id, '-', '--name', 'kept.txt'], { input: 'new' });
    await writeFile(path.join(folder, 'kept.txt'), 'old');
    const refused = await run(['artifact', 'pull', job.id, '--name', 'kept.txt']);
    expect(refused.code).toBe(5);
    expect(refused.stderr).toContain('--force');
    expect(await readFile(path.join(folder, 'kept.txt'), 'utf8')).toBe('old');
    expect((await run(['artifact', 'pull', job.id, '--name', 'kept.txt', '--force'])).code).toBe(0);
    expect(await readFile(path.join(folder, 'kept.txt'), 'utf8')).toBe('new');
  });

  test.each([
    ['wrong', (body: string) => body.replace('h', 'j')],
    ['too few', (body: string) => body.slice(0, 3)],
  ])('%s bytes leave no file behind', async (_what, change) => {
    const { server, folder, run } = await setUp();
    const job = server.addJob();
    await run(['artifact', 'push', job.id, '-', '--name', 'a.txt'], { input: 'hello' });
    const { id } = server.artifact('a.txt').record;
    server.interfere = (operation, _request, response) => {
      if (operation !== 'downloadArtifact') return false;
      const digest = createHash('sha256').update('hello').digest('base64');
      response.writeHead(200, { 'repr-digest': `sha-256=:${digest}:` }).end(change('hello'));
      return true;
    };
    const { code, stderr } = await run(['artifact', 'pull', job.id, id, '-o', 'a.txt']);
    expect(code).toBe(2);
    expect(stderr).toContain('Other bytes arrived');
    expect(await readdir(folder)).toEqual([]);
  });

  test('Ctrl-C during a pull exits with 130 and leaves nothing', async () => {
    const { server, folder, run } = await setUp();
    const job = server.addJob();
    server.interfere = (operation, _request, response) => {
      if (operation !== 'downloadArtifact') return false;
      response.writeHead(200, { 'content-length': 1_000_000 });
      response.write(Buffer.alloc(100_000));
      return true;
    };
    const { code, stderr } = await run(['artifact', 'pull', job.id, 'some-id', '-o', '-'], {
      onOutput: () => 'SIGINT',
    });
    expect(code).toBe(130);
    expect(stderr).toBe('');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('worker tokens', () => {
  test('are made, listed and revoked; only making shows the secret', async () => {
    const { server, run } = await setUp();
    const made = await run(['worker', 'token', 'create', 'builder-1', '--types', 'exec, task']);
    expect(made.stdout).toMatch(/phw_/);
    const { id, allowedJobTypes } = server.tokens[0]!;
    expect(allowedJobTypes).toEqual(['exec', 'task']);
    expect((await run(['worker', 'token', 'revoke', id])).stdout).toContain('is revoked');
    const listed = await run(['worker', 'token', 'list']);
    expect(listed.stdout).toContain('revoked');
    expect(listed.stdout).not.toContain('phw_');
  });
});

describe('work', () => {
  test('runs the command for one job, with its own options left alone', async () => {
    const { server, run } = await setUp();
    const job = server.addJob();
    const { code, stdout } = await run(['work', '--once', '--', 'sh', '-c', 'echo "$0 $1"', '--json', '--once']);
    expect(code).toBe(0);
    expect(stdout).toContain('succeeded');
    expect(server.artifact('log.log').bytes.toString()).toBe('--json --once\n');
    expect(server.job(job.id).status).toBe('succeeded');
  });

  test('exits with 1 when the one job failed, and says its events as JSON lines', async () => {
    const { server, run } = await setUp();
    server.addJob();
    const { code, stdout } = await run(['work', '--once', '--json', '--', 'false']);
    expect(code).toBe(1);
    const lines = stdout.trim().split('\n');
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ report: { failed: 1 } });
  });

  test('SIGTERM ends the command and gives the job back', async () => {
    const { server, run } = await setUp();
    const job = server.addJob();
    const { code } = await run(['work', '--', 'sleep', '60'], {
      onOutput: (stdout) => (stdout.includes('started') && !stdout.includes('stopped') ? 'SIGTERM' : undefined),
    });
    expect(code).toBe(0);
    expect(server.job(job.id)).toMatchObject({ status: 'queued', errorMessage: 'The worker was stopped.' });
  });
});
