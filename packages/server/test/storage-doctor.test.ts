// Tests `examine` (the doctor) on a real Postgres. The database is empty, has the schema of this version, or has a
// newer schema. Also tests the read-only rights that the doctor grants to a role.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { examine, ManualClock, type DoctorOptions } from '@proofhouse/server';
import { emptyDatabase } from '../src/stores/sql/dialects/postgres/testing/test-database.ts';
import { startTestServer } from './support/test-server.ts';

const postgresUrl = inject('postgresUrl');

describe.skipIf(postgresUrl === undefined)('the doctor, on postgres', () => {
  let database: { url: string; drop: () => Promise<void> };
  let folder: string;
  const role = `reader_${String(process.pid)}`;

  beforeAll(async () => {
    database = await emptyDatabase(postgresUrl ?? '');
    folder = mkdtempSync(path.join(tmpdir(), 'doctor-'));
    await on(`create role ${role} login`);
  });
  afterAll(async () => {
    await on(`drop owned by ${role}; drop role ${role}`);
    await database.drop();
    rmSync(folder, { recursive: true });
  });

  async function on(text: string): Promise<unknown[]> {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  }

  async function look(options: Partial<DoctorOptions> = {}) {
    const flags = { 'data-dir': folder, 'database-url': database.url };
    const found: Record<string, { outcome: string; text: string }> = {};
    for await (const { name, ...rest } of examine({ env: {}, flags, ...options })) found[name] = rest;
    return found;
  }

  it('finds an empty database, grants nothing on it, and leaves it empty', async () => {
    const found = await look({ grantReadOnly: role });
    expect(found['database']).toMatchObject({
      outcome: 'note',
      text: expect.stringMatching(/^postgres, reachable and empty/),
    });
    expect(found['grant']).toMatchObject({ outcome: 'wrong', text: expect.stringMatching(/start the server first/) });
    expect(await on("select 1 from pg_tables where schemaname = 'public'")).toEqual([]);
  });

  it('finds the schema of this version beside a running server, and grants', async () => {
    const t = await startTestServer({ settings: { databaseUrl: database.url } });
    try {
      const found = await look({ grantReadOnly: role });
      expect(found['database']).toMatchObject({ outcome: 'ok', text: expect.stringMatching(/as this version has it/) });
      expect(found['clock']?.outcome).toBe('ok');
      expect(found['grant']).toMatchObject({ outcome: 'ok' });
      const sees = `select has_table_privilege('${role}', 'jobs', 'select') as jobs,
        has_column_privilege('${role}', 'credentials', 'secret_sha256', 'select') as secrets`;
      expect(await on(sees)).toEqual([{ jobs: true, secrets: false }]);
      expect((await look({ grantReadOnly: 'nobody_at_all' }))['grant']).toMatchObject({ outcome: 'wrong' });
    } finally {
      await t.close();
    }
  });

  it('says that clocks differ by more than is safe', async () => {
    const found = await look({ clock: new ManualClock(0) });
    expect(found['clock']).toMatchObject({
      outcome: 'wrong',
      text: expect.stringMatching(/a start accepts at most 2000/),
    });
  });

  it('refuses the schema of a newer version', async () => {
    await on("insert into kysely_migration values ('9999-from-the-future', '2030-01-01')");
    expect((await look())['database']).toMatchObject({
      outcome: 'wrong',
      text: expect.stringMatching(/newer Proofhouse/),
    });
  });
});
