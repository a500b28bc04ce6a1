// Tests that text of a server or a worker cannot control the terminal of the user, neither in text output nor in JSON.
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { FakeServer } from '@proofhouse/client/testing';
import { expect, onTestFinished, test } from 'vitest';
import { escapingStream } from './output/escaping-stream.ts';
import { printable } from './output/printable.ts';
import { runInProcess } from './testing/run-in-process.ts';

const hostile = 'a\u009b31mred\u202egpj.exe\u2028line\u001b]0;title\u0007\u200f';
// eslint-disable-next-line no-control-regex -- their absence is the point.
const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200f\u2028-\u202e]/;

async function setUp() {
  const server = await FakeServer.start();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const env = { PROOFHOUSE_URL: server.url, PROOFHOUSE_TOKEN: 't' };
  return { server, run: (...args: string[]) => runInProcess(args, { env }) };
}

test('a job list shows hidden characters as escapes, and its JSON is the same JSON', async () => {
  const { server, run } = await setUp();
  const job = server.addJob({ payload: { text: hostile }, errorMessage: hostile, status: 'failed' });
  const json = await run('job', 'get', job.id, '--json');
  expect(json.stdout).not.toMatch(hidden);
  expect(JSON.parse(json.stdout)).toMatchObject({ payload: { text: hostile }, errorMessage: hostile });
  const forPeople = await run('job', 'get', job.id);
  expect(forPeople.stdout).not.toMatch(hidden);
  expect(forPeople.stdout).toContain('\\u202e');
});

test('an argument that is repeated in an error is escaped there too', async () => {
  const { run } = await setUp();
  const { stderr } = await run('job', 'get', `no\u202ejob\u009b31m`);
  expect(stderr).not.toMatch(hidden);
  const unknown = await run(`com\u202emand`);
  expect(unknown.stderr).toContain('\\u202e');
});

test('bytes that are piped to standard output pass as they are', async () => {
  const target = new PassThrough();
  const stream = escapingStream(target);
  stream.write(Buffer.from('\u001b[31m'));
  stream.write('\u001b[31m');
  stream.end();
  expect(Buffer.concat(await target.toArray()).toString()).toBe('\u001b[31m\\u001b[31m');
});

test('what a reader of a pipe has left closes the stream as before', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'hidden-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const entry = path.resolve(import.meta.dirname, 'main.ts');
  const child = spawn('sh', ['-c', `"${process.execPath}" "${entry}" --help | head -1`], { cwd: folder });
  const output = Buffer.concat(await child.stdout.toArray()).toString();
  expect(output).toMatch(/^Usage: proofhouse/);
  expect(await readdir(folder)).toEqual([]);
});

test('colours and carriage returns at line ends are left out of text for people', () => {
  expect(printable('\u001b[32mok\u001b[0m\r\nnext\rback')).toBe('ok\nnext\\u000dback');
});
