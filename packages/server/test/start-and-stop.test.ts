// Tests the server as a program: its output, the cases in which it refuses to start, how it stops, and what it does on
// a full disk.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runServer } from '@proofhouse/server';
import { head, RawConnection, sendRaw } from './support/raw-socket.ts';
import { adminToken, startTestServer } from './support/test-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'proofhouse-run-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

let count = 0;
const freshFolder = (): string => join(folder, String((count += 1)));

/**
 * Starts a server in this process. Returns its output (which grows while the server runs), its exit code, a function
 * that returns its port, and a function that stops it.
 */
function run(env: Record<string, string>, flags: Record<string, string> = {}) {
  const out = { stdout: '', stderr: '' };
  const stop = new AbortController();
  const stream = (name: 'stdout' | 'stderr') =>
    new PassThrough().on('data', (chunk: Buffer) => {
      out[name] += chunk.toString();
    });
  const exit = runServer({
    env: { PROOFHOUSE_PORT: '0', PROOFHOUSE_LOG_LEVEL: 'silent', ...env },
    flags,
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    signal: stop.signal,
  });
  const port = async (): Promise<number> => {
    await expect.poll(() => out.stdout, { interval: 5 }).toMatch(/PROOFHOUSE_LISTENING/);
    return Number(/port=(\d+)/.exec(out.stdout)?.[1]);
  };
  return { out, exit, port, stop: () => stop.abort() };
}

describe('a server that starts', () => {
  it('prints one line on standard output, and the admin token once, at its first start alone', async () => {
    const dataDir = freshFolder();
    const first = run({ PROOFHOUSE_DATA_DIR: dataDir });
    const port = await first.port();
    expect(first.out.stdout).toBe(`PROOFHOUSE_LISTENING host=127.0.0.1 port=${port}\n`);
    const token = /pha_[a-z2-7]{52}/.exec(first.out.stderr)?.[0];
    const headers = { Host: 'localhost', Authorization: `Bearer ${token}`, Connection: 'close' };
    expect((await sendRaw(port, head('GET /api/queue/jobs HTTP/1.1', headers))).status).toBe(200);
    first.stop();
    expect(await first.exit).toBe(0);
    const second = run({ PROOFHOUSE_DATA_DIR: dataDir });
    const again = await second.port();
    expect(second.out.stderr).not.toMatch(/pha_/);
    expect((await sendRaw(again, head('GET /api/queue/jobs HTTP/1.1', headers))).status).toBe(200);
    second.stop();
    expect(await second.exit).toBe(0);
  });

  it('warns when nothing is durable or everybody is the admin', async () => {
    const server = run({
      PROOFHOUSE_DATA_DIR: freshFolder(),
      PROOFHOUSE_DATABASE_URL: 'sqlite::memory:',
      PROOFHOUSE_BLOB_URL: 'memory:',
      PROOFHOUSE_AUTH: 'disabled',
    });
    await server.port();
    expect(server.out.stderr).toMatch(
      /WARNING: NOTHING HERE IS DURABLE: a restart loses every job, every record and every byte/,
    );
    expect(server.out.stderr).toMatch(/WARNING: authentication is disabled/);
    server.stop();
    expect(await server.exit).toBe(0);
  });
});

