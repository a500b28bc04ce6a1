import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FakeServer, refuse } from '@proofhouse/client/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { RunOptions } from './testing/run-entry.ts';
import { runInProcess } from './testing/run-in-process.ts';

const experiment = 'exp_01jd7v6m5x0000000000000000';
const other = 'exp_01jd7v6m5x0000000000000001';
const uri = 'proofhouse://artifacts/Ab3-_x';

async function setUp() {
  const server = await FakeServer.start();
  onTestFinished(() => server[Symbol.asyncDispose]());
  server.experiment.mintUri = () => uri;
  const folder = await mkdtemp(path.join(tmpdir(), 'cli-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const env = { PROOFHOUSE_URL: server.url, PROOFHOUSE_TOKEN: 'wkr_1:phw_secret', PROOFHOUSE_EXPERIMENT: experiment };
  const run = (args: readonly string[], options: RunOptions = {}) =>
    runInProcess(args, { cwd: folder, ...options, env: { ...env, ...options.env } });
  return { server, folder, run, deposits: server.experiment.deposits };
}

describe('the experiment', () => {
  test('is named by a flag or the variable, and a command without it is a wrong call', async () => {
    const { server, run } = await setUp();
    expect((await run(['whoami'])).stdout).toBe('wkr_1\n');
    expect((await run(['whoami', '--experiment', other, '--json'])).code).toBe(0);
    expect(server.seen.map(({ headers }) => headers['x-eden-experiment-id'])).toEqual([experiment, other]);
    const { code, stderr } = await runInProcess(['group', 'list'], { env: { PROOFHOUSE_URL: server.url } });
    expect(code).toBe(2);
    expect(stderr).toContain('--experiment <id> or set PROOFHOUSE_EXPERIMENT');
    expect((await run(['whoami', '--experiment', ''])).stderr).toContain('No experiment given');
  });

  test('of a malformed id is refused before anything is sent', async () => {
    const { server, run } = await setUp();
    for (const id of ['nightly', 'exp_1', 'EXP_01JD7V6M5X0000000000000000', `${experiment}0`, '\u001b[2J']) {
      const { code, stderr } = await run(['group', 'list', '--experiment', id]);
      expect(code).toBe(2);
      expect(stderr).toContain('must be exp_ and 26 characters of lower-case base32');
      expect(stderr).not.toContain('\u001b');
    }
    expect(server.seen).toEqual([]);
  });

  test('that the server does not have is named with the way to make it', async () => {
    const { server, run } = await setUp();
    server.interfere = (_operation, _request, response) => refuse(response, 'experiment_id_mismatch');
    const { code, stderr } = await run(['worker', 'register', '--name', 'planner']);
    expect(code).toBe(2);
    expect(stderr).toContain(`${server.url} refuses experiment ${experiment}.`);
    expect(stderr).toContain(`proofhouse experiment list, or proofhouse experiment create --id ${experiment}`);
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

describe('a refused credential', () => {
  test('is named by whom it speaks for, the experiment and the URL, never by its secret', async () => {
    const { server, run } = await setUp();
    server.interfere = (_operation, _request, response) => refuse(response, 'unauthenticated');
    const said = async (token: string) => {
      const { code, stderr } = await run(['group', 'list'], { env: { PROOFHOUSE_TOKEN: token } });
      expect(code).toBe(3);
      expect(stderr).not.toContain('secret');
      return stderr;
    };
    expect(await said('wkr_1:phw_secret')).toContain(`Called as wkr_1, for experiment ${experiment} at ${server.url}.`);
    expect(await said('admin:pha_secret')).toContain('Called as the admin, for');
    expect(await said('pha_secret')).toContain('Called as the admin (');
    expect(await said('secret:wkr_1')).toContain('Called as whoever the given token belongs to');
    expect(await said('wkr_1:phw_secret')).not.toContain('--token');
    for (const none of ['', '  ']) {
      expect(await said(none)).toBe('proofhouse: No token given: run `proofhouse login`, or set PROOFHOUSE_TOKEN.\n');
    }
  });

  test('is a queue token’s before anything is sent', async () => {
    const { server, run } = await setUp();
    const { code, stderr } = await run(['whoami'], { env: { PROOFHOUSE_TOKEN: 'phw_secret' } });
    expect(code).toBe(3);
    expect(stderr).toContain('proofhouse worker register');
    expect(stderr).not.toContain('phw_secret');
    expect(server.seen).toEqual([]);
  });

  test('is not the admin’s, who is told so', async () => {
    const { run } = await setUp();
    for (const token of ['pha_secret', 'admin:pha_secret']) {
      const { code, stdout } = await run(['whoami'], { env: { PROOFHOUSE_TOKEN: token } });
      expect([code, stdout]).toEqual([0, "admin  This is the admin's token.\n"]);
    }
  });
});

describe('workers and groups', () => {
  test('registered workers are listed when the flag asks for them, not for the variable alone', async () => {
    const { server, run } = await setUp();
    const registered = ['worker', 'list', '--experiment', experiment];
    expect((await run(registered)).stdout).toBe('No worker is registered.\n');
    await run(['worker', 'register', '--name', 'planner', '--label', 'zone=a']);
    expect((await run([...registered, '--name', 'planner'])).stdout).toMatch(/wkr_\S+ +planner +.* +zone=a\n$/);
    expect(server.requestsOf('listRegisteredWorkers').at(-1)?.query.get('name')).toBe('planner');
    expect(JSON.parse((await run([...registered, '--json'])).stdout).items).toHaveLength(1);
    expect((await run(['worker', 'list'])).stdout).toBe('No worker was seen lately.\n');
    expect((await run(['worker', 'list', '--name', 'planner'])).code).toBe(2);
  });

  test('a name in the place of an id is warned of, and ids and standing groups are not', async () => {
    const { run } = await setUp();
    const warned = async (...args: string[]) => (await run(args)).stderr.includes('names are not ids');
    const [worker, readers] = ['wkr_01jd7v6m5x0000000000000000', 'grp_01jd7v6m5x0000000000000000'];
    for (const id of ['planner', 'wkr_1', '']) {
      expect(await warned('artifact', 'grant', uri, id)).toBe(true);
    }
    expect(await warned('group', 'create', '--member', worker, '--member', 'planner')).toBe(true);
    expect(await warned('group', 'add', readers, 'planner')).toBe(true);
    const ids = [worker, readers, 'admins', 'orchestrators'].flatMap((id) => ['--member', id]);
    expect(await warned('group', 'create', ...ids)).toBe(false);
    expect(await warned('artifact', 'grant', uri, 'planner', '--json')).toBe(false);
  });

  test('a group that is not there points to the list', async () => {
    const { run } = await setUp();
    const { code, stderr } = await run(['group', 'add', 'grp_1', 'wkr_1']);
    expect(code).toBe(4);
    expect(stderr).toContain(`Next: proofhouse group list --experiment ${experiment}`);
  });

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
    const [one, two, three] = [1, 2, 3].map((n) => `wkr_${String(n).padStart(26, '0')}`) as [string, string, string];
    const made = await run(['group', 'create', '--name', 'a', '--member', one, '--member', two, '--json']);
    const { group_id: id } = JSON.parse(made.stdout) as { group_id: string };
    expect((await run(['group', 'add', id, three])).stdout).toContain(`has 3 members: ${one}, ${two}, ${three}.`);
    await run(['group', 'remove', id, two]);
    expect((await run(['group', 'remove', id, one])).stdout).toBe(`Group ${id} has 1 member: ${three}.\n`);
    await run(['group', 'create']);
    const listed = await run(['group', 'list', '--limit', '1']);
    expect(listed.stdout).toMatch(new RegExp(`${id} +a +.*${three}\nMore: add --cursor 1\n$`));
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
    expect(deposited).toMatchObject({ code: 0, stdout: `${uri}\n` });
    // The bytes are random.
    expect(deposited.stderr).toMatch(
      /^proofhouse: größe 1\.bin: it has compressed or encrypted data that was not scanned/,
    );
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
    for (const file of ['missing', '.', '/dev/null', ''])
      expect((await run(['artifact', 'deposit', file])).code).toBe(2);
    expect((await run(['artifact', 'deposit', ''])).stderr).toContain('The path is empty');
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

  test('a folder that is not there is named, and nothing is saved under its name', async () => {
    const { folder, run } = await setUp();
    await run(['artifact', 'deposit', '-'], { input: 'hello' });
    for (const output of ['nodir/plan.json', 'nodir/']) {
      const { code, stderr } = await run(['artifact', 'fetch', uri, '-o', output]);
      expect(code).toBe(2);
      expect(stderr).toContain(`${path.join(folder, 'nodir')} is no folder that is there.`);
      expect(stderr).not.toContain('.part');
    }
    expect(await readdir(folder)).toEqual([]);
  });

  test('what fails names the file, or the URI and the experiment, and what is not granted the next step', async () => {
    const { server, folder, run } = await setUp();
    await writeFile(path.join(folder, 'plan.json'), '{}');
    server.interfere = (_operation, _request, response) => refuse(response, 'forbidden');
    expect((await run(['artifact', 'deposit', 'plan.json'])).stderr).toContain('proofhouse: plan.json: ');
    const { code, stderr } = await run(['artifact', 'fetch', uri]);
    expect(code).toBe(3);
    expect(stderr).toContain(`proofhouse: ${uri} in ${experiment}: `);
    expect(stderr).toContain(`proofhouse artifact grant ${uri} wkr_1\n`);
  });

  test('a grant names the reader', async () => {
    const { server, run } = await setUp();
    expect((await run(['artifact', 'grant', uri, 'wkr_2'])).stdout).toMatch(/^wkr_2 may read it\.\n/);
    expect(server.requestsOf('grantRead')[0]?.json).toEqual({ uri, reader: 'wkr_2' });
  });
});
