import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FakeServer } from '@proofhouse/client/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runEntry, type RunOptions } from './testing/run-entry.ts';

const experiment = 'exp_01jd7v6m5x0000000000000000';
const uri = 'proofhouse://artifacts/Ab3-_x';

async function setUp() {
  const server = await FakeServer.start();
  onTestFinished(() => server[Symbol.asyncDispose]());
  server.experiment.mintUri = () => uri;
  const folder = await mkdtemp(path.join(tmpdir(), 'cli-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const env = { PROOFHOUSE_URL: server.url, PROOFHOUSE_TOKEN: 'wkr_1:phw_secret', PROOFHOUSE_EXPERIMENT: experiment };
  const run = (args: readonly string[], options: RunOptions = {}) =>
    runEntry(args, { cwd: folder, ...options, env: { ...env, ...options.env } });
  return { server, folder, run, deposits: server.experiment.deposits };
}

describe('the experiment', () => {
  test('is named by a flag or the variable, and a command without it is a wrong call', async () => {
    const { server, run } = await setUp();
    expect((await run(['whoami'])).stdout).toBe('wkr_1\n');
    expect((await run(['whoami', '--experiment', 'exp_flag', '--json'])).code).toBe(0);
    expect(server.seen.map(({ headers }) => headers['x-eden-experiment-id'])).toEqual([experiment, 'exp_flag']);
    const { code, stderr } = await runEntry(['whoami'], { env: { PROOFHOUSE_URL: server.url } });
    expect(code).toBe(2);
    expect(stderr).toContain('--experiment <id>');
  });

  test('is made and listed', async () => {
    const { run } = await setUp();
    expect((await run(['experiment', 'list'])).stdout).toBe('No experiments.\n');
    const made = await run(['experiment', 'create', '--id', experiment, '--name', 'nightly']);
    expect(made.stdout).toMatch(/^Experiment (exp_\S+) is made\.\nNext: export PROOFHOUSE_EXPERIMENT=\1\n/);
    expect((await run(['experiment', 'list'])).stdout).toMatch(new RegExp(`${experiment} +nightly +`));
    expect(JSON.parse((await run(['experiment', 'list', '--json'])).stdout).items).toHaveLength(1);
  });
});

describe('workers and groups', () => {
  test('a registered worker is printed with its token once, ready to be exported', async () => {
    const { server, run } = await setUp();
    const register = ['worker', 'register', '--name', 'planner', '--label', 'zone=a=b', '--label', 'gpu='];
    const { stdout } = await run(register);
    const [worker] = server.experiment.workers;
    expect(worker?.labels).toEqual({ zone: 'a=b', gpu: '' });
    expect(stdout).toContain(`export PROOFHOUSE_TOKEN=${worker!.worker_id}:phw_`);
    expect(stdout).toContain(`export PROOFHOUSE_EXPERIMENT=${experiment}`);
    const again = await run(['worker', 'reissue', worker!.worker_id]);
    expect(again.stdout).toContain(`export PROOFHOUSE_TOKEN=${worker!.worker_id}:phw_`);
    const json = JSON.parse((await run(['worker', 'register', '--json'])).stdout);
    expect(json).toMatchObject({ registration_token: expect.stringMatching(/^phw_/), experiment_id: experiment });
    expect((await run(['worker', 'register', '--label', 'zone'])).code).toBe(2);
  });

  test('groups are made, listed, filled, emptied and deleted', async () => {
    const { run } = await setUp();
    const made = await run(['group', 'create', '--name', 'a', '--member', 'wkr_1', '--member', 'wkr_2', '--json']);
    const { group_id: id } = JSON.parse(made.stdout) as { group_id: string };
    expect((await run(['group', 'add', id, 'wkr_3'])).stdout).toContain('has 3 members: wkr_1, wkr_2, wkr_3.');
    await run(['group', 'remove', id, 'wkr_2']);
    expect((await run(['group', 'remove', id, 'wkr_1'])).stdout).toBe(`Group ${id} has 1 member: wkr_3.\n`);
    await run(['group', 'create']);
    const listed = await run(['group', 'list', '--limit', '1']);
    expect(listed.stdout).toMatch(new RegExp(`${id} +a +.*wkr_3\nMore: add --cursor 1\n$`));
    expect((await run(['group', 'delete', id])).stdout).toBe(`Group ${id} is deleted.\n`);
    expect((await run(['group', 'delete', id])).code).toBe(4);
  });
});

describe('deposit and fetch', () => {
  test('a deposit prints the URI alone, and it is fetched under its own name and verified', async () => {
    const { server, folder, run, deposits } = await setUp();
    const bytes = randomBytes(700_000);
    await writeFile(path.join(folder, 'größe 1.bin'), bytes);
    const deposited = await run(['artifact', 'deposit', 'größe 1.bin', '--content-type', 'application/x-thing']);
    expect(deposited).toEqual({ code: 0, stdout: `${uri}\n`, stderr: '' });
    expect(deposits[0]?.answer.content_type).toBe('application/x-thing');
    expect(server.requestsOf('depositArtifact')[0]?.headers['idempotency-key']).toBeDefined();
    const other = await mkdtemp(path.join(folder, 'other-'));
    const fetched = await run(['artifact', 'fetch', uri, '--json'], { cwd: other });
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    expect(JSON.parse(fetched.stdout)).toMatchObject({ uri, digest, verified: true });
    expect(await readdir(other)).toEqual(['größe 1.bin']);
    expect((await readFile(path.join(other, 'größe 1.bin'))).equals(bytes)).toBe(true);
    expect((await run(['artifact', 'fetch', uri], { cwd: other })).code).toBe(5);
    expect((await run(['artifact', 'fetch', uri, '--force'], { cwd: other })).code).toBe(0);
    expect((await run(['artifact', 'fetch', 'urn:not:there'])).code).toBe(4);
  });

  test('standard input and standard output work as files, empty ones too', async () => {
    const { folder, run, deposits } = await setUp();
    const named = ['artifact', 'deposit', '-', '--filename', 'in.txt', '--idempotency-key', 'one', '--json'];
    expect(JSON.parse((await run(named, { input: 'hello' })).stdout)).toEqual(deposits[0]?.answer);
    expect((await run(['artifact', 'fetch', uri, '-o', '-'])).stdout).toBe('hello');
    await writeFile(path.join(folder, 'empty'), '');
    expect((await run(['artifact', 'deposit', 'empty'])).code).toBe(0);
    expect((await run(['artifact', 'deposit', '-'], { input: '' })).code).toBe(0);
    expect(deposits.map(({ bytes, filename }) => [bytes.length, filename])).toEqual([
      [5, 'in.txt'],
      [0, 'empty'],
      [0, ''],
    ]);
  });

  test('what is no file is refused before anything is sent', async () => {
    const { server, run } = await setUp();
    for (const file of ['missing', '.', '/dev/null']) expect((await run(['artifact', 'deposit', file])).code).toBe(2);
    expect(server.seen).toEqual([]);
  });

  test.each([
    ['wrong', 'jello'],
    ['too few', 'hel'],
  ])('%s bytes leave no file behind', async (_what, sent) => {
    const { server, folder, run } = await setUp();
    server.interfere = (_operation, _request, response) => {
      const digest = createHash('sha256').update('hello').digest('base64');
      response.writeHead(200, { 'repr-digest': `sha-256=:${digest}:` }).end(sent);
      return true;
    };
    const { code, stderr } = await run(['artifact', 'fetch', uri, '-o', 'a.txt']);
    expect(code).toBe(2);
    expect(stderr).toContain('Other bytes arrived');
    expect(await readdir(folder)).toEqual([]);
  });

  test('a grant names the reader', async () => {
    const { server, run } = await setUp();
    expect((await run(['artifact', 'grant', uri, 'wkr_2'])).stdout).toMatch(/^wkr_2 may read it\.\n/);
    expect(server.requestsOf('grantRead')[0]?.json).toEqual({ uri, reader: 'wkr_2' });
  });
});
