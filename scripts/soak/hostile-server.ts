// Runs the command and its worker in child processes against a server with hostile answers: endless and compressed
// bodies, redirects, more jobs than requested, wrong types, control characters, silence. The run takes SOAK_SECONDS
// (default 300). Each process must end in time and within its memory limit, with an error and not with a crash. No
// token may be sent to another server.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { readFile } from 'node:fs/promises';

const seconds = Number(process.env['SOAK_SECONDS'] ?? 300);
const callWithinMs = 60_000;
const mostMiB = 700;
const entry = path.resolve(import.meta.dirname, '../../packages/cli/src/main.ts');
const secret = 'phw_the-secret-of-the-hostile-server-run';

let stolen = 0;

async function listen(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  return (server.address() as AddressInfo).port;
}

const bomb = gzipSync(Buffer.alloc(256 * 1024 * 1024));

type Answer = (response: ServerResponse, thief: number) => void;

function json(response: ServerResponse, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

function endless(response: ServerResponse, type: string): void {
  response.writeHead(200, { 'content-type': type });
  const piece = Buffer.alloc(65_536, '{"a":[');
  const more = (): void => {
    while (!response.destroyed && response.write(piece));
  };
  response.on('drain', more);
  more();
}

const answers: Readonly<Record<string, Answer>> = {
  'endless JSON': (response) => endless(response, 'application/json'),
  'endless events': (response) => endless(response, 'text/event-stream'),
  'a compressed bomb': (response) =>
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(bomb),
  'a redirect': (response, thief) => response.writeHead(307, { location: `http://127.0.0.1:${String(thief)}/` }).end(),
  'a thousand jobs': (response) =>
    json(response, { job: null, jobs: Array.from({ length: 1000 }, (_, at) => ({ id: String(at) })), items: [] }),
  'wrong types': (response) => json(response, { job: 7, items: 'x', nextCursor: {}, events: null }),
  'a cursor without end': (response) => json(response, { items: [], nextCursor: 'again' }),
  'control characters': (response) =>
    json(response, { items: [{ id: 'a\u009b2Jb\u202e', message: '\u001b[31m' }], nextCursor: null }),
  'deep nesting': (response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end('['.repeat(500_000)),
  'a problem with a huge text': (response) =>
    response
      .writeHead(422, { 'content-type': 'application/problem+json' })
      .end(JSON.stringify({ code: 'invalid_request', detail: 'x'.repeat(5_000_000) })),
  'half an answer': (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' }).write('{');
    setTimeout(() => response.destroy(), 100).unref();
  },
  'an early end': (response) => void response.destroy(),
};

const id = '0190b2c4-7d3e-7000-8000-000000000000';
const commands: readonly (readonly string[])[] = [
  ['job', 'list'],
  ['job', 'get', id, '--json'],
  ['job', 'logs', id],
  ['artifact', 'list', id],
  ['artifact', 'pull', id, '-o', '/dev/null'],
  ['whoami'],
  ['work', '--once', '--no-diff', '--', 'true'],
];

interface Ending {
  readonly code: number | null;
  readonly timedOut: boolean;
  readonly mostMiB: number;
  readonly output: string;
}

async function runCommand(args: readonly string[], url: string): Promise<Ending> {
  const env = { PATH: process.env['PATH'] ?? '', PROOFHOUSE_URL: url, PROOFHOUSE_TOKEN: secret };
  const child = spawn(process.execPath, [entry, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-20_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  let timedOut = false;
  let most = 0;
  // A worker waits for jobs without a time limit, so it is stopped with SIGTERM. The correct result is then an orderly
  // exit.
  const limitMs = args[0] === 'work' ? 8000 : callWithinMs;
  const timer = setTimeout(() => {
    timedOut = args[0] !== 'work';
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), 15_000).unref();
  }, limitMs);
  const sampling = setInterval(() => {
    readFile(`/proc/${String(child.pid)}/status`, 'utf8').then(
      (status) => {
        most = Math.max(most, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024);
      },
      () => undefined,
    );
  }, 50);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  clearInterval(sampling);
  return { code, timedOut, mostMiB: Math.round(most), output };
}

function wrongWith(ending: Ending): string | undefined {
  if (ending.timedOut) return 'did not end in time';
  if (ending.code === null) return 'was killed or crashed';
  if (ending.mostMiB > mostMiB) return `took ${String(ending.mostMiB)} MiB`;
  if (/\n {4}at .*:\d+:\d+\)?$/m.test(ending.output)) return 'printed a stack trace';
  // eslint-disable-next-line no-control-regex -- their absence is the point.
  if (/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/.test(ending.output)) return 'printed control characters';
  if (ending.output.includes(secret)) return 'printed its token';
  return undefined;
}

const thief = await listen((request, response) => {
  if (JSON.stringify(request.headers).includes(secret)) stolen += 1;
  response.end('{}');
});
const until = Date.now() + seconds * 1000;
let runs = 0;
let most = 0;
const wrong: string[] = [];
for (const [what, answer] of Object.entries(answers)) {
  const port = await listen((request, response) => {
    request.resume();
    answer(response, thief);
  });
  for (const args of commands) {
    if (Date.now() > until) break;
    const ending = await runCommand(args, `http://127.0.0.1:${String(port)}`);
    runs += 1;
    most = Math.max(most, ending.mostMiB);
    const found = wrongWith(ending);
    if (found !== undefined) wrong.push(`${what}: \`${args.join(' ')}\` ${found}`);
  }
}
await pause(0);
const lines = [
  `${String(runs)} commands against ${String(Object.keys(answers).length)} hostile answers: ${String(wrong.length)} wrong, tokens sent elsewhere: ${String(stolen)}, most memory of one command: ${String(most)} MiB.`,
  ...wrong.map((each) => `- ${each}`),
];
process.stdout.write(`RESULT\n${lines.join('\n')}\n`);
process.exit(wrong.length === 0 && stolen === 0 ? 0 : 1);