describe('a server that cannot start says why in one line and exits with a code', () => {
  const refusal = async (env: Record<string, string>, flags: Record<string, string> = {}) => {
    const server = run(env, flags);
    const code = await server.exit;
    expect(server.out.stdout).toBe('');
    expect(server.out.stderr.trimEnd().split('\n')).toHaveLength(1);
    return { code, line: server.out.stderr };
  };

  it('when its port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((settle) => other.once('listening', settle));
    const { port } = other.address() as { port: number };
    const { code, line } = await refusal({ PROOFHOUSE_DATA_DIR: freshFolder(), PROOFHOUSE_PORT: String(port) });
    expect(code).toBe(6);
    expect(line).toMatch(new RegExp(`127\\.0\\.0\\.1:${port} is taken; choose another port with --port`));
    other.close();
  });

  it('when its port is taken, and still shows the admin token that it made', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((settle) => other.once('listening', settle));
    const { port } = other.address() as { port: number };
    const settings = { PROOFHOUSE_DATA_DIR: freshFolder(), PROOFHOUSE_ADMIN_TOKEN: '' };
    const refused = run({ ...settings, PROOFHOUSE_PORT: String(port) });
    expect(await refused.exit).toBe(6);
    other.close();
    const [token] = /pha_\S+/.exec(refused.out.stderr) ?? [];
    const server = run(settings);
    const headers = { Host: 'localhost', Authorization: `Bearer ${token}` };
    const answer = await sendRaw(await server.port(), head('GET /api/queue/jobs HTTP/1.1', headers));
    expect(answer.status).toBe(200);
    server.stop();
    await server.exit;
  });

  it('when its data folder cannot be used', async () => {
    const path = freshFolder();
    writeFileSync(path, 'a file');
    const { code, line } = await refusal({ PROOFHOUSE_DATA_DIR: path });
    expect(code).toBe(6);
    expect(line).toMatch(/cannot be used \(E(NOTDIR|EXIST)\).*--data-dir.*proofhouse doctor/);
  });

  it('when its database is no database', async () => {
    const dataDir = freshFolder();
    mkdirSync(dataDir);
    writeFileSync(
      join(dataDir, 'proofhouse.db'),
      'these are not the bytes of a database, whatever their number'.repeat(100),
    );
    const { code, line } = await refusal({ PROOFHOUSE_DATA_DIR: dataDir });
    expect(code).not.toBe(0);
    expect(line).toMatch(/proofhouse\.db is not a Proofhouse database or is damaged/);
  });

  it('when its database is of a newer version', async () => {
    const dataDir = freshFolder();
    const server = run({ PROOFHOUSE_DATA_DIR: dataDir });
    await server.port();
    server.stop();
    await server.exit;
    const database = new Database(join(dataDir, 'proofhouse.db'));
    database.exec("insert into kysely_migration (name, timestamp) values ('9999-from-the-future', '2030')");
    database.close();
    const { code, line } = await refusal({ PROOFHOUSE_DATA_DIR: dataDir });
    expect(code).not.toBe(0);
    expect(line).toMatch(/updated by a newer Proofhouse \("9999-from-the-future"\)/);
  });

  it('when another server uses its database', async () => {
    const dataDir = freshFolder();
    const server = run({ PROOFHOUSE_DATA_DIR: dataDir });
    await server.port();
    const { code, line } = await refusal({ PROOFHOUSE_DATA_DIR: dataDir });
    expect(code).toBe(6);
    expect(line).toMatch(/Another server uses the database/);
    server.stop();
    expect(await server.exit).toBe(0);
  });

  it('when a setting is wrong, without the password of a URL', async () => {
    expect((await refusal({ PROOFHOUSE_PROT: '1' })).code).toBe(2);
    expect((await refusal({}, { prot: '1' })).line).toMatch(/did you mean port\?/);
    const url = 'postgres://user:hunter2@127.0.0.1:1/nothing';
    const { code, line } = await refusal({ PROOFHOUSE_DATA_DIR: freshFolder(), PROOFHOUSE_DATABASE_URL: url });
    expect(code).toBe(6);
    expect(line).not.toContain('hunter2');
    const overlapping = freshFolder();
    const inside = { PROOFHOUSE_DATA_DIR: overlapping, AGENT_JOB_ARTIFACT_ROOT: join(overlapping, 'blobs', 'view') };
    expect((await refusal(inside)).line).toMatch(/PROOFHOUSE_BLOB_URL .* AGENT_JOB_ARTIFACT_ROOT .* overlap/);
  });
});

