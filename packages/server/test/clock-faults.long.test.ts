// Runs several servers on one Postgres. The clocks of the servers and of Postgres are wrong, jump and drift. The
// servers are real processes with libfaketime, and run in real time. The test reads only the answers that workers
// received.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { ServerProcess } from '../../../scripts/chaos/server-process.ts';
import { FakeClock, faketimeLibrary } from './support/fake-clock.ts';
import { violationsOf, type FoundJob, type HeldLease, type Violations } from './support/lease-history.ts';
import { migratedDatabase } from '../src/stores/sql/dialects/postgres/testing/test-database.ts';

/** Duration of the run in seconds. The full run takes 180. */
const seconds = Number(process.env['CLOCK_SECONDS'] ?? 8);
const workers = 12;
const leaseSeconds = 2;
const hour = 3_600_000;

const postgresUrl = inject('postgresUrl');
const isMissing = faketimeLibrary === undefined;
if (isMissing)
  console.warn('SKIPPED: servers with wrong clocks are not tested, for want of libfaketime (Debian: faketime).');

let folder: string;
let started: ServerProcess[];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'proofhouse-clocks-'));
  started = [];
});

afterEach(async () => {
  await Promise.all(started.map((server) => server.kill()));
  await rm(folder, { recursive: true, force: true });
});

it('libfaketime is there where nothing may be skipped', () => {
  if (process.env['CI'] !== undefined) expect(faketimeLibrary).toBeDefined();
});

interface Answered {
  readonly status: number;
  readonly json: { readonly job?: ClaimedJob | null; readonly id?: string };
  readonly sentAt: number;
  readonly answeredAt: number;
}

interface ClaimedJob {
  readonly id: string;
  readonly attempt: number;
  readonly leaseId: string;
}

const now = (): number => performance.now();
const rest = (ms: number): Promise<void> => new Promise((settle) => setTimeout(settle, ms));
const among = <Item>(items: readonly Item[]): Item => items[Math.floor(Math.random() * items.length)] as Item;

class Fleet {
  readonly leases: HeldLease[] = [];
  readonly jobIds: string[] = [];
  refusedEnds = 0;
  readonly #servers: readonly ServerProcess[];
  readonly #endsAt = now() + seconds * 1000;

  constructor(servers: readonly ServerProcess[]) {
    this.#servers = servers;
  }

  get isOver(): boolean {
    return now() > this.#endsAt;
  }

  get isHalfOver(): boolean {
    return now() > this.#endsAt - seconds * 500;
  }

  summary(jobs: readonly FoundJob[]): string {
    const ended = this.leases.filter((lease) => lease.ended !== undefined).length;
    const passed = jobs.reduce((sum, { attempt }) => sum + attempt - 1, 0);
    return (
      `${String(jobs.length)} jobs, ${String(this.leases.length)} claims, ${String(ended)} acknowledged ends, ` +
      `${String(passed)} leases that passed, ${String(this.refusedEnds)} refused ends.`
    );
  }

  async #post(place: string, body: object, headers: Record<string, string> = {}): Promise<Answered> {
    const sentAt = now();
    const init = { method: 'POST', body: JSON.stringify(body) };
    const response = await among(this.#servers).fetch(place, {
      ...init,
      headers: { 'content-type': 'application/json', ...headers },
    });
    const json = (await response.json()) as Answered['json'];
    return { status: response.status, json, sentAt, answeredAt: now() };
  }

  async produce(): Promise<void> {
    while (!this.isOver) {
      const answer = await this.#post('/api/queue/jobs', { type: 'exec', maxAttempts: 100 });
      if (answer.json.id !== undefined) this.jobIds.push(answer.json.id);
      // Keeps enough unfinished jobs for every worker. There are also few enough that a job whose worker lost its lease
      // is claimed again during the run.
      await rest(this.jobIds.length - this.leases.length > workers ? 100 : 10);
    }
  }

  async work(token: string): Promise<void> {
    const headers = { authorization: `Bearer ${token}` };
    while (!this.isOver) {
      const answer = await this.#post('/api/queue/jobs/claim', { leaseSeconds, waitSeconds: 0 }, headers);
      const job = answer.json.job;
      if (job == null) await rest(20);
      else await this.#hold(job, answer, headers);
    }
  }

  async #hold(job: ClaimedJob, { sentAt, answeredAt }: Answered, headers: Record<string, string>): Promise<void> {
    const { id: jobId, attempt, leaseId } = job;
    const lease: HeldLease = {
      ...{ jobId, attempt, leaseId, leaseMs: leaseSeconds * 1000, answeredAt },
      renewals: [{ sentAt, answeredAt }],
    };
    this.leases.push(lease);
    const fenced = { ...headers, 'proofhouse-lease': leaseId };
    const kind = Math.random();
    if (kind < 0.5) await rest(Math.random() * 50);
    else if (kind < 0.75) {
      // This worker needs longer than its first lease. It renews the lease several times, each time at a random server.
      for (let beats = 0; beats < 6; beats++) {
        await rest(500);
        const beat = await this.#post(`/api/queue/jobs/${jobId}/heartbeat`, { leaseSeconds }, fenced);
        if (beat.status !== 200) return;
        lease.renewals.push(beat);
      }
    } else {
      // This worker sends nothing until its lease has nearly or already expired. Then it tries to complete the job.
      await rest(leaseSeconds * 1000 - 500 + Math.random() * 3000);
    }
    const end = await this.#post(`/api/queue/jobs/${jobId}/complete`, {}, fenced);
    if (end.status === 200) lease.ended = end;
    else this.refusedEnds += 1;
  }

  async found(): Promise<FoundJob[]> {
    const jobs: FoundJob[] = [];
    const [server] = this.#servers;
    const ids = [...this.jobIds];
    const read = async (): Promise<void> => {
      for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
        const job = (await server?.json(`/api/queue/jobs/${id}`)) as Omit<FoundJob, 'events'>;
        const events = (await server?.json(`/api/queue/jobs/${id}/events?limit=200`)) as { items: FoundJob['events'] };
        jobs.push({ ...job, events: events.items });
      }
    };
    await Promise.all([read(), read(), read(), read()]);
    return jobs;
  }
}

