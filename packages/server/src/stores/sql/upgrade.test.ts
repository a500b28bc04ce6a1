import Database from 'better-sqlite3';
import { Kysely, PostgresDialect, sql, SqliteDialect } from 'kysely';
import { Migrator, type Migration } from 'kysely/migration';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { claimBy, commitOf, newArtifact, newCredential, newJob, newWorker, start } from '../contract/records.ts';
import type { MetadataStore } from '../metadata-store.ts';
import { openMetadataStore } from '../open-metadata-store.ts';
import { postgresSyntax } from './dialects/postgres/postgres-syntax.ts';
import { emptyDatabase } from './dialects/postgres/testing/test-database.ts';
import { sqliteSyntax } from './dialects/sqlite/sqlite-syntax.ts';
import { firstTables } from './migrations/0001-jobs-artifacts-workers.ts';
import { workerPresence } from './migrations/0002-worker-presence.ts';
import type { SqlSyntax } from './engine/sql-syntax.ts';
import { raise, update } from '../../kernel/commit.ts';

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** Creates a database with the schema of migration 0002, and with rows as the version of that time wrote them. */
async function makeOld(db: Kysely<unknown>, syntax: SqlSyntax): Promise<void> {
  const migrations: Record<string, Migration> = {
    '0001-jobs-artifacts-workers': { up: (on) => firstTables(on, syntax) },
    '0002-worker-presence': { up: (on) => workerPresence(on, syntax) },
  };
  const { error } = await new Migrator({ db, provider: { getMigrations: async () => migrations } }).migrateToLatest();
  expect(error).toBeUndefined();
  for (const text of oldRows) await sql.raw(text).execute(db);
}

const oldRows = [
  `insert into job_routes (id, type, repository, capabilities) values ('r', 'task', null, '[]')`,
  `insert into jobs (id, type, category, status, ready, route_id, priority, required_capabilities, created_by, attempt,
      max_attempts, created_at, updated_at, last_seq, payload)
    values ('j', 'task', 'work', 'queued', 1, 'r', 0, '[]', 'admin', 1, 3, ${start}, ${start}, 1, '{"a":1}')`,
  `insert into job_events (job_id, seq, kind, level, message, created_at)
    values ('j', 1, 'note', 'info', 'Made.', ${start})`,
  `insert into artifacts (id, uri, type, title, status, storage_provider, filename, content_type, blob_key, blob_sha256,
      blob_size_bytes, blob_fingerprint, data_class, visibility, source_type, job_id, name, created_by, tags, metadata, version,
      created_at, updated_at)
    values ('a', 'proofhouse://artifacts/a', 'log', 'Old', 'draft', 'filesystem', 'f.log', 'text/plain', 'key',
      '${'ab'.repeat(32)}', 5, 'f1', 'internal', 'internal', 'manual-upload', 'j', 'f.log', 'w', '["t"]', '{}', 1, ${start},
      ${start})`,
  `insert into artifact_paths (job_id, path, kind) values ('j', 'f.log', 'file')`,
  `insert into workers (id, name, created_at) values ('w', 'bob', ${start})`,
  `insert into credentials (id, worker_id, secret_sha256, description, policy, created_by, created_at, version)
    values ('c', 'w', 'hash', 'mine', '{"capabilities":["git"]}', 'admin', ${start}, 1)`,
  `insert into settings (name, value) values ('admin_token_sha256', 'kept')`,
  `insert into idempotency_keys (principal, operation, key, fingerprint, resource_id, expires_at)
    values ('admin', 'createJob', 'k', 'f', 'j', ${start + 86_400_000})`,
  `insert into worker_presence (worker_id, last_seen_at, capabilities) values ('w', ${start}, '[]')`,
];

async function oldSqlite(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'proofhouse-upgrade-'));
  undo.push(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'metadata.db');
  const database = new Database(file);
  database.pragma(`application_id = ${String(0x50726f66)}`);
  const db = new Kysely<unknown>({ dialect: new SqliteDialect({ database }) });
  await makeOld(db, sqliteSyntax);
  await db.destroy();
  return `sqlite:${file}`;
}

