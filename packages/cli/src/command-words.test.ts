// Tests the output of commands. The commands run in this process, which is faster than a process for each. Other tests
// start the real program.
import { PassThrough, Writable } from 'node:stream';
import { FakeServer, refuse } from '@proofhouse/client/testing';
import { AppError, problemOf, type Job } from '@proofhouse/core';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { CommandContext } from './command-context.ts';
import { runCommandLine } from './command-line.ts';

async function setUp() {
  const server = await FakeServer.start();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const run = async (...args: string[]) => {
    const [stdout, stderr] = [new Kept(), new Kept()];
    const context: CommandContext = {
      env: { PATH: process.env['PATH'] },
      cwd: process.cwd(),
      stdin: new PassThrough().end(),
      stdout,
      stderr,
      terminal: undefined,
      now: () => Date.UTC(2026, 0, 1, 12),
      exitCode: 0,
      onOutputLost: undefined,
      interrupted: false,
      signal: () => new AbortController().signal,
      secondSignal: () => new AbortController().signal,
    };
    const code = await runCommandLine(args, context);
    return { code, stdout: stdout.text, stderr: stderr.text };
  };
  const call = (token: string, ...args: string[]) => run(...args, '--url', server.url, '--token', token);
  return { server, run, call };
}

class Kept extends Writable {
  text = '';
  override _write(piece: Buffer, _encoding: string, done: () => void): void {
    this.text += piece.toString();
    done();
  }
}

describe('a command that does not exist', () => {
  test('is a wrong call also when its help is asked for', async () => {
    const { run } = await setUp();
    for (const args of [['events', '--help'], ['job', 'nothing', '-h'], ['help', 'events'], ['events']]) {
      const { code, stdout, stderr } = await run(...args);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/^proofhouse: unknown command '(events|nothing)'\n/);
    }
    expect((await run('job', 'ls', '--help')).stdout).toContain('proofhouse job list|ls');
    expect((await run('help', 'job')).code).toBe(0);
  });
});

describe('a job', () => {
  test('is listed with its priority and with how long it is delayed', async () => {
    const { server, call } = await setUp();
    server.addJob({ priority: 7, nextAttemptAt: '2026-01-01T12:05:00.000Z' } satisfies Partial<Job>);
    server.addJob({ nextAttemptAt: '2026-01-01T11:00:00.000Z' } satisfies Partial<Job>);
    const { stdout } = await call('t', 'job', 'list');
    expect(stdout).toMatch(/STATUS +PRIO +TRY/);
    expect(stdout).toMatch(/ queued \(in 5m\) +7 +1\/3/);
    expect(stdout).toMatch(/ queued +0 +1\/3/);
  });

  test('that is queued points to why it waits, and shows what it belongs to', async () => {
    const { server, call } = await setUp();
    const waiting = server.addJob({ affinityKey: 'night' });
    const { stdout } = await call('t', 'job', 'get', waiting.id);
    expect(stdout).toContain(`proofhouse job why ${waiting.id}`);
    expect(stdout).toMatch(/affinity +night/);
    const ended = server.addJob({ status: 'succeeded' });
    expect((await call('t', 'job', 'get', ended.id)).stdout).toContain(`proofhouse artifact list ${ended.id}`);
  });

  test('is created for a time that is told from now on', async () => {
    const { server, call } = await setUp();
    expect((await call('t', 'job', 'create', '--type', 'exec', '--not-before', '+2h')).code).toBe(0);
    expect(server.requestsOf('createJob')[0]?.json['notBefore']).toBe('2026-01-01T14:00:00.000Z');
    const wrong = await call('t', 'job', 'create', '--type', 'exec', '--not-before', 'soon');
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('+90m')]);
  });
});

describe('an empty list', () => {
  test.each([
    ['work', '--types', '', '--', 'true'],
    ['work', '--capabilities', ' , ', '--', 'true'],
    ['job', 'create', '--type', 'exec', '--capabilities', ''],
    ['worker', 'token', 'create', 'w', '--repositories', ''],
  ])('%s %s is a wrong call, and nothing is sent', async (...args) => {
    const { run } = await setUp();
    const { code, stderr } = await run(...args);
    expect(code).toBe(2);
    expect(stderr).toContain('The list is empty');
  });
});

describe('work', () => {
  test('says once, on standard error, that it waits for jobs', async () => {
    const { server, run } = await setUp();
    server.addJob();
    const args = ['work', '--once', '--no-diff', '--url', server.url];
    const { code, stderr } = await run(...args, '--token', 'phw_secret', '--', 'true');
    expect([code, stderr]).toEqual([0, `The worker waits for jobs at ${server.url}\n`]);
    server.addJob();
    const named = await run(...args, '--token', 'wkr_1:phw_secret', '--', 'true');
    expect(named.stderr).toBe(`wkr_1 waits for jobs at ${server.url}\n`);
  });

  test('with a token that is no worker’s says how to make one', async () => {
    const { server, run } = await setUp();
    server.interfere = (_operation, _request, response) => {
      const errors = [{ path: 'workerId', message: 'is required when the caller is not a worker' }];
      const problem = problemOf(new AppError('invalid_request', 'workerId: name the worker.', { errors }));
      response.writeHead(422, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem));
      return true;
    };
    const { code, stderr } = await run('work', '--url', server.url, '--token', 'pha_admin', '--', 'true');
    expect(code).toBe(2);
    expect(stderr).toContain('proofhouse worker token create <name>');
    expect(stderr).not.toMatch(/workerId|pha_admin|waits for jobs/);
  });
});

describe('whoami without an experiment', () => {
  test('tells the admin, a user, a named worker and a worker of the queue apart', async () => {
    const { server, call } = await setUp();
    expect((await call('pha_x', 'whoami')).stdout).toBe("admin  This is the admin's token.\n");
    server.identity = { kind: 'user', id: 'u-1', name: 'Ada', role: 'operator', version: '1' };
    expect((await call('phu_x', 'whoami')).stdout).toBe('u-1  Ada  operator\n');
    expect(JSON.parse((await call('phu_x', 'whoami', '--json')).stdout)).toEqual(server.identity);
    server.identity = { kind: 'worker', id: 'w-1', name: null, role: 'worker', version: '1' };
    expect((await call('phw_x', 'whoami')).stdout).toBe('w-1\n');
    server.interfere = (_operation, _request, response) => refuse(response, 'unauthenticated');
    expect((await call('phw_x', 'whoami')).code).toBe(3);
  });
});

describe('mcp', () => {
  test('does not start with a token that the server refuses', async () => {
    const { server, call } = await setUp();
    server.interfere = (_operation, _request, response) => refuse(response, 'unauthenticated');
    const { code, stderr } = await call('phw_secret', 'mcp');
    expect(code).toBe(3);
    expect(stderr).toContain('Called as the worker of a queue token');
    expect((await call('', 'mcp')).stderr).toContain('No token given');
  });

  test('starts before the server does, and says so on standard error alone', async () => {
    const { run } = await setUp();
    const { code, stdout, stderr } = await run('mcp', '--url', 'http://127.0.0.1:1', '--token', 'phw_secret');
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toMatch(/^proofhouse: http:\/\/127\.0\.0\.1:1 cannot be reached .* Tools fail until then\.\n$/);
  });
});
