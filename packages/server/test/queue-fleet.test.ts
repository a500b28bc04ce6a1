// Runs many workers against several servers, some of which are killed or stopped. The servers are real processes and
// run in real time. The test does not check the speed.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import process from 'node:process';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import type { Job } from '@proofhouse/core';
import { ServerProcess } from '../../../scripts/chaos/server-process.ts';
import { migratedDatabase } from '../src/stores/sql/dialects/postgres/testing/test-database.ts';

/** Number of jobs: 200 in `npm test`, 1000 in `npm run test:long`, 10,000 in `npm run soak`. */
const fleetJobs = Number(process.env['FLEET_JOBS'] ?? (inject('isLongRun') === true ? 1000 : 200));
const claimers = 64;
const leaseSeconds = 5;

const postgresUrl = inject('postgresUrl');
let folder: string;
let started: ServerProcess[];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'proofhouse-fleet-'));
  started = [];
});

afterEach(async () => {
  await Promise.all(started.map((server) => server.kill()));
  await rm(folder, { recursive: true, force: true });
});

async function start(env: Record<string, string> = {}): Promise<ServerProcess> {
  const server = await ServerProcess.mustStart({ PROOFHOUSE_DATA_DIR: folder, ...env });
  started.push(server);
  return server;
}

/** A claimed job, as the answer of the server described it to the worker. */
interface Run {
  readonly jobId: string;
  readonly leaseId: string;
  readonly claimedAt: number;
  readonly leaseExpiresAt: number;
  /** True if the server answered 200 when the worker completed the job. */
  ended: boolean;
}

class Fleet {
  readonly runs: Run[] = [];
  readonly #servers: readonly ServerProcess[];
  readonly #wanted: number;
  #done = 0;

  constructor(servers: readonly ServerProcess[], wanted: number) {
    this.#servers = servers;
    this.#wanted = wanted;
  }

  get done(): number {
    return this.#done;
  }

  /**
   * Claims and completes jobs until every job has ended. Workers with an even `index` send an idempotency key with each
   * claim. If such a claim gets no answer, the worker repeats it with the same key.
   */
  async work(index: number, token: string): Promise<void> {
    let server = index;
    const call = async (place: string, body: object, headers: Record<string, string> = {}) => {
      const at = this.#servers[server % this.#servers.length];
      const init = { method: 'POST', body: JSON.stringify(body) };
      const response = await at?.fetch(place, {
        ...init,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      });
      return { status: response?.status, json: (await response?.json()) as { job: Job | null } };
    };
    for (let turn = 0; this.#done < this.#wanted;) {
      const key = index % 2 === 0 ? { 'idempotency-key': `claim-${String(index)}-${String(turn)}` } : undefined;
      try {
        const { status, json } = await call('/api/queue/jobs/claim', { leaseSeconds, waitSeconds: 1 }, key);
        if (status !== 200) throw new Error(`a claim was answered with ${String(status)}`);
        if (json.job === null) continue;
        turn += 1;
        await this.#finish(json.job, call, () => (server += 1));
      } catch (error) {
        if (!isBroken(error)) throw error;
        server += 1;
      }
    }
  }

  async #finish(
    job: Job,
    call: (place: string, body: object, headers: Record<string, string>) => Promise<{ status: number | undefined }>,
    elsewhere: () => void,
  ): Promise<void> {
    // A repeated claim may return a job that another worker holds now. The answer then omits the lease id of this job.
    const { leaseId, leaseExpiresAt } = job;
    if (leaseId === undefined || leaseExpiresAt === null) return;
    const times = { claimedAt: Date.parse(job.updatedAt), leaseExpiresAt: Date.parse(leaseExpiresAt) };
    const run = { jobId: job.id, leaseId, ...times, ended: false };
    this.runs.push(run);
    await new Promise((settle) => setTimeout(settle, Math.random() * 20));
    for (;;) {
      try {
        const { status } = await call(`/api/queue/jobs/${job.id}/complete`, {}, { 'proofhouse-lease': leaseId });
        run.ended = status === 200;
        if (run.ended) this.#done += 1;
        else expect(status).toBe(409);
        return;
      } catch (error) {
        if (!isBroken(error)) throw error;
        elsewhere();
      }
    }
  }
}

// Returns true if the error means that the connection broke or the answer is incomplete, because a server was killed.
function isBroken(error: unknown): boolean {
  return error instanceof TypeError || error instanceof SyntaxError;
}

async function inParallel(count: number, width: number, task: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < count) await task(next++);
    }),
  );
}

