import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ProofhouseClient } from '@proofhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RealServer } from './testing/real-server.ts';
import { runEntry } from './testing/run-entry.ts';

let server: RealServer;
let folder: string;
let token: string;
let client: ProofhouseClient;

beforeAll(async () => {
  server = await RealServer.start({ AGENT_JOB_ARTIFACT_MAX_BYTES: '2000' });
  folder = await mkdtemp(path.join(tmpdir(), 'real-evidence-'));
  client = new ProofhouseClient({ url: server.url, token: server.adminToken });
  token = (await client.workerTokens.create({ workerId: 'worker-1' })).token;
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function workOnce(script: string, ...options: string[]) {
  const job = await client.jobs.create({ type: 'exec' });
  const env = { PATH: process.env['PATH'] ?? '', PROOFHOUSE_URL: server.url, PROOFHOUSE_TOKEN: token };
  const args = ['work', '--once', '--work-root', path.join(folder, 'root'), ...options, '--', 'sh', '-c', script];
  const { code, stderr } = await runEntry(args, { cwd: folder, env });
  const artifacts: string[] = [];
  for await (const { name } of client.artifacts.each(job.id)) artifacts.push(name);
  return { code, stderr, job: await client.jobs.get(job.id), artifacts: artifacts.sort() };
}

test('a server that refuses an artifact makes the job fail and the worker exit with 1', async () => {
  const { code, stderr, job, artifacts } = await workOnce(
    'cd "$PROOFHOUSE_OUTPUT_DIR"; head -c 2000 /dev/zero > fits; head -c 2001 /dev/zero > large',
  );
  expect(code).toBe(1);
  expect(stderr).toContain('large was not deposited: An artifact may have 2000 bytes here');
  expect(job.status).toBe('failed');
  expect(job.errorMessage).toMatch(/^The command exited with code 0\. But 1 piece of evidence could not be deposited/);
  expect(artifacts).toEqual(['fits', 'log.log']);
});

test('with --best-effort it succeeds, and its result says so in the first line', async () => {
  const { code, job } = await workOnce('head -c 2001 /dev/zero > "$PROOFHOUSE_OUTPUT_DIR/large"', '--best-effort');
  expect(code).toBe(0);
  expect(job.status).toBe('succeeded');
  expect(job.resultSummary).toMatch(/^Best effort: 1 piece of evidence could not be deposited\./);
});

test('a log over the limit is cut, says so in its metadata, and the job succeeds', async () => {
  const { code, job } = await workOnce('seq 1 5000');
  expect(code).toBe(0);
  const log = await client.artifacts.newest(job.id, 'log.log');
  expect(log.sizeBytes).toBeLessThanOrEqual(2000);
  expect(log).toMatchObject({
    type: 'log',
    contentType: 'text/plain',
    metadata: { truncated: true, logBytes: 23_893 },
  });
  const { body } = await client.artifacts.download(job.id, log.id);
  expect(await new Response(body).text()).toMatch(
    /^1\n2\n[^]*\[proofhouse: \d+ bytes \(\d+ lines\) are missing here\][^]*\n5000\n$/,
  );
});

test('names that the server refuses or changes are escaped, and names that differ stay different artifacts', async () => {
  const { code, job, artifacts } = await workOnce(
    `cd "$PROOFHOUSE_OUTPUT_DIR"; n() { printf "$1" > "$(printf "$2")"; }; n 1 'caf\\351'; n 2 'cafe\\314\\201'; n 3 'caf\\303\\251'; n 4 r.txt; echo 5 > 'r.txt '; n 6 R.txt; mkdir a; n 7 a/b; echo 8 > 'a\\b'; echo 9 > log.log; echo 10 > "$(printf 'x\\ny')"`,
  );
  expect(job.errorMessage).toBe(null);
  expect(code).toBe(0);
  expect(artifacts).toEqual(
    [
      'log.log',
      'caf%E9',
      'cafe\u0301',
      'caf\u00e9',
      'r.txt',
      'r.txt%20',
      'R.txt',
      'a/b',
      'a%5Cb',
      'files/log.log',
      'x%0Ay',
    ].sort(),
  );
  expect((await client.artifacts.newest(job.id, 'caf%E9')).metadata).toEqual({
    nameEscaped: true,
    nameBytes: '636166e9',
  });
});

test('a file whose name was a folder of an earlier attempt is kept beside it', async () => {
  const marker = path.join(folder, 'tried');
  const script = `cd "$PROOFHOUSE_OUTPUT_DIR"; if [ -e ${marker} ]; then echo 2 > out; else mkdir out; echo 1 > out/x; touch ${marker}; exit 1; fi`;
  const first = await workOnce(script);
  await client.jobs.retry(first.job.id);
  const second = await workOnce(script);
  expect(first.job.status).toBe('failed');
  expect(second.code).toBe(0);
  const names: string[] = [];
  for await (const { name } of client.artifacts.each(first.job.id)) names.push(name);
  expect(names.sort()).toEqual(['files/out', 'log.log', 'log.log', 'out/x']);
  await client.jobs.cancel(second.job.id);
});

test('one worker runs a command for each type, and a job may ask for less time', async () => {
  const job = await client.jobs.create({ type: 'task', payload: { timeoutSeconds: 1 } });
  const env = { PATH: process.env['PATH'] ?? '', PROOFHOUSE_URL: server.url, PROOFHOUSE_TOKEN: token };
  const root = ['--work-root', path.join(folder, 'root')];
  const args = ['work', '--once', ...root, '--on', 'exec=echo no', '--on', 'task=echo begun; sleep 600'];
  const { code } = await runEntry(args, { cwd: folder, env });
  expect(code).toBe(1);
  expect((await client.jobs.get(job.id)).errorMessage).toBe(
    'The command ran for longer than 1 s and was ended.\n\nbegun',
  );
  const nothing = await runEntry(['work', '--once'], { cwd: folder, env });
  expect(nothing.code).toBe(2);
  expect(nothing.stderr).toContain('There is no command to run');
});