async function oldPostgres(server: string): Promise<string> {
  const { url, drop } = await emptyDatabase(server);
  undo.push(drop);
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url }) }) });
  await makeOld(db, postgresSyntax);
  await db.destroy();
  return url;
}

const artifact = newArtifact({
  id: 'a',
  uri: 'proofhouse://artifacts/a',
  type: 'log',
  title: 'Old',
  filename: 'f.log',
  contentType: 'text/plain',
  content: { kind: 'owned', blob: { key: 'key', sha256: 'ab'.repeat(32), sizeBytes: 5, fingerprint: 'f1' } },
  jobId: 'j',
  name: 'f.log',
  createdBy: 'w',
  tags: ['t'],
});

const credential = newCredential({
  id: 'c',
  workerId: 'w',
  secretSha256: 'hash',
  description: 'mine',
  policy: { capabilities: ['git'] },
});

async function expectEverything(store: MetadataStore): Promise<void> {
  expect(await store.jobs.find('j')).toMatchObject({ id: 'j', status: 'queued', payload: { a: 1 } });
  expect(await store.jobs.events('j', 0, 10)).toMatchObject([{ seq: 1, message: 'Made.' }]);
  expect(await store.artifacts.find('a')).toEqual(artifact);
  expect(await store.artifacts.findByUri(artifact.uri)).toEqual(artifact);
  expect((await store.artifacts.list({ createdBy: 'w', type: 'log' }, { limit: 5, after: undefined })).items).toEqual([
    artifact,
  ]);
  expect(await store.blobOwners.usage()).toEqual([{ kind: 'artifact', type: 'log', count: 1, sizeBytes: 5 }]);
  expect(await store.blobOwners.statesOf(['key'])).toEqual(new Map([['key', 'owned']]));
  expect(await store.workers.findWorker('w')).toEqual(newWorker({ id: 'w', name: 'bob' }));
  expect(await store.workers.findCredentialBySecret('hash')).toEqual(credential);
  expect(await store.settings.get('admin_token_sha256')).toBe('kept');
  expect(await store.presence.seenSince(start, 5)).toMatchObject([{ workerId: 'w' }]);
}

/** Checks that the operations of this version work on the old rows. */
async function goOn(store: MetadataStore): Promise<void> {
  const purged = { ...artifact, pinnedAt: start, purgedAt: start, version: 2 };
  const result = await store.commit(
    commitOf([update('artifact', purged, 1), raise({ record: 'worker', id: 'w', counter: 'registrationEpoch' })]),
  );
  expect(result.outcome).toBe('done');
  expect(await store.artifacts.find('a')).toEqual(purged);
  expect(await store.workers.findCredential('c')).toEqual(credential);
  const again = { principal: 'admin', operation: 'createJob', key: 'k', fingerprint: 'f', resourceId: 'other' };
  const repeated = await store.jobs.enqueue(newJob(), { ...again, expiresAt: start + 1 });
  expect(repeated).toMatchObject({ outcome: 'repeated' });
  expect(await store.jobs.claim(claimBy('w'))).toMatchObject({ jobs: [{ id: 'j' }] });
}

describe('a database of the version before experiments', () => {
  it('goes on with every row, on SQLite', async () => {
    const url = await oldSqlite();
    for (const act of [expectEverything, expectEverything, goOn]) {
      const store = await openMetadataStore(url);
      await act(store);
      await store.close();
    }
  });

  const server = inject('postgresUrl');

  it.skipIf(server === undefined)('goes on with every row, on Postgres, with four servers at once', async () => {
    const url = await oldPostgres(server!);
    const stores = await Promise.all([1, 2, 3, 4].map(() => openMetadataStore(url)));
    for (const store of stores) await expectEverything(store);
    await goOn(stores[3]!);
    for (const store of stores) await store.close();
  });
});
