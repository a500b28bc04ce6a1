import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { ServerProcess, type Ending } from '../../../scripts/chaos/server-process.ts';
import { migratedDatabase } from '../src/stores/sql/dialects/postgres/testing/test-database.ts';

interface Artifact {
  readonly id: string;
  readonly name: string;
  readonly digest: string;
}

const postgresUrl = inject('postgresUrl');
let folder: string;
let started: ServerProcess[];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'proofhouse-two-'));
  started = [];
});

afterEach(async () => {
  await Promise.all(started.map((server) => server.kill()));
  await rm(folder, { recursive: true, force: true });
});

async function start(env: Record<string, string>): Promise<ServerProcess> {
  const server = await ServerProcess.mustStart({ PROOFHOUSE_DATA_DIR: folder, ...env });
  started.push(server);
  return server;
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

async function put(server: ServerProcess, jobId: string, name: string, bytes: Buffer<ArrayBuffer>): Promise<Artifact> {
  const response = await server.fetch(`/api/queue/jobs/${jobId}/artifacts/${name}`, { method: 'PUT', body: bytes });
  expect(response.status).toBe(201);
  return (await response.json()) as Artifact;
}

async function list(server: ServerProcess, jobId: string): Promise<Artifact[]> {
  return ((await server.json(`/api/queue/jobs/${jobId}/artifacts`)) as { items: Artifact[] }).items;
}

async function download(server: ServerProcess, jobId: string, id: string): Promise<string> {
  const response = await server.fetch(`/api/queue/jobs/${jobId}/artifacts/${id}/download`);
  return digestOf(new Uint8Array(await response.arrayBuffer()));
}

describe.skipIf(postgresUrl === undefined)('two servers on one Postgres, one blob folder and one job view', () => {
  let drop: () => Promise<void>;
  let one: ServerProcess;
  let two: ServerProcess;

  beforeEach(async () => {
    const database = await migratedDatabase(postgresUrl ?? '');
    drop = database.drop;
    // Both servers start at the same time on an empty database. One creates the tables, and the other waits for it.
    const env = { PROOFHOUSE_DATABASE_URL: database.url };
    [one, two] = await Promise.all([start(env), start(env)]);
  });

  afterEach(async () => {
    await Promise.all([one.kill(), two.kill()]);
    await drop();
  });

  it('what is uploaded through one is listed and downloaded through the other', async () => {
    const jobId = await one.newJob();
    for (const size of [0, 4096, 3_000_000]) {
      const bytes = randomBytes(size);
      const { id } = await put(one, jobId, `file-${String(size)}`, bytes);
      expect((await list(two, jobId))[0]).toMatchObject({ id, digest: digestOf(bytes) });
      expect(await download(two, jobId, id)).toBe(digestOf(bytes));
    }
  });

  it('concurrent claims through both never give one job twice', async () => {
    const jobs = await Promise.all(Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? one : two).newJob()));
    const tokens = await Promise.all(
      ['worker-a', 'worker-b'].map((workerId) => one.json('/api/queue/workers/tokens', { workerId })),
    );
    const claim = async (server: ServerProcess, worker: number): Promise<string[]> => {
      const { token } = tokens[worker] as { token: string };
      const workerId = worker === 0 ? 'worker-a' : 'worker-b';
      const claimed: string[] = [];
      for (;;) {
        const answer = await server.json(
          '/api/queue/jobs/claim',
          { workerId, leaseSeconds: 600 },
          { authorization: `Bearer ${token}` },
        );
        const { job } = answer as { job: { id: string } | null };
        if (job === null) return claimed;
        claimed.push(job.id);
      }
    };
    const claimed = (
      await Promise.all([claim(one, 0), claim(one, 0), claim(two, 1), claim(two, 1), claim(two, 0), claim(one, 1)])
    ).flat();
    expect(claimed.toSorted()).toEqual(jobs.toSorted());
  });

  it('the same name uploaded through both at once is kept twice, and the view shows the newest', async () => {
    const jobId = await one.newJob();
    for (let round = 0; round < 10; round++) {
      const name = `logs/same-${String(round)}.txt`;
      const uploads = [one, two, one, two].map((server) => put(server, jobId, name, randomBytes(5000)));
      const ids = (await Promise.all(uploads)).map(({ id }) => id);
      const kept = (await list(two, jobId)).filter((artifact) => artifact.name === name);
      expect(kept.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
      const shown = await readFile(path.join(folder, 'artifacts/agent_jobs', jobId, name));
      expect(digestOf(shown), `round ${String(round)}`).toBe(kept[0]?.digest);
    }
  });

  it('one that is killed while it uploads does not disturb the other', async () => {
    const jobId = await one.newJob();
    const bytes = randomBytes(4_000_000);
    const cutOff = Array.from({ length: 6 }, (_, index) =>
      put(one, jobId, `cut-${String(index)}`, bytes).then(
        ({ id }) => id,
        () => undefined,
      ),
    );
    const whole = put(two, jobId, 'whole', bytes);
    await one.kill();
    const { id } = await whole;
    const acknowledged = (await Promise.all(cutOff)).filter((each) => each !== undefined);
    await put(two, jobId, 'after', bytes);
    const listed = await list(two, jobId);
    expect(listed.map((each) => each.id)).toEqual(expect.arrayContaining([id, ...acknowledged]));
    for (const artifact of listed) expect(await download(two, jobId, artifact.id)).toBe(digestOf(bytes));
  });

  it('the end of a job is counted by one of them, also when both look for leases that passed', async () => {
    const ids = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const { id } = (await one.json('/api/queue/jobs', { type: 'exec', maxAttempts: 1 })) as { id: string };
        return id;
      }),
    );
    await one.json('/api/queue/jobs/claim', { workerId: 'lost', leaseSeconds: 1, maxJobs: 20 });
    const counted = async (server: ServerProcess): Promise<number> => {
      const text = await (await server.fetch('/metrics')).text();
      return Number(/^proofhouse_jobs_ended_total\{type="exec",outcome="dead_letter"\} (\d+)$/m.exec(text)?.[1]);
    };
    const sum = async (): Promise<number> => (await counted(one)) + (await counted(two));
    await expect.poll(sum, { timeout: 15_000 }).toBe(ids.length);
  });
});

it('a second server on one SQLite file is refused with one clear line, and the first goes on', async () => {
  const first = await start({});
  const second = (await ServerProcess.start({ PROOFHOUSE_DATA_DIR: folder })) as Ending;
  expect(second.code).toBeGreaterThan(0);
  expect(second.stderr).toMatch(/^proofhouse: Another server uses the database .+proofhouse\.db; stop it, .+\n$/);
  expect(await first.newJob()).toMatch(/^[0-9a-f-]{36}$/);
  await first.kill();
  // The database file still exists, but it is no longer locked. The operating system releases the lock when the process
  // ends, even after SIGKILL.
  expect(existsSync(path.join(folder, 'proofhouse.db'))).toBe(true);
  const third = await start({});
  expect(await third.newJob()).toMatch(/^[0-9a-f-]{36}$/);
});