/**
 * Makes the clock of the database settable. Statements use a `clock_timestamp` function that shadows the built-in one.
 * Returns a function that adds an offset in ms to this clock.
 */
async function settableClock(url: string): Promise<(ms: number) => Promise<void>> {
  const name = new URL(url).pathname.slice(1);
  await query(
    url,
    `create schema fake; create table fake.step (ms float8); insert into fake.step values (0);
      create function fake.clock_timestamp() returns timestamptz language sql volatile as
        'select pg_catalog.clock_timestamp() + ms * interval ''1 millisecond'' from fake.step';
      alter database ${name} set search_path = public, fake, pg_catalog`,
  );
  return (ms) => query(url, `update fake.step set ms = ms + ${String(ms)}`);
}

async function query(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

async function newToken(server: ServerProcess): Promise<string> {
  const workerId = `worker-${randomBytes(4).toString('hex')}`;
  return ((await server.json('/api/queue/workers/tokens', { workerId })) as { token: string }).token;
}

/**
 * Changes the clocks of the servers again and again. In the second half of the run, also changes the clock of the
 * database.
 */
async function disturb(fleet: Fleet, clocks: readonly FakeClock[], setDatabase: (ms: number) => Promise<void>) {
  const [first, second, third] = clocks;
  first?.set('+1.5 x1.05');
  second?.set('-1.5 x0.95');
  for (let steps = 0; !fleet.isOver; steps++) {
    await rest(1200 + Math.random() * 1000);
    third?.set(among(['+0', '+2', '-2', '+30', '-30', '+600', '-600', '+3600', '-3600']));
    if (fleet.isHalfOver && steps % 2 === 0) await setDatabase(hour);
  }
}

describe.skipIf(postgresUrl === undefined || isMissing)('three servers whose clocks are wrong, step and drift', () => {
  it(
    `for ${String(seconds)} s, half of it on a database whose clock is set: no job has two holders, no acknowledged end is lost, no attempt is used up`,
    async () => {
      const database = await migratedDatabase(postgresUrl ?? '');
      try {
        const setDatabase = await settableClock(database.url);
        const clocks = ['+1.5', '-1.5', '+0'].map((offset, at) => new FakeClock(path.join(folder, String(at)), offset));
        const env = { PROOFHOUSE_DATA_DIR: folder, PROOFHOUSE_DATABASE_URL: database.url };
        const starting = clocks.map((clock) => ServerProcess.mustStart({ ...env, ...clock.env }));
        for (const server of await Promise.allSettled(starting)) {
          if (server.status === 'fulfilled') started.push(server.value);
        }
        await Promise.all(starting);
        const tokens = await Promise.all(Array.from({ length: workers }, () => newToken(among(started))));
        const fleet = new Fleet(started);
        const work = tokens.map((token) => fleet.work(token));
        await Promise.all([disturb(fleet, clocks, setDatabase), fleet.produce(), ...work]);
        const jobs = await fleet.found();
        const found = violationsOf(fleet.leases, jobs);
        console.log(`RESULT\n${fleet.summary(jobs)} Violations: ${countsOf(found)}.`);
        expect(fleet.leases.length).toBeGreaterThan(0);
        expect(found).toEqual({ overlaps: [], attempts: [], ends: [], events: [] });
      } finally {
        await Promise.all(started.map((server) => server.kill()));
        await database.drop();
      }
    },
    (seconds + 120) * 1000,
  );
});

function countsOf(found: Violations): string {
  return Object.entries(found)
    .map(([name, { length }]) => `${name} ${String(length)}`)
    .join(', ');
}
