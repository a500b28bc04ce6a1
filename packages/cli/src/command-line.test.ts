import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FakeServer, refuse } from '@proofhouse/client/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runEntry, type RunOptions } from './testing/run-entry.ts';
import { runInProcess } from './testing/run-in-process.ts';

async function setUp() {
  const server = await FakeServer.start();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const folder = await mkdtemp(path.join(tmpdir(), 'cli-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const withDefaults = (options: RunOptions): RunOptions => ({
    cwd: folder,
    ...options,
    env: { PROOFHOUSE_URL: server.url, PROOFHOUSE_TOKEN: 'phw_secret', ...options.env },
  });
  const run = (args: readonly string[], options: Omit<RunOptions, 'onOutput'> = {}) =>
    runInProcess(args, withDefaults(options));
  /** Runs the command in a process of its own, which can receive process signals. */
  const runProcess = (args: readonly string[], options: RunOptions = {}) => runEntry(args, withDefaults(options));
  return { server, folder, run, runProcess };
}

const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

describe('usage', () => {
  const commands = [
    ['serve'],
    ['work'],
    ['job', 'create'],
    ['job', 'list'],
    ['job', 'get'],
    ['job', 'logs'],
    ['job', 'why'],
    ['job', 'cancel'],
    ['job', 'retry'],
    ['artifact', 'push'],
    ['artifact', 'list'],
    ['artifact', 'pull'],
    ['artifact', 'deposit'],
    ['artifact', 'fetch'],
    ['artifact', 'grant'],
    ['experiment', 'create'],
    ['experiment', 'list'],
    ['group', 'create'],
    ['group', 'list'],
    ['group', 'add'],
    ['group', 'remove'],
    ['group', 'delete'],
    ['whoami'],
    ['login'],
    ['logout'],
    ['profile', 'list'],
    ['profile', 'use'],
    ['user', 'create'],
    ['user', 'list'],
    ['user', 'disable'],
    ['user', 'enable'],
    ['user', 'token', 'create'],
    ['user', 'token', 'list'],
    ['user', 'token', 'revoke'],
    ['worker', 'list'],
    ['worker', 'register'],
    ['worker', 'reissue'],
    ['worker', 'token', 'create'],
    ['worker', 'token', 'list'],
    ['worker', 'token', 'revoke'],
    ['storage', 'usage'],
    ['storage', 'gc'],
    ['storage', 'verify'],
    ['doctor'],
  ];

  test.each(commands)('%s %s %s has help with an example, and never shows the token', async (...command) => {
    const args = command.filter((word) => (word as string | undefined) !== undefined);
    const { code, stdout } = await runInProcess([...args, '--help'], { env: { PROOFHOUSE_TOKEN: 'phw_secret' } });
    expect(code).toBe(0);
    expect(stdout).toContain(`Example: proofhouse ${args.join(' ')}`);
    expect(stdout).not.toContain('phw_secret');
  });

  test('a wrong call is said in one line and exits with 2', async () => {
    const { code, stdout, stderr } = await runEntry(['job', 'list', '--statu', 'failed']);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^proofhouse: unknown option '--statu'\n\(Did you mean --status\?\)/);
    expect((await runInProcess(['job'])).code).toBe(2);
    expect((await runInProcess(['nothing'])).code).toBe(2);
    expect((await runInProcess(['job', 'list', '--limit', 'many'])).code).toBe(2);
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
    expect(stderr).toContain(`Called as the worker of a queue token, for ${server.url}.`);
    const without = await run(['job', 'list'], { env: { PROOFHOUSE_TOKEN: '' } });
    expect(without.stderr).toBe('proofhouse: No token given: run `proofhouse login`, or set PROOFHOUSE_TOKEN.\n');
    expect(stderr).not.toContain('phw_secret');
  });
});

