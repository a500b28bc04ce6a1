import type { JobRecord, SeenWorker } from '@proofhouse/core';
import Database from 'better-sqlite3';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { describe, expect, inject, it } from 'vitest';
import {
  claimBy,
  commitOf,
  key,
  newArtifact,
  newCredential,
  newJob,
  newSession,
  newUser,
  newUserToken,
  start,
} from '../contract/records.ts';
import type { MetadataStore } from '../metadata-store.ts';
import { openPostgresEngine, plannerSettings } from './dialects/postgres/postgres-engine.ts';
import { runOn, migratedDatabase } from './dialects/postgres/testing/test-database.ts';
import { openSqliteEngine } from './dialects/sqlite/sqlite-engine.ts';
import type { QueueEngine } from './queue/queue-dialect.ts';
import { SqlMetadataStore } from './sql-metadata-store.ts';
import type { CompiledStatement } from './engine/statement.ts';
import { watchSteps, type EngineMethod } from './testing/watch-steps.ts';
import { counterAt, exists, insert, raise, unchanged, update } from '../../kernel/commit.ts';

/** The value of a parameter. */
type Value = string | number | null;

/**
 * A statement that the store ran. It has the parameters of one of its executions, and the names of the engine methods
 * that ran it.
 */
interface Seen {
  readonly compiled: CompiledStatement;
  readonly values: readonly Value[];
  readonly methods: Set<EngineMethod>;
}

/** Wraps an engine. Records every statement in `seen`, with the parameters of one of its executions. */
function recording(engine: QueueEngine, seen: Map<string, Seen>): QueueEngine {
  return watchSteps(engine, (method) => ({ statement, params }) => {
    const compiled = statement.compiled(engine.dialect);
    const methods = seen.get(compiled.sql)?.methods ?? new Set<EngineMethod>();
    seen.set(compiled.sql, {
      compiled,
      values: compiled.arguments(params) as Value[],
      methods: methods.add(method),
    });
  });
}

/**
 * Creates many jobs in every state. Then a statement without a fitting index gets a plan with a table scan, which this
 * test finds.
 */
async function load(store: MetadataStore): Promise<void> {
  const types = ['task', 'exec', 'manifest'];
  const jobs = Array.from({ length: 4000 }, (_, i) =>
    newJob({
      type: types[i % 3]!,
      priority: i % 5,
      createdAt: start + i,
      requiredCapabilities: i % 2 === 0 ? ['git'] : [],
      nextAttemptAt: i % 10 === 0 ? start + 1e9 + i : null,
    }),
  );
  await Promise.all(jobs.map((job) => store.jobs.enqueue(job, key({ key: job.id, resourceId: job.id }))));
  for (let i = 0; i < 15; i++) {
    const leaseIds = Array.from({ length: 100 }, (_, n) => `l${i}-${n}`);
    await store.jobs.claim(
      claimBy(`w${i}`, { leaseIds, leaseMs: i < 5 ? 10 : 1e9, capabilities: ['git'], now: start + 5000 }),
    );
  }
  for (let i = 0; i < 30; i++) {
    const artifacts = Array.from({ length: 90 }, (_, n) =>
      newArtifact({ jobId: `j${i}`, name: `n${n % 9}`, createdAt: start + n }),
    );
    await store.commit(commitOf(artifacts.map((artifact) => insert('artifact', artifact))));
    const credentials = Array.from({ length: 90 }, () => newCredential({ workerId: `w${i}` }));
    await store.commit(commitOf(credentials.map((credential) => insert('credential', credential))));
    const taken = Array.from(
      { length: 90 },
      (_, n) => ({ kind: 'take-path', jobId: `j${i}`, path: `n${n}`, as: 'file' }) as const,
    );
    await store.commit(commitOf(taken));
  }
}

/**
 * Number of jobs in each of three groups that no worker of the tests may claim: claimable jobs of many other routes,
 * ended jobs, and jobs that are due much later.
 */
