import type { JobRecord, SeenWorker } from '@proofhouse/core';
import Database from 'better-sqlite3';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
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
import { openPostgresEngine } from './dialects/postgres/postgres-engine.ts';
import { runOn, migratedDatabase } from './dialects/postgres/testing/test-database.ts';
import { openSqliteEngine } from './dialects/sqlite/sqlite-engine.ts';
import type { QueueEngine } from './queue/queue-dialect.ts';
import { SqlMetadataStore } from './sql-metadata-store.ts';
import { literalPlans, preparedPlans, sqliteObjection, type Seen, type Value } from './testing/query-plans.ts';
import { othersSql } from './testing/rows-of-others.ts';
import { watchSteps, type EngineMethod } from './testing/watch-steps.ts';
import { counterAt, exists, insert, raise, unchanged, update } from '../../kernel/commit.ts';

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
