import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { RealServer } from './testing/real-server.ts';
import { runInProcess } from './testing/run-in-process.ts';

// The time limit is long, because each test starts several processes.
vi.setConfig({ testTimeout: 120_000 });

const entry = fileURLToPath(new URL('../bin/proofhouse.js', import.meta.url));

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'backup-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function runningServer(settings: Readonly<Record<string, string>> = {}): Promise<RealServer> {
  const server = await RealServer.start(settings);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

/** Sends a request to the server. The default bearer token is that of the admin. */
async function call(server: RealServer, method: string, place: string, body?: unknown, bearer = server.adminToken) {
  const isBytes = body instanceof Uint8Array;
  const response = await fetch(`${server.url}${place}`, {
    method,
    headers: {
      authorization: `Bearer ${bearer}`,
      ...(body === undefined || isBytes ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: isBytes ? Buffer.from(body) : JSON.stringify(body) }),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  return { status: response.status, bytes, json: (): Record<string, unknown> => JSON.parse(bytes.toString()) };
}

async function newJob(server: RealServer): Promise<string> {
  const answer = await call(server, 'POST', '/api/queue/jobs', { type: 'exec' });
  expect(answer.status).toBe(201);
  return String(answer.json()['id']);
}

async function upload(server: RealServer, jobId: string, name: string, bytes: Buffer): Promise<string> {
  const answer = await call(server, 'PUT', `/api/queue/jobs/${jobId}/artifacts/${name}`, bytes);
  expect(answer.status).toBe(201);
  return String(answer.json()['id']);
}

async function download(server: RealServer, jobId: string, id: string): Promise<Buffer> {
  return (await call(server, 'GET', `/api/queue/jobs/${jobId}/artifacts/${id}/download`)).bytes;
}

const has = async (server: RealServer, jobId: string): Promise<boolean> =>
  (await call(server, 'GET', `/api/queue/jobs/${jobId}`)).status === 200;

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entryOf) => entryOf.isFile())
    .map((file) => path.join(file.parentPath, file.name))
    .sort();

const backUp = (server: RealServer, folder: string, ...more: string[]) =>
  runInProcess(['backup', 'create', folder, '--data-dir', server.folder, ...more]);
const restore = (dataDir: string, folder: string, ...more: string[]) =>
  runInProcess(['backup', 'restore', folder, '--data-dir', dataDir, ...more]);

test('a backup made beside a busy server holds everything acknowledged before, and starts in another place', async () => {
  const server = await runningServer();
  const folder = path.join(await emptyFolder(), 'backup');
  const jobId = await newJob(server);
  const contents = [Buffer.from('small'), Buffer.alloc(0), Buffer.alloc(700_000, 'x')];
  const ids = [];
  for (const [index, bytes] of contents.entries())
    ids.push(await upload(server, jobId, `file-${String(index)}`, bytes));
  const load = { isOver: false };
  const loading = (async () => {
    while (!load.isOver) await upload(server, await newJob(server), 'more', Buffer.from('during the backup'));
  })();
  const made = await backUp(server, folder);
  expect(made).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^Backed up \S+: database .*, \d+ blobs of .* 0 lost before\.$/m),
  });
  const after = await newJob(server);
  load.isOver = true;
  await loading;
  await server.kill();
  expect(filesBelow(folder).every((file) => statSync(file).nlink === 1)).toBe(true);
  expect(statSync(folder).mode & 0o077).toBe(0);

  const other = await runningServer();
  await other.stop();
  await rm(other.folder, { recursive: true });
  expect(await restore(other.folder, folder)).toMatchObject({ code: 0, stderr: '' });
  await other.start();
  for (const [index, id] of ids.entries()) {
    expect((await download(other, jobId, id)).equals(contents[index] ?? Buffer.of())).toBe(true);
  }
  expect(await has(other, after)).toBe(false);
  const verified = await runInProcess([
    'storage',
    'verify',
    '--repair',
    '--url',
    other.url,
    '--token',
    other.adminToken,
  ]);
  expect(verified).toMatchObject({ code: 0 });
});