const ineligible = 50_000;
const finished = 50_000;
const delayed = 20_000;
const routesOfOthers = 40;

/**
 * Returns statements that insert jobs which no worker of the tests may claim. `series(count)` returns SQL for a table
 * with a column `n` that contains the numbers from 1 to `count`.
 */
const othersSql = (series: (count: number) => string): string[] => [
  `insert into job_routes (id, type, repository, capabilities, number)
    select 'other-' || n, 'task', null, '["none-' || n || '"]', 1000 + n from ${series(routesOfOthers)}`,
  `insert into job_routes (id, type, repository, capabilities, number)
    select 'unused-' || n, 'task', null, '["unused-' || n || '"]', 2000 + n from ${series(5)}`,
  `insert into jobs (id, type, category, status, ready, route_id, priority, required_capabilities, created_by, attempt,
      max_attempts, created_at, updated_at, last_seq, payload)
    select 'other-' || n, 'task', 'work', 'queued', 1, 'other-' || (n % ${routesOfOthers} + 1), 9,
      '["none-' || (n % ${routesOfOthers} + 1) || '"]', 'x', 1, 3, ${start} + n, ${start}, 1, '{}'
    from ${series(ineligible)}`,
  `insert into jobs (id, type, category, status, ready, route_id, priority, required_capabilities, created_by, attempt,
      max_attempts, claimed_by, lease_id, finished_at, created_at, updated_at, last_seq, payload)
    select 'over-' || n, 'exec', 'work', case n % 4 when 0 then 'failed' when 1 then 'cancelled' when 2 then 'dead_letter'
      else 'succeeded' end, 0, 'over', 9, '[]', 'x', 1, 3, 'w' || (n % 9), 'l', ${start}, ${start} + n, ${start}, 3, '{}'
    from ${series(finished)}`,
  `insert into jobs (id, type, category, status, ready, route_id, priority, required_capabilities, created_by, attempt,
      max_attempts, next_attempt_at, created_at, updated_at, last_seq, payload)
    select 'later-' || n, 'exec', 'work', 'queued', 0, 'later', 9, '[]', 'x', 1, 3, ${start + 1e12} + n % 7, ${start} + n,
      ${start}, 1, '{}'
    from ${series(delayed)}`,
  `insert into worker_presence (worker_id, last_seen_at, capabilities)
    select 'seen-' || n, ${start} + n, '[]' from ${series(5000)}`,
  ...experimentsSql(series),
  ...peopleSql(series),
];

/** Returns statements that insert users with their tokens, sessions and sign-in codes. */
function peopleSql(series: (count: number) => string): string[] {
  return [
    `insert into users (id, name, role, epoch, version, created_at, updated_at)
      select 'user-' || n, 'n', case n % 50 when 0 then 'admin' else 'operator' end, 1, 1, ${start} + n, ${start}
      from ${series(5000)}`,
    `insert into user_tokens (id, user_id, sha256, may_act_for, epoch, created_by, created_at, version)
      select 'token-' || n, 'user-' || (n % 500), 'hash-' || n, 0, 1, 'admin', ${start} + n, 1 from ${series(20_000)}`,
    `insert into sessions (sha256, page_sha256, user_id, epoch, token_id, created_at, expires_at)
      select 'cookie-' || n, 'page-' || n, 'user-' || (n % 500), 1, 'token-' || n, ${start}, ${start + 1e10} + n
      from ${series(20_000)}`,
    `insert into sign_in_codes (sha256, user_id, epoch, expires_at)
      select 'code-' || n, 'user-' || n, 1, ${start + 1e10} + n from ${series(20_000)}`,
  ];
}