describe('jobs', () => {
  test('are created from a text, a file or standard input', async () => {
    const { server, folder, runProcess } = await setUp();
    await writeFile(path.join(folder, 'p.json'), '{"from":"file"}');
    const create = ['job', 'create', '--type', 'exec', '--payload'];
    expect((await runProcess([...create, '{"from":"text"}'])).stdout).toMatch(/^Job \S+ is queued \(exec\)\.\nNext: /);
    expect((await runProcess([...create, '@p.json'])).code).toBe(0);
    expect((await runProcess([...create, '-', '--json'], { input: '{"from":"stdin"}' })).code).toBe(0);
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

describe('deciding about jobs', () => {
  test('a queued job is cancelled, and cancelling what has ended is a conflict', async () => {
    const { server, run } = await setUp();
    const job = server.addJob();
    const { code, stdout } = await run(['job', 'cancel', job.id, '--reason', 'wrong branch']);
    expect(code).toBe(0);
    expect(stdout).toBe(`Job ${job.id} is cancelled.\n`);
    expect(server.job(job.id).cancelReason).toBe('wrong branch');
    expect((await run(['job', 'cancel', server.addJob({ status: 'succeeded' }).id])).code).toBe(5);
    expect((await run(['job', 'cancel', 'nope'])).code).toBe(4);
  });

  test('of a running job it is said who has to stop first', async () => {
    const { server, run } = await setUp();
    const job = server.addJob({ status: 'running', claimedBy: 'builder-1' });
    expect((await run(['job', 'cancel', job.id])).stdout).toMatch(/runs on builder-1, which was asked to stop/);
    expect(JSON.parse((await run(['job', 'cancel', job.id, '--json'])).stdout)).toMatchObject({ status: 'running' });
  });

  test('a failed job is put back', async () => {
    const { server, run } = await setUp();
    const job = server.addJob({ status: 'failed' });
    expect((await run(['job', 'retry', job.id])).stdout).toContain('is queued again, attempt 2 of 3.');
  });

  test('why a job waits is one sentence first, then the facts and who nearly matches', async () => {
    const { server, run } = await setUp();
    const job = server.addJob();
    server.why = {
      ...server.why,
      summary: 'No worker seen lately offers capability:gpu.',
      unmet: ['capability:gpu'],
      nearWorkers: [{ workerId: 'builder-1', lastSeenAt: new Date().toISOString(), lacks: ['capability:gpu'] }],
    };
    const { stdout } = await run(['job', 'why', job.id]);
    expect(stdout).toMatch(/^No worker seen lately offers capability:gpu\.\n\njob +/);
    expect(stdout).toMatch(/nobody offers +capability gpu\n/);
    expect(stdout).toMatch(/builder-1 +\ds ago +capability gpu\n/);
    expect(JSON.parse((await run(['job', 'why', job.id, '--json'])).stdout)).toMatchObject({
      unmet: ['capability:gpu'],
    });
  });
});

describe('job logs', () => {
  test('are the events, one a line, that cannot drive the terminal', async () => {
    const { server, run } = await setUp();
    const job = server.addJob();
    server.log.append(job, { kind: 'queued', message: 'Queued.' });
    server.log.append(job, { kind: 'note', level: 'warn', message: '\u001b[2Jtwo\nlines', payload: { n: 1 } });
    const { code, stdout } = await run(['job', 'logs', job.id]);
    expect(code).toBe(0);
    expect(stdout.split('\n')).toHaveLength(3);
    expect(stdout).toMatch(/^ {3}1 {2}\S+ {2}info {3}queued +Queued\.\n/);
    expect(stdout).toMatch(/warn +note +two lines {2}\{"n":1\}\n$/);
    expect((await run(['job', 'logs', job.id, '--after', '1'])).stdout).not.toContain('Queued');
    expect((await run(['job', 'logs', 'nope', '-f'])).code).toBe(4);
  });

  test('are followed to the end of the job, as JSON lines when asked for', async () => {
    const { server, runProcess } = await setUp();
    const job = server.addJob({ status: 'running' });
    server.log.append(job, { kind: 'claimed', message: 'Claimed.' });
    let told = false;
    const { code, stdout } = await runProcess(['job', 'logs', job.id, '-f', '--json'], {
      onOutput: (output) => {
        if (told || !output.includes('claimed')) return undefined;
        told = true;
        server.jobs.set(job.id, { ...job, status: 'succeeded' });
        server.log.append(server.job(job.id), { kind: 'completed', message: 'Completed.' });
        return undefined;
      },
    });
    expect(code).toBe(0);
    const kinds = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).kind);
    expect(kinds).toEqual(['claimed', 'completed']);
  });

  test('Ctrl-C ends following with 130 and without a word', async () => {
    const { server, runProcess } = await setUp();
    const job = server.addJob({ status: 'running' });
    server.log.append(job, { kind: 'claimed', message: 'Claimed.' });
    const { code, stderr } = await runProcess(['job', 'logs', job.id, '-f'], { onOutput: () => 'SIGINT' });
    expect(code).toBe(130);
    expect(stderr).toBe('');
  });

  test('can bring the end of what the command said', async () => {
    const { server, run } = await setUp();
    const job = server.addJob();
    expect((await run(['job', 'logs', job.id, '--output'])).stderr).toContain('no log.log yet');
    const push = ['artifact', 'push', job.id, '-', '--name', 'log.log'];
    await run(push, { input: 'short\n' });
    expect((await run(['job', 'logs', job.id, '--output'])).stdout).toBe('\nlog.log\nshort\n');
    await run(push, { input: `${'a line\n'.repeat(9000)}last` });
    const { stdout } = await run(['job', 'logs', job.id, '--output']);
    expect(stdout.length).toBeLessThan(17_000);
    expect(stdout).toMatch(/artifact pull .*\)\na line\n/);
    expect(stdout).toMatch(/\nlast\n$/);
    expect((await run(['job', 'logs', job.id, '--output', '--json'])).code).toBe(2);
  });
});

describe('workers', () => {
  test('that were seen are listed with what they hold', async () => {
    const { server, run } = await setUp();
    expect((await run(['worker', 'list'])).stdout).toBe('No worker was seen lately.\n');
    const lastSeenAt = new Date().toISOString();
    const worker = { lastSeenAt, capabilities: ['docker', 'linux'], allowedTypes: null, version: 'proofhouse/0.1.0' };
    server.workers.push({ ...worker, workerId: 'builder-1', holds: [server.addJob().id, server.addJob().id] });
    const { stdout } = await run(['worker', 'list']);
    expect(stdout).toMatch(/builder-1 +\ds ago +proofhouse\/0\.1\.0 +any +docker, linux +2 jobs\n/);
    expect(JSON.parse((await run(['worker', 'list', '--json'])).stdout).items).toHaveLength(1);
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
    const { server, runProcess } = await setUp();
    const job = server.addJob();
    expect((await runProcess(['artifact', 'push', job.id, '-', '--name', 'in.txt'], { input: 'hello' })).code).toBe(0);
    expect(server.artifact('in.txt').bytes.toString()).toBe('hello');
    const { id } = server.artifact('in.txt').record;
    expect((await runProcess(['artifact', 'pull', job.id, id, '-o', '-'])).stdout).toBe('hello');
    expect((await runProcess(['artifact', 'push', job.id, '-'])).code).toBe(2);
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
    const { server, folder, runProcess } = await setUp();
    const job = server.addJob();
    server.interfere = (operation, _request, response) => {
      if (operation !== 'downloadArtifact') return false;
      response.writeHead(200, { 'content-length': 1_000_000 });
      response.write(Buffer.alloc(100_000));
      return true;
    };
    const { code, stderr } = await runProcess(['artifact', 'pull', job.id, 'some-id', '-o', '-'], {
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
    const { server, runProcess } = await setUp();
    const job = server.addJob();
    const { code, stdout } = await runProcess(['work', '--once', '--', 'sh', '-c', 'echo "$0 $1"', '--json', '--once']);
    expect(code).toBe(0);
    expect(stdout).toContain('succeeded');
    expect(server.artifact('log.log').bytes.toString()).toBe('--json --once\n');
    expect(server.job(job.id).status).toBe('succeeded');
  });

  test('exits with 1 when the one job failed, and says its events as JSON lines', async () => {
    const { server, runProcess } = await setUp();
    server.addJob();
    const { code, stdout } = await runProcess(['work', '--once', '--json', '--', 'false']);
    expect(code).toBe(1);
    const lines = stdout.trim().split('\n');
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ report: { failed: 1 } });
  });

  test('SIGTERM ends the command and gives the job back', async () => {
    const { server, runProcess } = await setUp();
    const job = server.addJob();
    const { code } = await runProcess(['work', '--', 'sleep', '60'], {
      onOutput: (stdout) => (stdout.includes('started') && !stdout.includes('stopped') ? 'SIGTERM' : undefined),
    });
    expect(code).toBe(0);
    expect(server.job(job.id)).toMatchObject({ status: 'queued', errorMessage: 'The worker was stopped.' });
  });
});
