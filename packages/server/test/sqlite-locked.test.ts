import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ServerProcess } from '../../../scripts/chaos/server-process.ts';

const holdLock = path.join(import.meta.dirname, '../src/stores/sql/dialects/sqlite/testing/hold-lock.ts');
let folder: string;
let server: ServerProcess;
let holder: ChildProcess | undefined;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'proofhouse-locked-'));
  server = await ServerProcess.mustStart({ PROOFHOUSE_DATA_DIR: folder });
});

afterEach(async () => {
  holder?.kill('SIGKILL');
  await server.kill();
  await rm(folder, { recursive: true, force: true });
});

async function hold(statement: string): Promise<void> {
  const child = spawn(process.execPath, [holdLock, path.join(folder, 'proofhouse.db'), statement], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  holder = child;
  await once(child.stdout, 'data');
}

async function release(): Promise<void> {
  if (holder === undefined) return;
  const ended = once(holder, 'close');
  holder.stdin?.end();
  await ended;
  holder = undefined;
}

it.each(['begin immediate', 'begin exclusive'])(
  'while another process holds "%s", the health check and reads answer before the writes, which are kept',
  async (statement) => {
    const known = await server.newJob();
    await hold(statement);
    const settled: string[] = [];
    const writes = Array.from({ length: 40 }, () => server.newJob().then((id) => (settled.push(id), id)));
    // The server must answer these calls while the writes wait. If the event loop were blocked, it would answer only
    // after the writes have failed.
    for (let round = 0; round < 10; round++) {
      expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
      expect(await server.json(`/api/queue/jobs/${known}`)).toMatchObject({ id: known });
    }
    expect(settled).toEqual([]);
    await release();
    const ids = await Promise.all(writes);
    await server.kill();
    server = await ServerProcess.mustStart({ PROOFHOUSE_DATA_DIR: folder });
    for (const id of ids) expect(await server.json(`/api/queue/jobs/${id}`)).toMatchObject({ id });
  },
);