/** Returns statements that insert a hundred busy experiments among many small ones. */
function experimentsSql(series: (count: number) => string): string[] {
  return [
    `insert into experiments (id, created_by, created_at, version)
      select 'exp-' || n, 'admin', ${start} + n, 1 from ${series(5000)}`,
    `insert into groups (id, experiment_id, name, created_by, created_at)
      select 'grp_' || n, 'exp-' || (n % 100), 'name-' || (n % 7), 'admin', ${start} + n from ${series(20_000)}`,
    `insert into group_members (group_id, member_id, experiment_id, added_at, place)
      select 'grp_' || (n % 900), case n % 50 when 0 then 'grp_' || (n + 1) else 'wkr_' || n end, 'exp-' || (n % 100),
        ${start}, n from ${series(60_000)}`,
    `insert into workers (id, name, experiment_id, created_at)
      select 'wkr_' || n, 'name-' || (n % 7), case n % 2 when 0 then 'exp-' || (n % 100) end, ${start} + n
      from ${series(40_000)}`,
    `insert into artifacts (id, uri, type, title, status, storage_provider, content_type, blob_key, blob_sha256,
        blob_size_bytes, blob_fingerprint, data_class, visibility, source_type, produced_by, experiment_id, created_by,
        tags, metadata, pinned_at, purged_at, version, created_at, updated_at)
      select 'a-' || n, 'u-' || n, case n % 3 when 0 then 'log' else 'other' end, 't', 'draft', 'filesystem', 'c',
        'k-' || n, 's', n, 'f', 'internal', 'internal', 'manual-upload', 'person', case n % 2 when 0 then 'exp-' || (n % 100) end,
        'wkr_' || (n % 300), '[]', '{}', case n % 9 when 0 then 1 end, case n % 5 when 0 then 1 end, 1, ${start} + n,
        ${start} from ${series(60_000)}`,
    `insert into artifact_grants (artifact_id, reader, granted_by, granted_at)
      select 'a-' || (n % 5000), 'wkr_' || n, 'admin', ${start} from ${series(30_000)}`,
    `insert into artifact_history (id, artifact_id, created_at, actor, decision, from_status, to_status)
      select 'h-' || n, 'a-' || (n % 5000), ${start} + n, 'admin', 'submit', 'draft', 'needs-review'
      from ${series(30_000)}`,
    `insert into audit_entries (id, created_at, actor, operation, target, outcome, detail)
      select 'e-' || n, ${start} + n, 'admin', 'cancelJob', 'job:' || (n % 5000), 'done', '{}' from ${series(30_000)}`,
  ];
}

