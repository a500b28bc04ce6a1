// Opens databases of the previous version with the current server, one for each engine (fixtures/schema-0009).
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { Kysely, PostgresDialect, SqliteDialect, type Dialect } from 'kysely';
import pg from 'pg';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { ManualClock } from '@proofhouse/server';
import { migrate, migrations, schemaVersions } from '../src/stores/sql/migrate.ts';
import { postgresSyntax } from '../src/stores/sql/dialects/postgres/postgres-syntax.ts';
import { sqliteSyntax } from '../src/stores/sql/dialects/sqlite/sqlite-syntax.ts';
import type { FixtureNotes } from './fixtures/schema-0009/fill-store.ts';
import { readAnswers, type RecordedAnswer } from './fixtures/schema-0009/fixture-answers.ts';
import { formBody, formType } from './support/form.ts';
import { startTestServer, type TestServer } from './support/test-server.ts';

const newestOfFixture = '0009-attempts-and-makers';

interface Fixture {
  readonly notes: FixtureNotes;
  readonly answers: readonly RecordedAnswer[];
}

for (const store of ['sqlite', 'postgres'] as const) {
  const folder = path.join(import.meta.dirname, 'fixtures/schema-0009', store);
  const { notes, answers } = JSON.parse(
    gunzipSync(readFileSync(path.join(folder, 'answers.json.gz'))).toString(),
  ) as Fixture;

  /**
   * Starts the current server on a copy of the fixture. Its clock begins at the time at which the previous version was
   * stopped.
   */
  async function startUpgraded(): Promise<TestServer> {
    const t = await startTestServer({
      store,
      clock: new ManualClock(notes.closedAt),
      settings: { jobTypes: ['deploy'], retention: 'on' },
      prepare: (dataDir, databaseUrl) => copyFixture(folder, dataDir, databaseUrl),
    });
    onTestFinished(() => t.close());
    return t;
  }

  describe.skipIf(store === 'postgres' && inject('postgresUrl') === undefined)(
    `a database of schema 0009, on ${store}`,
    () => {
      it('answers every read as before, to every credential', async () => {
        const t = await startUpgraded();
        const now = await readAnswers(`http://127.0.0.1:${String(await t.listen())}`, notes);
        expect(now.length).toBeGreaterThan(500);
        for (const [nth, before] of answers.entries()) {
          // A new version may add fields, so additional fields are ignored. Lists must have the same items in the same
          // order.
          expect(now[nth], `${before.path} as ${before.as}`).toMatchObject(before);
        }
        expect(now).toHaveLength(answers.length);
      });

      it('goes on with its jobs', async () => {
        const t = await startUpgraded();
        const { jobs, leases, tokens } = notes;
        const work = (job: 'running' | 'asked' | 'expiring', verb: string, json: unknown = {}) =>
          t.post(`/api/queue/jobs/${jobs[job]}/${verb}`, json, tokens.general, { 'proofhouse-lease': leases[job] });
        const asAdmin = (url: string, json: unknown = {}, headers = {}) => t.post(url, json, notes.adminToken, headers);

        expect(await work('running', 'events', { message: 'Still at work.' })).toMatchObject({ status: 201 });
        const uploaded = await t.call('POST', `/api/queue/jobs/${jobs.running}/artifacts/upload`, {
          as: tokens.general,
          payload: formBody([
            { name: 'name', value: 'partial.log' },
            { name: 'file', value: 'so far\nand on\n' },
          ]),
          headers: { 'content-type': formType, 'proofhouse-lease': leases.running },
        });
        expect(uploaded).toMatchObject({ status: 201, json: { type: 'log', sizeBytes: 14 } });
        expect(await work('running', 'complete', { resultSummary: 'Done.' })).toMatchObject({
          status: 200,
          json: { status: 'succeeded', attempt: 1 },
        });
        expect(await work('asked', 'cancel/ack')).toMatchObject({ status: 200, json: { status: 'cancelled' } });

        const again = { 'idempotency-key': 'key-of-a-job' };
        const repeated = await asAdmin('/api/queue/jobs', { type: 'exec', payload: { once: true } }, again);
        expect(repeated).toMatchObject({ status: 200, json: { id: jobs.keyed } });
        const differing = await asAdmin('/api/queue/jobs', { type: 'exec', payload: { once: false } }, again);
        expect(differing).toMatchObject({ status: 409, json: { code: 'idempotency_conflict' } });
        expect(await asAdmin(`/api/queue/jobs/${jobs.deadLettered}/retry`)).toMatchObject({
          status: 200,
          json: { status: 'queued' },
        });

        // After this time the lease of 30 s has expired, and all back-offs and delays of jobs have ended.
        t.clock.advance(3 * 3_600_000);
        await t.server.jobs.sweep();
        expect(await work('expiring', 'complete')).toMatchObject({ status: 409, json: { code: 'lease_lost' } });
        t.clock.advance(3_600_000);
        await t.server.jobs.sweep();
        const claimed = await t.post('/api/queue/jobs/claim', { maxJobs: 100 }, tokens.general);
        expect(new Set(claimed.json.jobs.map(({ id }: { id: string }) => id))).toEqual(
          new Set([
            ...[
              jobs.queued,
              jobs.delayed,
              jobs.keyed,
              jobs.byWorker,
              jobs.deadLettered,
              jobs.backingOff,
              jobs.expiring,
            ],
            ...(await t.get('/api/queue/jobs?type=task&limit=200', notes.adminToken)).json.items
              .filter(({ payload }: { payload: { nth?: number } }) => payload.nth !== undefined)
              .map(({ id }: { id: string }) => id),
          ]),
        );
        expect(claimed.json.jobs[0].priority).toBe(1000);
      });

      it('goes on with its experiments and artifacts', async () => {
        const t = await startUpgraded();
        const { registrations, groups, deposits } = notes;
        const v0 = (method: string, below: string, as: string, options: object = {}) =>
          t.call(method, `/v0/experiments/${notes.experimentId}${below}`, {
            as,
            ...options,
            headers: { 'x-eden-experiment-id': notes.experimentId, ...(options as { headers?: object }).headers },
          });
        const admin = `admin:${notes.adminToken}`;
        const fetchBy = (as: string, uri: string) => v0('GET', `/artifacts?uri=${encodeURIComponent(uri)}`, as);
        const workerOf = (credential: string): string => credential.split(':')[0] ?? '';

        const inCircle = await v0('POST', `/groups/${groups.readers}/members`, admin, {
          json: { member_id: groups.outer },
        });
        expect(inCircle).toMatchObject({ status: 409, json: { type: 'eden://error/cycle-detected' } });
        expect((await fetchBy(registrations.stranger, deposits.grantedToGroup)).status).toBe(403);
        const joined = await v0('POST', `/groups/${groups.readers}/members`, admin, {
          json: { member_id: workerOf(registrations.stranger) },
        });
        expect(joined.json.members).toHaveLength(3);
        expect((await fetchBy(registrations.stranger, deposits.grantedToGroup)).text).toBe('c,d\n3,4\n');
        const reissued = await v0('POST', `/workers/${workerOf(registrations.reissued)}/reissue-credential`, admin, {
          json: {},
        });
        expect((await v0('GET', '/whoami', registrations.reissued)).status).toBe(401);
        expect(
          (await v0('GET', '/whoami', `${workerOf(registrations.reissued)}:${reissued.json.registration_token}`))
            .status,
        ).toBe(200);
        expect((await v0('DELETE', `/groups/${groups.inner}`, registrations.chief)).status).toBe(204);

        const form = formBody([{ name: 'file', value: 'a,b\n1,2\n', filename: 'set.csv', contentType: 'text/csv' }]);
        const deposit = (key: string) =>
          v0('POST', '/artifacts', registrations.depositor, {
            payload: form,
            headers: { 'content-type': formType, 'idempotency-key': key },
          });
        expect((await deposit('deposit-once')).json.artifacts_uri).toBe(deposits.granted);
        expect((await deposit('another')).json.artifacts_uri).not.toBe(deposits.granted);

        const unpinned = await t.call('DELETE', `/api/artifacts/${notes.artifacts.pinned}/pin`, {
          as: notes.adminToken,
        });
        expect(unpinned).toMatchObject({ status: 200, json: { artifact: { pinnedAt: null } } });
        // The fixture has no job view. So exactly its missing files are reported.
        expect(new Set(await findingKinds(t, notes.adminToken))).toEqual(new Set(['view-missing']));
        t.clock.advance(15 * 86_400_000);
        await t.server.storage.collection.run();
        expect(
          (await t.get(`/api/artifacts/${notes.artifacts.pinned}`, notes.adminToken)).json.artifact.purgedAt,
        ).not.toBeNull();
        expect((await fetchBy(registrations.depositor, deposits.own)).status).toBe(200);
      });

      it('is refused by the version before, once it was migrated', async () => {
        const t = await startUpgraded();
        const before = schemaVersions.slice(0, schemaVersions.indexOf(newestOfFixture) + 1);
        const known = Object.fromEntries(before.map((name) => [name, migrations[name]!]));
        const url = t.server.config.databaseUrl;
        const db = new Kysely<unknown>({ dialect: store === 'sqlite' ? sqliteFile(url) : postgresDatabase(url) });
        const start = migrate(db, store === 'sqlite' ? sqliteSyntax : postgresSyntax, 'of the test', { known });
        const newer = schemaVersions[before.length];
        if (newer === undefined) await start;
        else {
          await expect(start).rejects.toMatchObject({
            code: 'unsupported',
            message: `The database of the test was updated by a newer Proofhouse ("${newer}"): start that version, or restore a backup.`,
          });
        }
        await db.destroy();
      });
    },
  );
}