test('a crashed store is not written over: it is moved, and its log with it, and can be put back', async () => {
  const server = await runningServer();
  const [folder, before] = [path.join(await emptyFolder(), 'backup'), path.join(await emptyFolder(), 'before')];
  const first = await newJob(server);
  expect((await backUp(server, folder)).code).toBe(0);
  const second = await newJob(server);
  expect(await restore(server.folder, folder, '--move-existing-to', before)).toMatchObject({
    code: 6,
    stderr: expect.stringContaining('Another server uses the database'),
  });
  await server.kill();
  const database = path.join(server.folder, 'proofhouse.db');
  expect(statSync(`${database}-wal`).size).toBeGreaterThan(0);
  const crashed = ['', '-wal', '-shm'].map((end) => readFileSync(`${database}${end}`));

  const refused = await restore(server.folder, folder);
  expect(refused).toMatchObject({
    code: 5,
    stderr: expect.stringMatching(
      /There is a database already: .*proofhouse\.db\. Say where to move it with --move-existing-to/,
    ),
  });
  expect(['', '-wal', '-shm'].map((end) => readFileSync(`${database}${end}`))).toEqual(crashed);

  const restored = await restore(server.folder, folder, '--move-existing-to', before);
  expect(restored).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`Moved to ${before}: ${database}, ${database}-wal`),
  });
  await server.start();
  expect([await has(server, first), await has(server, second)]).toEqual([true, false]);
  const third = await newJob(server);
  await server.kill();

  // The restore moved the old database files to another folder. They are complete: when they are moved back, the server
  // has the data from the time of the crash.
  const later = path.join(await emptyFolder(), 'later');
  await mkdir(later);
  for (const end of ['', '-wal', '-shm']) {
    copyFileSync(`${database}${end}`, path.join(later, `proofhouse.db${end}`));
    copyFileSync(path.join(before, `proofhouse.db${end}`), `${database}${end}`);
  }
  await server.start();
  expect([await has(server, second), await has(server, third)]).toEqual([true, false]);
});

test('a copy that was put over a crashed store by hand does not start with the log of the crash', async () => {
  const server = await runningServer();
  const folder = path.join(await emptyFolder(), 'backup');
  const first = await newJob(server);
  expect((await backUp(server, folder)).code).toBe(0);
  await newJob(server);
  await server.kill();
  const database = path.join(server.folder, 'proofhouse.db');
  const copy = readdirSync(folder).find((name) => name.startsWith('database-')) ?? '';
  copyFileSync(path.join(folder, copy), database);
  await expect(server.start()).rejects.toThrow(
    /The log .*proofhouse\.db-wal was not written for the file .*Move .*-wal/s,
  );
  await rm(`${database}-wal`);
  await rm(`${database}-shm`);
  await server.start();
  expect(await has(server, first)).toBe(true);
});

test('a backup of a crashed store, made without a server, holds what its log holds and leaves it as it is', async () => {
  const server = await runningServer();
  const folder = path.join(await emptyFolder(), 'backup');
  const jobId = await newJob(server);
  await server.kill();
  const log = path.join(server.folder, 'proofhouse.db-wal');
  const before = readFileSync(log);
  expect((await backUp(server, folder)).code).toBe(0);
  expect(readFileSync(log).equals(before)).toBe(true);
  const other = await emptyFolder();
  expect((await restore(other, folder)).code).toBe(0);
  copyFileSync(path.join(other, 'proofhouse.db'), path.join(server.folder, 'proofhouse.db'));
  await rm(log);
  await rm(path.join(server.folder, 'proofhouse.db-shm'));
  await server.start();
  expect(await has(server, jobId)).toBe(true);
});

test('a second backup to the same folder copies only what is new, and keeps what still belongs to it', async () => {
  const server = await runningServer();
  const folder = path.join(await emptyFolder(), 'backup');
  const jobId = await newJob(server);
  await upload(server, jobId, 'one', Buffer.alloc(1000, 'a'));
  const copiedBytes = async (): Promise<number> =>
    (JSON.parse((await backUp(server, folder, '--json')).stdout) as { copiedBytes: number }).copiedBytes;
  expect(await copiedBytes()).toBe(1000);
  await upload(server, jobId, 'two', Buffer.alloc(500, 'b'));
  expect(await copiedBytes()).toBe(500);
  expect(await copiedBytes()).toBe(0);
  expect(readdirSync(folder).filter((name) => name.startsWith('database-'))).toHaveLength(1);
  // With --verify, a backup hashes the files that its folder already contains, and replaces a changed file.
  const rotten = filesBelow(path.join(folder, 'blobs')).find((file) => statSync(file).size === 1000) ?? '';
  await rm(rotten);
  writeFileSync(rotten, Buffer.alloc(1000, 'z'));
  expect(JSON.parse((await backUp(server, folder, '--verify', '--json')).stdout)).toMatchObject({ copiedBytes: 1000 });
});

test('bytes that were lost in the store are named, end with 1, and do not keep the rest from being restored', async () => {
  const server = await runningServer();
  const folder = path.join(await emptyFolder(), 'backup');
  const jobId = await newJob(server);
  await upload(server, jobId, 'gone', Buffer.alloc(300, 'g'));
  const kept = await upload(server, jobId, 'kept', Buffer.alloc(301, 'k'));
  const gone = filesBelow(path.join(server.folder, 'blobs')).find((file) => statSync(file).size === 300) ?? '';
  await rm(gone);
  expect(await backUp(server, folder)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`The bytes of blob ${path.basename(gone)} are missing or damaged in the store.`),
  });
  await server.stop();
  await rm(server.folder, { recursive: true });
  expect(await restore(server.folder, folder)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('1 blob was lost before'),
  });
  expect(statSync(server.folder).mode & 0o777).toBe(0o700);
  await server.start();
  expect((await download(server, jobId, kept)).length).toBe(301);
});