/** Runs every list, claim, sweep and look-up of the store. */
async function exercise(store: MetadataStore): Promise<void> {
  const { jobs, artifacts, workers, settings } = store;
  const now = start + 10_000;
  const job = newJob({ createdAt: now });
  await jobs.enqueue(job, key({ resourceId: job.id }));
  await jobs.enqueue(job, key({ resourceId: job.id }));
  const { resourceId: _, ...idempotency } = key({ operation: 'claimJob' });
  const firstClaim = await jobs.claim(claimBy('w', { leaseIds: ['x1'], now }));
  const held = (firstClaim as { jobs: readonly JobRecord[] }).jobs[0]!.id;
  for (const capabilities of [[], ['git']]) {
    for (const leaseIds of [['x2'], ['x3', 'x4']]) await jobs.claim(claimBy('w', { capabilities, leaseIds, now }));
  }
  await jobs.claim(claimBy('w', { types: ['exec'], idempotency, now: start + 1e9 }));
  await jobs.claim(claimBy('w', { types: ['exec'], idempotency, now: start + 1e9 }));
  const keyed = (name: string) => claimBy('w', { types: ['exec'], idempotency: { ...idempotency, key: name }, now });
  await Promise.all(['k1', 'k2'].map((name) => jobs.claim(keyed(name))));
  // At the time of this claim, no job is due yet.
  await jobs.claim(claimBy('w', { types: ['exec'], now: start - 1 }));
  await jobs.sweep(10, start + 1e10);
  for (const time of [start + 1e10, start + 2e10]) {
    for (const cleaner of store.cleaners) await cleaner.clean(time, 1000);
  }
  await jobs.depths(1000);
  const unchanged = (id: string) => jobs.apply(id, (found) => ({ outcome: 'unchanged', job: found }));
  await unchanged(job.id);
  await Promise.all([unchanged(job.id), unchanged(held)]);
  await jobs.find(job.id);
  await jobs.events(job.id, 0, 10);
  await jobs.countAhead(newJob({ priority: 1, createdAt: start + 2000 }), 1000);
  const noted = {
    jobId: held,
    fence: { workerId: 'w', leaseId: 'x1' },
    events: [{ kind: 'note', level: 'info', message: '' } as const],
    now,
    idempotency: { ...idempotency, operation: 'appendEvents' },
  };
  await jobs.append(noted);
  await jobs.append(noted);
  await Promise.all([1, 2].map((n) => jobs.enqueue(newJob({ type: `fresh-${n}`, createdAt: now }))));
  await store.presence.save([seenWorker('w', now), seenWorker('v', now + 1e9)]);
  await store.presence.seenSince(start + 1000, 50);
  await store.presence.seenSince(start + 1000, 50, { at: start + 3000, id: 'seen-3000' });
  for (const after of [undefined, { at: start + 3000, id: job.id }]) {
    for (const status of [undefined, 'queued'] as const) {
      await jobs.list({ status }, { limit: 50, after });
      await jobs.list({ status, type: 'exec' }, { limit: 50, after });
      await jobs.list({ status, category: 'work' }, { limit: 50, after });
    }
    await jobs.list({ heldBy: 'w3' }, { limit: 50, after });
    await jobs.list({ ownOf: 'x' }, { limit: 50, after });
    await workers.listCredentials({}, { limit: 50, after });
    await workers.listCredentials({ workerId: 'w3' }, { limit: 50, after });
    for (const name of [undefined, 'n1']) {
      for (const createdBy of [undefined, 'admin'])
        await artifacts.listOfJob({ jobId: 'j3', name, createdBy }, { limit: 5, after });
    }
  }
  await jobs.newestEvents('over-3', { after: 0, before: 100, limit: 50 });
  await artifacts.find('x');
  await artifacts.newestOfJob('j3', 'n1');
  await store.blobOwners.statesOf(['a', 'b']);
  await store.blobOwners.listOwned('x', 10);
  await store.blobOwners.usage();
  await artifacts.refreshFingerprint('x', 'f');
  await workers.findCredential('x');
  await workers.findCredentialBySecret('x');
  await workers.touchCredential('x', now);
  await settings.get('x');
  await store.commit(
    commitOf([{ kind: 'take-path', jobId: 'j3', path: 'n1', as: 'file' }, update('credential', newCredential(), 1)], {
      preconditions: [],
    }),
  );
  await store.commit(
    commitOf([{ kind: 'append-event', jobId: job.id, event: { kind: 'note', level: 'info', message: '' } }]),
  );
  await exerciseRecords(store);
  await exercisePeople(store);
  await exerciseCommits(store);
}

/** Runs every read of experiments, groups, registered workers and artifacts. */
async function exerciseRecords({ experiments, workers, artifacts, audit }: MetadataStore): Promise<void> {
  const experimentId = 'exp-4';
  await experiments.find(experimentId);
  await experiments.findGroup('grp_4');
  await experiments.nestedGroups(experimentId);
  await experiments.groupsHolding(experimentId, 'wkr_4');
  await workers.findWorker('wkr_4');
  await workers.liveRegistrations('wkr_4', 5);
  await artifacts.findByUri('u-4');
  await artifacts.readersOf('a-4');
  await artifacts.grantOf('a-4', 'wkr_4');
  const filters = [{}, { jobId: 'j3' }, { experimentId }, { createdBy: 'wkr_4' }];
  for (const after of [undefined, { at: start + 30_000, id: 'a' }]) {
    const page = { limit: 20, after };
    await experiments.list(page);
    for (const name of [undefined, 'name-4']) {
      await experiments.listGroups({ experimentId, name }, page);
      await workers.listWorkers({ experimentId, name }, page);
    }
    for (const filter of filters) {
      await artifacts.list(filter, page);
      await artifacts.list({ ...filter, status: 'approved', type: 'log' }, page);
    }
    await artifacts.list({ experimentId, createdBy: 'wkr_4' }, page);
    await artifacts.historyOf('a-4', page);
    await audit.list({}, page);
    await audit.list({ target: 'job:4' }, page);
    await artifacts.expirable({ type: 'log', olderThan: start + 50_000 }, after, 20);
  }
}