describe.skipIf(postgresUrl === undefined)('two servers on one Postgres, one of which is killed', () => {
  it(
    `of ${String(fleetJobs)} jobs each ends exactly once, and none runs twice within a valid lease`,
    async () => {
      const database = await migratedDatabase(postgresUrl ?? '');
      const env = { PROOFHOUSE_DATABASE_URL: database.url };
      const [one, two] = await Promise.all([start(env), start(env)]);
      const tokens: string[] = [];
      for (let index = 0; index < claimers; index++) {
        const made = await one.json('/api/queue/workers/tokens', { workerId: `worker-${String(index)}` });
        tokens.push((made as { token: string }).token);
      }
      const fleet = new Fleet([one, two], fleetJobs);
      const working = Promise.all(tokens.map((token, index) => fleet.work(index, token)));
      // Jobs are created at the second server, because it is never killed. Meanwhile, workers already claim jobs.
      await inParallel(fleetJobs, 16, () => two.json('/api/queue/jobs', { type: 'exec', maxAttempts: 1000 }));
      while (fleet.done < fleetJobs / 2) await new Promise((settle) => setTimeout(settle, 5));
      await one.kill();
      await working;

      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      const { rows: jobs } = await client.query<{ id: string; status: string; kinds: string; gapless: boolean }>(`
        select jobs.id, jobs.status, string_agg(kind, ' ' order by seq) as kinds,
          count(*) = max(seq) and max(seq) = jobs.last_seq as gapless
        from jobs join job_events on job_events.job_id = jobs.id group by jobs.id, jobs.status, jobs.last_seq`);
      await client.end();
      expect(jobs).toHaveLength(fleetJobs);
      expect(jobs.filter((job) => job.status !== 'succeeded' || !job.gapless)).toEqual([]);
      const lives = /^queued claimed (lease_expired retry_scheduled claimed )*completed$/;
      expect(jobs.filter((job) => !lives.test(job.kinds))).toEqual([]);

      const runsOf = Map.groupBy(fleet.runs, (run) => run.jobId);
      for (const runs of runsOf.values()) {
        const leases = Map.groupBy(runs, (run) => run.leaseId);
        const ended = [...leases.values()].filter((same) => same.some((run) => run.ended));
        expect(ended.length, `ends of job ${String(runs[0]?.jobId)}`).toBeLessThanOrEqual(1);
        const inOrder = [...leases.values()].flatMap((same) => same[0] ?? []).sort((a, b) => a.claimedAt - b.claimedAt);
        for (const [index, run] of inOrder.entries()) {
          const before = inOrder[index - 1];
          if (before !== undefined) expect(run.claimedAt).toBeGreaterThanOrEqual(before.leaseExpiresAt);
        }
      }
      expect(fleet.runs.filter((run) => run.ended)).toHaveLength(fleetJobs);
      await two.kill();
      await database.drop();
    },
    120_000 + fleetJobs * 60,
  );
});

describe.each(['sqlite', 'postgres'] as const)('a worker that was stopped past its lease, on %s', (store) => {
  const isMissing = store === 'postgres' && postgresUrl === undefined;
  let server: ServerProcess;
  let drop: () => Promise<void> = () => Promise.resolve();

  async function token(workerId: string): Promise<string> {
    return ((await server.json('/api/queue/workers/tokens', { workerId })) as { token: string }).token;
  }

  beforeEach(async () => {
    if (isMissing) return;
    if (store === 'sqlite') {
      server = await start();
      return;
    }
    const database = await migratedDatabase(postgresUrl ?? '');
    server = await start({ PROOFHOUSE_DATABASE_URL: database.url });
    drop = async () => {
      await server.kill();
      await database.drop();
    };
  });
  afterEach(() => drop());

  it.skipIf(isMissing).each([
    ['its job waits for another', 3, 'queued'],
    ['its job is held by another', 3, 'running'],
    ['its job is over', 1, 'dead_letter'],
  ])('writes nothing when it goes on and %s', async (_, maxAttempts, status) => {
    const made = (await server.json('/api/queue/jobs', { type: 'exec', maxAttempts })) as Job;
    const child = spawn(process.execPath, [path.join(import.meta.dirname, 'support/stale-worker.ts')], {
      env: { ...process.env, WORKER_URL: server.url, WORKER_TOKEN: await token('stale') },
      stdio: ['ignore', 'pipe', 'inherit'],
    }) as ChildProcess & { stdout: NodeJS.ReadableStream };
    try {
      const lines = createInterface({ input: child.stdout });
      const said = lines[Symbol.asyncIterator]();
      expect(JSON.parse(String((await said.next()).value))).toMatchObject({ id: made.id });
      const job = async (): Promise<Job> => (await server.json(`/api/queue/jobs/${made.id}`)) as Job;
      child.kill('SIGSTOP');
      const lost = { interval: 50, timeout: 20_000 };
      await expect.poll(async () => (await job()).status, lost).not.toBe('running');
      if (status === 'running') {
        const authorization = `Bearer ${await token('successor')}`;
        const claim = { leaseSeconds: 600, waitSeconds: 30 };
        const { job: taken } = (await server.json('/api/queue/jobs/claim', claim, { authorization })) as { job: Job };
        expect(taken).toMatchObject({ id: made.id, attempt: 2 });
      }
      const before = await job();
      expect(before.status).toBe(status);
      const log = await server.json(`/api/queue/jobs/${made.id}/events`);
      child.kill('SIGCONT');
      const answers = JSON.parse(String((await said.next()).value)) as Record<string, string>;
      expect(new Set(Object.values(answers))).toEqual(new Set(['409 lease_lost']));
      expect(Object.keys(answers)).toHaveLength(6);
      expect(await job()).toEqual(before);
      expect(await server.json(`/api/queue/jobs/${made.id}/events`)).toEqual(log);
      expect(await server.json(`/api/queue/jobs/${made.id}/artifacts`)).toEqual({ items: [], nextCursor: null });
    } finally {
      if (child.exitCode === null) {
        child.kill('SIGKILL');
        await once(child, 'close');
      }
    }
  });
});