test('a token that was revoked after the backup lives again, which is said, and --revoke-all-tokens ends every token', async () => {
  const server = await runningServer();
  const folder = path.join(await emptyFolder(), 'backup');
  const made = (await call(server, 'POST', '/api/queue/workers/tokens', { workerId: 'w' })).json();
  const { id } = made['workerToken'] as { id: string };
  const token = String(made['token']);
  const user = (await call(server, 'POST', '/api/users', { name: 'Ada', role: 'operator' })).json();
  const { id: userId } = user['user'] as { id: string };
  const ofUser = String((await call(server, 'POST', `/api/users/${userId}/tokens`, {})).json()['token']);
  const page = await pageOf(server, ofUser);
  const accepted = async () => [
    (await call(server, 'GET', '/api/whoami', undefined, ofUser)).status,
    (await fetch(`${server.url}/api/whoami`, { headers: page })).status,
  ];
  expect((await backUp(server, folder)).code).toBe(0);
  await call(server, 'POST', `/api/queue/workers/tokens/${id}/revoke`, {});
  expect(await accepted()).toEqual([200, 200]);
  const claim = async (): Promise<number> => (await call(server, 'POST', '/api/queue/jobs/claim', {}, token)).status;
  expect(await claim()).toBe(401);
  await server.stop();
  const restored = await restore(server.folder, folder, '--move-existing-to', await emptyFolder());
  expect(restored.stdout).toContain(
    '2 tokens of workers and users and the admin token of the backup are valid, also those that were revoked after it',
  );
  await server.start();
  expect([await claim(), ...(await accepted())]).toEqual([200, 200, 200]);
  await server.stop();
  const revoked = await restore(
    server.folder,
    folder,
    '--move-existing-to',
    await emptyFolder(),
    '--revoke-all-tokens',
  );
  expect(revoked).toMatchObject({ code: 0, stdout: expect.stringContaining('No token of a worker or user is valid.') });
  await server.start();
  expect([await claim(), ...(await accepted())]).toEqual([401, 401, 401]);
});

/** Signs a page in with a token. Returns the headers of its calls. */
async function pageOf(server: RealServer, token: string): Promise<Record<string, string>> {
  const answer = await fetch(`${server.url}/api/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  });
  const { pageSecret } = (await answer.json()) as { pageSecret: string };
  const [cookie = ''] = (answer.headers.get('set-cookie') ?? '').split(';', 1);
  return { cookie, 'proofhouse-page-secret': pageSecret };
}

test('a backup that is killed at any moment is refused by restore or is whole, and the next one completes it', async () => {
  const server = await runningServer();
  const folder = path.join(await emptyFolder(), 'backup');
  const jobId = await newJob(server);
  for (let index = 0; index < 12; index++)
    await upload(server, jobId, `f-${String(index)}`, Buffer.alloc(20_000, String(index)));
  const seen = new Set<number | null>();
  // Each backup is killed when its folder contains this number of files, so each is killed at another step.
  for (const files of [1, 2, 4, 8]) {
    const child = spawn(process.execPath, [entry, 'backup', 'create', folder, '--data-dir', server.folder], {
      stdio: 'ignore',
    });
    const ended = once(child, 'exit');
    while (child.exitCode === null && (existsSync(folder) ? filesBelow(folder).length : 0) < files) {
      await new Promise((settle) => setImmediate(settle));
    }
    child.kill('SIGKILL');
    await ended;
    const target = await emptyFolder();
    const { code, stderr } = await restore(target, folder);
    seen.add(code);
    if (code !== 0) expect(stderr).toMatch(/is not a complete backup: it lacks backup\.json|There is no folder/);
    expect(existsSync(path.join(target, 'proofhouse.db'))).toBe(code === 0);
  }
  expect([...seen].some((code) => code !== 0)).toBe(true);
  expect((await backUp(server, folder)).code).toBe(0);
  expect((await restore(await emptyFolder(), folder)).code).toBe(0);
});

test('the folder of a backup is refused when it holds other files or lies in the store, and Postgres is told what to do', async () => {
  const server = await runningServer();
  const folder = await emptyFolder();
  writeFileSync(path.join(folder, 'notes.txt'), '');
  expect(await backUp(server, folder)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('holds notes.txt, which is no part of a backup'),
  });
  expect(await backUp(server, path.join(server.folder, 'blobs', 'backup'))).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('overlap'),
  });
  const missing = await runInProcess(['backup', 'create', folder, '--data-dir', path.join(folder, 'none')]);
  expect(missing).toMatchObject({ code: 4, stderr: expect.stringContaining('There is no database') });
  const postgres = ['--database-url', 'postgres://user:hunter2@127.0.0.1:1/x'];
  for (const args of [
    ['create', folder],
    ['restore', folder],
  ]) {
    const answer = await runInProcess(['backup', ...args, ...postgres]);
    expect(answer).toMatchObject({
      code: expect.any(Number),
      stderr: expect.stringMatching(/pg_dump .*rsync .*docs\/backup\.md/s),
    });
    expect(answer.code).not.toBe(0);
    expect(answer.stderr).not.toContain('hunter2');
  }
});