/** Runs every query and deletion for users, their tokens, sessions and sign-in codes. */
async function exercisePeople({ users }: MetadataStore): Promise<void> {
  await users.findUser('user-4');
  await users.enabledAdmins(2);
  await users.findTokenBySecret('hash-4');
  await users.findToken('token-4');
  for (const after of [undefined, { at: start + 3000, id: 'user-3' }]) {
    await users.listUsers({ limit: 50, after });
    await users.listTokens('user-4', { limit: 50, after });
  }
  await users.findSession('cookie-4', 'page-4');
  await users.sessionsOfCookie('cookie-4', 20);
  await users.endSession('cookie-4');
  for (const userId of ['user-5', null]) await users.endSessions(userId);
  await users.takeCode('code-4');
}

/** Runs every kind of change in a commit that no other function in this file runs. */
async function exerciseCommits(store: MetadataStore): Promise<void> {
  const [group, artifact] = [{ groupId: 'grp_4' }, newArtifact()];
  const [user, token] = [newUser(), newUserToken()];
  const experiment = { id: 'exp-4', name: null, createdBy: 'admin', createdAt: start, version: 2 };
  const grant = { artifactId: 'a-4', reader: 'w', grantedBy: 'admin', grantedAt: start };
  const moved = { artifactId: 'a-4', at: start, actor: 'admin', decision: 'submit', from: 'draft' } as const;
  const entry = { ...moved, id: 'h', to: 'needs-review', digest: null, note: null, comments: null } as const;
  const epoch = { record: 'worker', id: 'wkr_4', counter: 'registrationEpoch' } as const;
  const made = { ...experiment, id: 'grp_new', experimentId: 'exp-4', version: 1, hiddenAt: null };
  const result = await store.commit(
    commitOf(
      [
        insert('artifact', artifact),
        update('artifact', artifact, 1),
        insert('artifact-history', entry),
        insert('grant', grant, 'keep'),
        raise(epoch),
        update('experiment', experiment, 1),
        insert('experiment', { ...experiment, id: 'exp-new' }, 'conflict'),
        insert('group', made),
        insert('member', { groupId: 'grp_new', memberId: 'w', experimentId: 'exp-4', addedAt: start, place: 1 }),
        { kind: 'add-job', job: newJob() },
        { kind: 'add-member', ...group, memberId: 'w', addedAt: start },
        { kind: 'remove-member', ...group, memberId: 'w' },
        update('group', { ...made, id: 'grp_5', hiddenAt: start }, 1),
        insert('user', user),
        update('user', user, 1),
        insert('user-token', token),
        update('user-token', token, 1),
        insert('session', newSession()),
        insert('sign-in-code', { sha256: 'c', owner: { kind: 'user', userId: user.id, epoch: 1 }, expiresAt: start }),
      ],
      {
        preconditions: [
          exists('group', 'grp_4'),
          exists('experiment', 'exp-4'),
          unchanged('worker', 'wkr_4', 1),
          counterAt(epoch, 1),
        ],
      },
    ),
  );
  expect(result).toMatchObject({ outcome: 'done' });
}

function seenWorker(workerId: string, lastSeenAt: number): SeenWorker {
  return { workerId, lastSeenAt, capabilities: [], types: undefined, repositories: undefined, version: undefined };
}

/**
 * The queries whose plans must be checked, each with a pattern of its statement. The test fails if a pattern matches no
 * recorded statement.
 */
