// Tests two kinds of commands against a real server: commands that create many jobs, and commands that wait for the end
// of jobs.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ProofhouseClient } from '@proofhouse/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RealServer } from './testing/real-server.ts';
import { runEntry, type Run } from './testing/run-entry.ts';
import { runInProcess } from './testing/run-in-process.ts';

let server: RealServer;
let folder: string;
let admin: ProofhouseClient;
beforeAll(async () => {
  server = await RealServer.start();
  folder = await mkdtemp(path.join(tmpdir(), 'job-commands-'));
  admin = new ProofhouseClient({ url: server.url, token: server.adminToken });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function run(args: readonly string[], input = '', token = server.adminToken): Promise<Run> {
  return runInProcess(args, { cwd: folder, input, env: { PROOFHOUSE_URL: server.url, PROOFHOUSE_TOKEN: token } });
}

/** Runs a command in its own process, so that several commands can run at the same time. */
function runBeside(args: readonly string[]): Promise<Run> {
  return runEntry(args, { cwd: folder, env: { PROOFHOUSE_URL: server.url, PROOFHOUSE_TOKEN: server.adminToken } });
}

const lines = (count: number, from = 0): string =>
  Array.from({ length: count }, (_, n) => JSON.stringify({ payload: { n: from + n } })).join('\n');

describe('job create --from', () => {
  test('makes the jobs of a file in batches, and over the same file again none twice', async () => {
    await writeFile(path.join(folder, 'jobs.jsonl'), `${lines(230)}\n\n{"type":"task","priority":5}\n`);
    const first = await run(['job', 'create', '--type', 'exec', '--from', 'jobs.jsonl']);
    expect([first.code, first.stderr]).toEqual([0, 'proofhouse: 231 jobs are made.\n']);
    const ids = first.stdout.trim().split('\n');
    expect(new Set(ids).size).toBe(231);
    expect(await admin.jobs.get(ids[229]!)).toMatchObject({ type: 'exec', payload: { n: 229 } });
    expect(await admin.jobs.get(ids[230]!)).toMatchObject({ type: 'task', priority: 5 });
    const again = await run(['job', 'create', '--type', 'exec', '--from', 'jobs.jsonl']);
    expect([again.code, again.stdout]).toEqual([0, first.stdout]);
    expect(again.stderr).toContain('0 jobs are made, 231 had been made before.');
    const named = ['job', 'create', '--type', 'exec', '--from', '-', '--idempotency-key', 'run-2'];
    expect((await run(named, lines(2))).stderr).toContain('2 jobs are made.');
  });

  test.each([
    ['{"type":"exec"}\nnot json\n', 'Line 2 is not JSON'],
    ['{"type":"exec"}\n[1]\n', 'Line 2 must be a JSON object'],
    ['{"type":"exec","payload":{"a":9007199254740993}}\n', 'Line 1 payload.a '],
    ['{"type":"exec","payload":{"a":1,"a":2}}\n', 'Line 1 payload.a '],
    ['{"type":"exec","colour":1}\n', 'Line 1 is no job: colour'],
    ['{"type":"exec"}\n\n{"payload":{}}\n', 'Line 3 is no job: type'],
    ['{"type":"exec"}\n{"type":"nope"}\n', 'Line 2: '],
    ['{"type":"exec","idempotencyKey":"k"}\n{"type":"exec","idempotencyKey":"k"}\n', 'Line 2: '],
  ])('names the line that is wrong: %j', async (input, words) => {
    const { code, stdout, stderr } = await run(['job', 'create', '--from', '-'], input);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(words);
  });

  test('says how many were made when a later batch is wrong, and goes on when it was mended', async () => {
    const broken = await run(
      ['job', 'create', '--type', 'exec', '--from', '-'],
      `${lines(100, 1000)}\n{"type":"nope"}\n`,
    );
    expect(broken.code).toBe(2);
    expect(broken.stderr).toContain('100 jobs are made. Run it again to go on');
    expect(broken.stderr).toContain('Line 101: ');
    const mended = await run(
      ['job', 'create', '--type', 'exec', '--from', '-'],
      `${lines(100, 1000)}\n{"type":"task"}\n`,
    );
    expect([mended.code, mended.stderr]).toEqual([0, 'proofhouse: 1 job is made, 100 had been made before.\n']);
  });

  test('needs a file that is there, and a type or a file', async () => {
    const missing = await run(['job', 'create', '--from', 'nowhere.jsonl']);
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('nowhere.jsonl does not exist')]);
    expect((await run(['job', 'create'])).code).toBe(2);
    expect((await run(['job', 'create', '--from', '-', '--payload', '{}'])).code).toBe(2);
  });
});