async function findingKinds(t: TestServer, adminToken: string): Promise<string[]> {
  const kinds: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const { status, json, text } = await t.post('/api/storage/verify', { cursor }, adminToken);
    if (status !== 200) throw new Error(text);
    kinds.push(...(json.findings as { kind: string }[]).map(({ kind }) => kind));
    cursor = json.nextCursor as string | null;
  }
  return kinds;
}

async function copyFixture(folder: string, dataDir: string, databaseUrl: string): Promise<void> {
  const blobs = JSON.parse(readFileSync(path.join(folder, 'blobs.json'), 'utf8')) as Record<string, string>;
  for (const [name, bytes] of Object.entries(blobs)) {
    const file = path.join(dataDir, 'blobs', name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, Buffer.from(bytes, 'base64'));
  }
  if (databaseUrl.startsWith('sqlite:')) {
    writeFileSync(databaseUrl.slice('sqlite:'.length), gunzipSync(readFileSync(path.join(folder, 'proofhouse.db.gz'))));
    return;
  }
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(readFileSync(path.join(folder, 'proofhouse.sql'), 'utf8'));
  await client.end();
}

function sqliteFile(url: string): Dialect {
  return new SqliteDialect({ database: new Database(url.slice('sqlite:'.length)) });
}

function postgresDatabase(url: string): Dialect {
  return new PostgresDialect({ pool: new pg.Pool({ connectionString: url }) });
}