const parts: readonly [string, RegExp][] = [
  ['claim: the newest route, the first lease, the first delay', /max\(number\) from job_routes/],
  ['claim: routes that came since', /from "job_routes" where "number" > /],
  [
    'claim: the front of the queue',
    /^select "id", "route_id" from "jobs" where "ready" = 1 and "status" = 'queued' order by/,
  ],
  ['depths: the routes that have ready jobs', /ready_routes/],
  ['claim: the candidates of one route', /from "jobs" where "ready" = 1 and "route_id" = .* order by "priority" desc/],
  ['claim and sweep: leases that passed', /"status" = 'running' and "lease_expires_at" <= /],
  ['claim and sweep: delays that passed', /"ready" = 0 and "next_attempt_at" <= /],
  ['claim and sweep: made ready', /update "jobs" set "ready" = 1/],
  ['sweep: keys past their time', /from "idempotency_keys" where "expires_at" <= /],
  ['sweep: routes of running jobs', /select distinct "route_id" .*"status" = 'running'/],
  ['sweep: routes of delayed jobs', /select distinct "route_id" .*"ready" = 0/],
  ['sweep: idle routes', /update "job_routes" set "idle_since"/],
  ['sweep: deleted routes', /delete from "job_routes"/],
  ['why: the place in the queue', /count\(\*\).*"priority" > /],
  ['why: the workers seen', /from "worker_presence" where "last_seen_at" >/],
  ['depths: ready', /count\(\*\).*"ready" = 1 and "route_id" = /],
  ['depths: running', /count\(\*\).*"status" = 'running'/],
  ['depths: delayed', /count\(\*\).*"status" = 'queued' and "ready" = 0/],
  ['list: all', /^select \* from "jobs" order by "created_at" desc/],
  ['list: held', /"status" = 'running' and "claimed_by" = /],
  ['list: own', /"created_by" = .* and "created_by" <> 'admin'/],
  ['list: by type', /"type" = .* and "status" = 'dead_letter'/],
  ['list: by category', /"category" = .* and "status" = 'dead_letter'/],
  ['list: the next page', /\("created_at", "id"\) < \(/],
  ['artifacts: of an experiment, a bounded look', /"experiment_id" = .* limit .*\) as "page" where "created_by" = /],
  ['artifacts: the last looked at', /^select "id", "created_at" from "artifacts" .*offset/],
  ['artifacts: to expire', /"purged_at" is null and "pinned_at" is null and "created_at" < /],
  ['artifacts: the history of one', /from "artifact_history" where "artifact_id" = .* order by "created_at" desc/],
  ['audit: all', /from "audit_entries" order by "created_at" desc/],
  ['audit: of a target', /from "audit_entries" where "target" = .* order by "created_at" desc/],
  ['groups: that hold a member', /with recursive "holding"/],
  ['groups: nested', /escape '!'/],
  ['groups: the next place', /"place" desc/],
  ['groups: hidden', /from "groups" where "hidden_at" <= /],
  ['registrations: not revoked', /from "credentials" .*"experiment_id" is not null and "revoked_at" is null/],
  ['credentials: of the present epoch', /"registration_epoch" is null or "registration_epoch" = \(select /],
  ['users: enabled admins', /from "users" where "role" = 'admin' and "disabled_at" is null/],
  ['users: of a token', /from "user_tokens" inner join "users"/],
  ['sessions: with their owners', /from "sessions" left join "users"/],
  ['sweep: sessions past their time', /from "sessions" where "expires_at" <= /],
  ['sweep: codes past their time', /from "sign_in_codes" where "expires_at" <= /],
  ['events: of a job, newest first', /"seq" < .* order by "seq" desc/],
  ['events: of a job', /from "job_events" where "job_id" = .* and "seq" > /],
];

describe('no statement scans a table or sorts a backlog', () => {
  it('on SQLite', { timeout: 120_000 }, async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'proofhouse-plans-'));
    const seen = new Map<string, Seen>();
    const store = new SqlMetadataStore(recording(await openSqliteEngine(`${folder}/x.db`), seen));
    await load(store);
    const others = new Database(`${folder}/x.db`);
    const series = (count: number) =>
      `(with recursive s(n) as (select 1 union all select n + 1 from s where n < ${count}) select n from s)`;
    for (const text of othersSql(series)) others.exec(text);
    others.close();
    seen.clear();
    await exercise(store);
    expectParts(seen.keys());
    const database = new Database(`${folder}/x.db`, { readonly: true });
    expect(seen.size).toBeGreaterThan(40);
    for (const [text, { values }] of seen) {
      const plan = database.prepare(`explain query plan ${text}`).all(...values) as { detail: string }[];
      const details = plan.map(({ detail }) => detail);
      expect(
        details.filter((detail) => sqliteObjection(detail, text)),
        text,
      ).toEqual([]);
    }
    database.close();
    await store.close();
    await rm(folder, { recursive: true });
  });

  const server = inject('postgresUrl');

  it.skipIf(server === undefined)('on Postgres', { timeout: 120_000 }, async () => {
    const { url, drop } = await migratedDatabase(server!);
    const seen = new Map<string, Seen>();
    const store = new SqlMetadataStore(recording(await openPostgresEngine(url), seen));
    await load(store);
    // For a small table a scan is the best plan. So this test copies rows until the tables are large.
    const copy = "(jsonb_populate_record(jobs, jsonb_build_object('id', jobs.id || '-' || n))).*";
    await runOn(url, `insert into jobs select ${copy} from jobs, generate_series(1, 9) as n`);
    for (const text of othersSql((count) => `generate_series(1, ${count}) as n`)) await runOn(url, text);
    await runOn(url, 'vacuum analyze');
    seen.clear();
    await exercise(store);
    expectParts(seen.keys());
    for (const words of [
      /json_array_elements_text.*(lateral|any\()/s,
      /"ready" = 1 and "route_id" = \$1 order by.*skip locked/s,
    ])
      expect([...seen.keys()].filter((text) => words.test(text))).not.toEqual([]);
    expect(seen.size).toBeGreaterThan(40);
    for (const { text, lines, objection } of [
      ...(await literalPlans(url, seen)),
      ...(await preparedPlans(url, seen)),
    ]) {
      expect(
        lines.filter((line) => objection(line, text)),
        `${text}\n${lines.join('\n')}`,
      ).toEqual([]);
    }
    await store.close();
    await drop();
  });
});

