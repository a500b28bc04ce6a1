import { spawn } from 'node:child_process';
import { existsSync, openSync, closeSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { FakeServer } from '@proofhouse/client/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import { compileCache, runEntry, type RunOptions } from './testing/run-entry.ts';

const entry = fileURLToPath(new URL('../bin/proofhouse.js', import.meta.url));

async function setUp() {
  const server = await FakeServer.start();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const folder = await mkdtemp(path.join(tmpdir(), 'work-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const env = {
    PATH: process.env['PATH'] ?? '',
    ...compileCache,
    PROOFHOUSE_URL: server.url,
    PROOFHOUSE_TOKEN: 'phw_secret',
  };
  const run = (args: readonly string[], options: RunOptions = {}) => runEntry(args, { cwd: folder, env, ...options });
  return { server, folder, env, run };
}

async function expectGone(pid: number): Promise<void> {
  await vi.waitFor(async () => {
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') gone');
    expect(state.slice(state.lastIndexOf(')') + 2)).toMatch(/^(Z|X|gone)/);
  }, 5000);
}

test('a signal lets commands go on while they are drained, and a second one ends them and gives their jobs back', async () => {
  const { server, run } = await setUp();
  const job = server.addJob();
  const sent: string[] = [];
  const once = (name: string) => (sent.includes(name) ? undefined : (sent.push(name), 'SIGTERM' as const));
  const { code, stdout } = await run(['work', '--drain-seconds', '600', '--', 'sleep', '600'], {
    onOutput: (output) => {
      if (output.includes('No more jobs are claimed')) return once('second');
      return output.includes(' started.') ? once('first') : undefined;
    },
  });
  expect(sent).toEqual(['first', 'second']);
  expect(code).toBe(0);
  expect(stdout).toContain('commands that run have 600 s to end');
  expect(server.job(job.id)).toMatchObject({ status: 'queued', errorMessage: 'The worker was stopped.' });
});

test('a worker that is made to end at once takes its command along', async () => {
  const { server, folder, env } = await setUp();
  server.addJob();
  const script = `trap 'touch told' TERM; echo $$ > pid.new; mv pid.new pid; while :; do sleep 0.1; done`;
  const child = spawn(process.execPath, [entry, 'work', '--', 'sh', '-c', script], { cwd: folder, env });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  await vi.waitFor(() => expect(existsSync(`${folder}/pid`)).toBe(true), 15_000);
  child.kill('SIGTERM');
  await vi.waitFor(() => expect(existsSync(`${folder}/told`)).toBe(true), 5000);
  child.kill('SIGTERM');
  expect(await exited).toBe(143);
  await expectGone(Number(await readFile(`${folder}/pid`, 'utf8')));
});

test('a worker whose output nobody reads any more gives its job back and ends', async () => {
  const { server, folder, env } = await setUp();
  const job = server.addJob();
  const child = spawn(process.execPath, [entry, 'work', '--', 'sh', '-c', 'touch begun; sleep 600'], {
    cwd: folder,
    env,
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  // The pipe of standard output is closed before the worker prints its first line. So the worker cannot print the line
  // about the start of a job.
  child.stdout.destroy();
  await exited;
  expect(child.exitCode).toBe(0);
  expect(server.job(job.id)).toMatchObject({ status: 'queued', errorMessage: 'The worker was stopped.' });
});

test('the folder that a killed worker left is removed by the next one with the same root', async () => {
  const { server, folder, env, run } = await setUp();
  server.addJob();
  const script = 'echo $$ > pid.new; mv pid.new pid; exec sleep 600';
  const args = ['work', '--work-root', `${folder}/root`, '--once', '--'];
  const child = spawn(process.execPath, [entry, ...args, 'sh', '-c', script], { cwd: folder, env });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  await vi.waitFor(() => expect(existsSync(`${folder}/pid`)).toBe(true), 15_000);
  const orphan = Number(await readFile(`${folder}/pid`, 'utf8'));
  onTestFinished(() => void process.kill(orphan, 'SIGKILL'));
  child.kill('SIGKILL');
  await exited;
  expect(await readdir(`${folder}/root`)).toHaveLength(1);
  server.addJob();
  const { stdout } = await run([...args, 'true']);
  expect(stdout).toContain('left by a worker that is gone');
  expect(await readdir(`${folder}/root`)).toEqual([]);
});

test('unreadable files are lost, each by itself, and unreadable folders are removed with the rest', async () => {
  const { server, folder, env } = await setUp();
  const job = server.addJob();
  // The command must not run as root, because root can read every file.
  const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  await chmod(folder, 0o777);
  const script =
    'cd "$PROOFHOUSE_OUTPUT_DIR"; echo 1 > a; echo 2 > b; chmod 0 b; mkdir c; echo 3 > c/d; chmod 0 c; echo 4 > e';
  const args = ['work', '--work-root', `${folder}/root`, '--once', '--', 'sh', '-c', script];
  const child = spawn(process.execPath, [entry, ...args], { cwd: folder, env, ...user });
  let stderr = '';
  child.stderr.on('data', (piece: Buffer) => (stderr += piece.toString()));
  await new Promise((resolve) => child.once('close', resolve));
  expect(child.exitCode).toBe(1);
  expect(server.artifactNames()).toEqual(['log.log', 'a', 'e']);
  expect(stderr).toContain('b was not deposited: EACCES');
  expect(stderr).toContain('c was not deposited: EACCES');
  expect(server.job(job.id).errorMessage).toContain('2 pieces of evidence could not be deposited');
  expect(server.requestsOf('failJob')[0]?.json['retryable']).toBe(false);
  expect(await readdir(`${folder}/root`)).toEqual([]);
});

test('a full disk behind standard output is one line and exit code 1', async () => {
  const { env } = await setUp();
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, [entry, 'job', 'list'], { env, stdio: ['ignore', full, 'pipe'] });
  closeSync(full);
  let stderr = '';
  child.stderr!.on('data', (piece: Buffer) => (stderr += piece.toString()));
  await new Promise((resolve) => child.once('close', resolve));
  expect(child.exitCode).toBe(1);
  expect(stderr).toMatch(/^proofhouse: Standard output cannot be written: ENOSPC[^\n]*\n$/);
});