describe('the outcome of a job', () => {
  const held = async (capability: string) => {
    const { token } = await admin.workerTokens.create({ workerId: capability, capabilities: [capability] });
    const worker = new ProofhouseClient({ url: server.url, token });
    const made = await admin.jobs.create({ type: 'exec', requiredCapabilities: [capability], priority: 1_000_000 });
    const { id, leaseId } = (await worker.jobs.claim())!;
    expect(id).toBe(made.id);
    return { id, leaseId, worker };
  };

  test('is the exit code of job wait and of job logs -f: 0 when it succeeded, else 1', async () => {
    const good = await held('good');
    const bad = await held('bad');
    const [waiting, both, following] = [
      runBeside(['job', 'wait', good.id]),
      runBeside(['job', 'wait', good.id, bad.id]),
      runBeside(['job', 'logs', '-f', bad.id]),
    ];
    await good.worker.jobs.complete(good.id, good.leaseId, { resultSummary: 'all fine', finishOutcomeCode: 'DONE' });
    await bad.worker.jobs.fail(bad.id, bad.leaseId, { errorMessage: 'no disk' });
    expect(await waiting).toMatchObject({ code: 0, stdout: `Job ${good.id} succeeded: DONE: all fine\n` });
    expect(await both).toMatchObject({ code: 1, stdout: expect.stringContaining(`Job ${bad.id} failed: no disk\n`) });
    expect((await following).code).toBe(1);
    expect((await run(['job', 'logs', '-f', good.id])).code).toBe(0);
    const json = await run(['job', 'wait', good.id, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ id: good.id, status: 'succeeded' });
  });

  test('that does not come in time is 1, and of an unknown job 4', async () => {
    const slow = await held('slow');
    const late = await run(['job', 'wait', slow.id, '--timeout', '1']);
    expect([late.code, late.stderr]).toEqual([1, `proofhouse: Not ended in time: ${slow.id}\n`]);
    expect((await run(['job', 'wait', '00000000-0000-7000-8000-000000000000'])).code).toBe(4);
  });
});

describe('tokens', () => {
  test('that may enqueue create jobs and list their own; a worker is told that its list is only its own', async () => {
    const made = await run(['worker', 'token', 'create', 'producer', '--can-enqueue', '--json']);
    const { token } = JSON.parse(made.stdout) as { token: string };
    const created = await run(['job', 'create', '--type', 'exec', '--json'], '', token);
    const { id } = JSON.parse(created.stdout) as { id: string };
    const listed = await run(['job', 'list'], '', token);
    expect(listed.stdout).toContain(id);
    expect(listed.stdout).toContain('Only jobs that this worker holds or made are shown.');
  });

  test('that read the metrics do nothing else', async () => {
    const made = await run(['worker', 'token', 'create', 'scraper', '--read-metrics', '--json']);
    const { token } = JSON.parse(made.stdout) as { token: string };
    const metrics = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
    expect(metrics.status).toBe(200);
    expect((await run(['job', 'list'], '', token)).code).toBe(3);
    const both = ['worker', 'token', 'create', 'x', '--read-metrics', '--can-enqueue'];
    expect((await run(both)).code).toBe(2);
  });

  test('that are none cannot be revoked: exit code 4', async () => {
    const { code, stderr } = await run(['worker', 'token', 'revoke', 'nope']);
    expect([code, stderr]).toEqual([4, expect.stringContaining('There is no worker token "nope".')]);
  });
});