function expectParts(texts: Iterable<string>): void {
  const all = [...texts];
  expect(parts.filter(([, words]) => !all.some((text) => words.test(text))).map(([part]) => part)).toEqual([]);
}

// Scans that a plan may contain:
// - a walk along an index in the order of a list, which ends at the limit of the list;
// - a walk along an index that contains only leased or only delayed jobs;
// - the merged page of a list by several statuses;
// - a scan of a small intermediate table that the statement itself names;
// - a scan of `storage_usage`, which has at most some hundred rows and is read only by a timer.
const walk = String.raw`\w+ USING (COVERING )?INDEX \w+_(newest|leased|delayed|front|in_order)$`;
const scan = new RegExp(
  String.raw`^SCAN (?!CONSTANT|storage_usage|ready_routes|json_each|page|kept|heads|branch|holding|\(subquery|\d|${walk})`,
);

function sqliteObjection(detail: string, text: string): boolean {
  return scan.test(detail) || (detail.includes('TEMP B-TREE FOR ORDER BY') && !text.includes('"page"'));
}

/**
 * Returns true if a plan must not contain this line. Forbidden are table scans and sorts of more than 2000 rows.
 * Sorting the few rows of one worker or one page is cheaper than an index walk, but a backlog has many rows. (Postgres
 * estimates a hundred rows for a JSON list.)
 */