describe('a server that is told to stop', () => {
  const jobOf = async (port: number) => {
    const body = '{"type":"exec"}';
    const headers = { ...admin, 'Content-Type': 'application/json', 'Content-Length': body.length };
    const answer = await sendRaw(port, head('POST /api/queue/jobs HTTP/1.1', headers) + body);
    return answer.json.id as string;
  };
  const admin = { Host: 'localhost', Authorization: `Bearer ${adminToken}` };
  const beginUpload = async (port: number, jobId: string) => {
    const connection = await RawConnection.open(port);
    const headers = { ...admin, 'Content-Length': 10, Expect: '100-continue' };
    connection.write(head(`PUT /api/queue/jobs/${jobId}/artifacts/a.txt HTTP/1.1`, headers));
    expect((await connection.answer())?.status).toBe(100);
    connection.write('first');
    return connection;
  };

  it('lets a running upload finish, takes no new connection, and exits 0', async () => {
    const server = run({ PROOFHOUSE_DATA_DIR: freshFolder(), PROOFHOUSE_ADMIN_TOKEN: adminToken });
    const port = await server.port();
    const jobId = await jobOf(port);
    const upload = await beginUpload(port, jobId);
    server.stop();
    await expect.poll(() => server.out.stderr).toMatch(/stopping/);
    await expect
      .poll(() =>
        RawConnection.open(port).then(
          () => 'open',
          () => 'refused',
        ),
      )
      .toBe('refused');
    upload.write('_last');
    expect(await upload.answer()).toMatchObject({ status: 201, json: { sizeBytes: 10 } });
    expect(await server.exit).toBe(0);
  });

  it('cuts off what has not ended within the limit', async () => {
    const settings = { PROOFHOUSE_ADMIN_TOKEN: adminToken, PROOFHOUSE_SHUTDOWN_SECONDS: '0' };
    const server = run({ PROOFHOUSE_DATA_DIR: freshFolder(), ...settings });
    const port = await server.port();
    const upload = await beginUpload(port, await jobOf(port));
    server.stop();
    expect(await server.exit).toBe(0);
    await upload.ending();
    expect(upload.rest).toBe('');
  });
});

const mount = join(folder, 'small-disk');
const mounted = ((): boolean => {
  try {
    mkdirSync(mount);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', mount], { stdio: 'ignore' });
    return true;
  } catch {
    process.stderr.write('\nNO SMALL DISK could be mounted: the tests of a full disk are SKIPPED.\n');
    return false;
  }
})();

describe.skipIf(!mounted)('on a full disk', () => {
  let t: Awaited<ReturnType<typeof startTestServer>>;
  beforeAll(async () => {
    t = await startTestServer({
      store: 'sqlite',
      settings: { dataDir: mount, databaseUrl: `sqlite:${join(folder, 'roomy', 'proofhouse.db')}` },
    });
  });
  afterAll(async () => {
    await t.close();
    execFileSync('umount', [mount]);
  });

  it('an upload is 507 and leaves no row; what was there stays, and there is room again for less', async () => {
    const job = await t.enqueue();
    const kept = await t.put(job.id, { name: 'kept.bin', file: Buffer.alloc(1_000_000, 'k') });
    expect(kept.status).toBe(201);
    for (const send of [t.put.bind(t), t.upload.bind(t)]) {
      const answer = await send(job.id, { name: 'too-much.bin', file: Buffer.alloc(1_800_000) });
      expect(answer).toMatchObject({ status: 507, json: { code: 'storage_full' } });
    }
    expect(await t.artifacts(job.id)).toHaveLength(1);
    expect((await t.download(kept.json)).bytes.equals(Buffer.alloc(1_000_000, 'k'))).toBe(true);
    expect((await t.put(job.id, { name: 'less.bin', file: Buffer.alloc(100_000) })).status).toBe(201);
  });
});

describe.skipIf(!mounted)('with the database on a full disk', () => {
  it('a job is 507, nothing that was answered is lost, reading goes on, and writing too once there is room', async () => {
    const disk = join(folder, 'small-database-disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]);
    const server = await startTestServer({ settings: { databaseUrl: `sqlite:${join(disk, 'proofhouse.db')}` } });
    const made: string[] = [];
    let refused;
    for (let tries = 0; tries < 50 && refused === undefined; tries++) {
      const answer = await server.post('/api/queue/jobs', { type: 'exec', payload: { text: 'x'.repeat(100_000) } });
      if (answer.status === 201) made.push(answer.json.id as string);
      else refused = answer;
    }
    expect(refused).toMatchObject({ status: 507, json: { code: 'storage_full' } });
    expect(made.length).toBeGreaterThan(0);
    for (const id of made) expect((await server.job(id)).status).toBe('queued');
    execFileSync('mount', ['-o', 'remount,size=20m', disk]);
    expect((await server.post('/api/queue/jobs', { type: 'exec' })).status).toBe(201);
    await server.close();
    execFileSync('umount', [disk]);
  });
});