function literalObjection(line: string): boolean {
  if (seqScan.test(line)) return true;
  const sorted = /(?:^|->)\s*Sort .*rows=(\d+)/.exec(line);
  return sorted !== null && Number(sorted[1]) > 2000;
}

const seqScan = /Seq Scan on (?!settings|job_routes|storage_usage)/;

/**
 * Matches statements that read few rows: a row by its key, the credentials of one worker, the groups of one member, or
 * a page with a limit.
 */
const fewRows = [
  /^(update|select).* where "id" = \$\d+ and "version" = /,
  /^with recursive "holding"/,
  /\) as "page" where/,
  // The artifacts of one job have few different creators. So most rows that a filter by creator reads also match it.
  /^select \* from "artifacts" where "job_id" = \$1 (and "name" = \$2 )?and "created_by" = /,
];

/**
 * Returns true if the generic plan of a statement (its plan for any parameter values) must not contain this line.
 * Forbidden are table scans and filters by a parameter. A filter reads rows and then discards some of them, whereas a
 * fitting index would not read them. The estimated number of rows is not checked, because without the values it is only
 * a guess.
 */
function genericObjection(line: string, text: string): boolean {
  return seqScan.test(line) || (/^\s*(Join )?Filter: .*\$\d/.test(line) && !fewRows.some((words) => words.test(text)));
}

interface Planned {
  readonly text: string;
  readonly lines: readonly string[];
  readonly objection: (line: string, text: string) => boolean;
}

/** Returns the plans that the statements get with their recorded values and the default planner settings. */
function literalPlans(url: string, seen: ReadonlyMap<string, Seen>): Promise<Planned[]> {
  return plansOn(url, seen, literalObjection, ({ compiled, values }) => [
    `explain ${compiled.sql.replaceAll(/\$(\d+)/g, (_, n: string) => literalOf(values[Number(n) - 1]))}`,
  ]);
}

/**
 * Postgres plans the first five executions of a prepared statement with their values. Later it may use a generic plan.
 */
const customPlans = 5;

/**
 * Returns the plans of prepared statements, with the planner settings of the connections that run them. For a statement
 * of transactions and look-ups, this is the generic plan. For a statement of lists and scans, these are the plans of
 * its first five executions. After these, Postgres chooses between a generic and a custom plan.
 */
async function preparedPlans(url: string, seen: ReadonlyMap<string, Seen>): Promise<Planned[]> {
  const plansWith = (settings: string, executions: number, methods: readonly EngineMethod[]): Promise<Planned[]> => {
    const tuned = new URL(url);
    tuned.searchParams.set('options', settings);
    const used = [...seen].filter(([, statement]) => methods.some((method) => statement.methods.has(method)));
    return plansOn(tuned.href, new Map(used), genericObjection, ({ compiled, values }) => [
      `prepare asked as ${compiled.sql}`,
      ...Array.from(
        { length: executions },
        () => `explain execute asked${values.length === 0 ? '' : `(${values.map(literalOf).join()})`}`,
      ),
      'deallocate asked',
    ]);
  };
  return [
    ...(await plansWith(`${plannerSettings} -c plan_cache_mode=force_generic_plan`, 1, ['write', 'look'])),
    ...(await plansWith('', customPlans + 1, ['read', 'scan'])),
  ];
}

async function plansOn(
  url: string,
  seen: ReadonlyMap<string, Seen>,
  objection: Planned['objection'],
  asking: (statement: Seen) => readonly string[],
): Promise<Planned[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const plans: Planned[] = [];
    for (const [text, statement] of seen) {
      const lines: string[] = [];
      for (const question of asking(statement)) {
        const { rows } = await client.query<{ 'QUERY PLAN': string }>(question);
        lines.push(...rows.map((row) => row['QUERY PLAN']));
      }
      plans.push({ text, lines, objection });
    }
    return plans;
  } finally {
    await client.end();
  }
}

function literalOf(value: Value | undefined): string {
  if (value === null || value === undefined) return 'null';
  return typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;
}
