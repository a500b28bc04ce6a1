// Sends secrets to servers with their own Postgres. Then searches for the secrets in the files of the Postgres: tables,
// indexes, WAL and log.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { maskPlaceholder } from '@proofhouse/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres, type RunningPostgres } from '../../../scripts/engines/postgres.ts';
import { secretSinks } from '../../cli/src/testing/secret-sinks.ts';
import { shownInFiles } from '../../cli/src/testing/shown-in-files.ts';
import { shownSecrets } from '../../client/src/testing/secret-forms.ts';
import { ChildServer } from './support/child-server.ts';
import { expectNowhere, filesBelow } from './support/expect-nowhere.ts';
import { byteDoors, textDoors } from './support/secret-doors.ts';
import { usualSamples } from './support/secret-samples.ts';
import { adminToken, startTestServer } from './support/test-server.ts';

/** A word that the tests store on purpose. If it is found, the search works. */
const control = 'a-word-that-is-stored-on-purpose';

let postgres: RunningPostgres;
let folder: string;
beforeAll(async () => {
  postgres = await startPostgres({ fsync: false });
  folder = mkdtempSync(path.join(tmpdir(), 'secret-traces-'));
});
afterAll(async () => {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

/**
 * Makes Postgres write all changes to its files. Expects the control word in the files of the tables and in the WAL.
 */
async function checkpoint(): Promise<void> {
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await client.query('checkpoint');
  await client.end();
  const data = path.join(postgres.folder, 'data');
  const places = filesBelow(data).filter((file) => readFileSync(file).includes(control));
  expect(places.some((file) => file.includes('/base/'))).toBe(true);
  expect(places.some((file) => file.includes('/pg_wal/'))).toBe(true);
}

/** Returns all rows of all tables as text. This is needed because Postgres compresses long values in its files. */
async function rowsOf(databaseUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const tables = await client.query<{ name: string }>(
    "select format('%I.%I', table_schema, table_name) as name from information_schema.tables" +
      " where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')",
  );
  const rows: string[] = [];
  for (const { name } of tables.rows) {
    const found = await client.query<{ row: string }>(`select t::text as row from ${name} t`);
    rows.push(...found.rows.map(({ row }) => row));
  }
  await client.end();
  return rows.join('\n');
}

describe('on a Postgres of its own', () => {
  it('no secret that a worker or a command sends is in clear in a row, a file, an answer or a log', async () => {
    const databaseUrl = await postgres.createDatabase();
    const dataDir = mkdtempSync(path.join(folder, 'data-'));
    const experimentId = 'exp_01jd7v6m5x0000000000000000';
    const server = new ChildServer(dataDir, {
      PROOFHOUSE_DATABASE_URL: databaseUrl,
      PROOFHOUSE_EXPERIMENT: experimentId,
      PROOFHOUSE_LOG_LEVEL: 'debug',
    });
    const url = await server.url();
    expect(url, server.stderr).toBeDefined();
    const site = { url: url ?? '', adminToken, experimentId, folder };
    const payload = JSON.stringify({ type: 'exec', payload: { control } });
    const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' };
    const made = await fetch(`${site.url}/api/queue/jobs`, { method: 'POST', body: payload, headers });
    expect(made.status).toBe(201);
    for (const [name, send] of Object.entries(secretSinks)) {
      const { shown, sentSecrets } = await send(site);
      expect(shown.split(maskPlaceholder).length, name).toBeGreaterThan(sentSecrets);
      expect(shownSecrets(shown), name).toEqual([]);
    }
    const rows = await rowsOf(databaseUrl);
    expect(rows).toContain(control);
    expect(shownSecrets(rows)).toEqual([]);
    await server.stop();
    await checkpoint();
    expect(await shownInFiles(postgres.folder)).toEqual([]);
    expect(await shownInFiles(dataDir)).toEqual([]);
    expect(shownSecrets(server.stdout + server.stderr)).toEqual([]);
  }, 180_000);

  it('no secret that the policy reject refuses is in clear in a row, a file or a log', async () => {
    const databaseUrl = await postgres.createDatabase();
    const t = await startTestServer({ store: 'sqlite', settings: { databaseUrl, secretPolicy: 'reject' } });
    try {
      await t.enqueue({ payload: { control } });
      const samples = usualSamples();
      for (const { rule, text } of samples) {
        for (const [name, door] of Object.entries({ ...byteDoors, ...textDoors })) {
          expect((await door(t, text)).status, `${rule}, ${name}`).toBe(422);
        }
      }
      const rows = await rowsOf(databaseUrl);
      expect(samples.filter(({ secret }) => rows.includes(secret))).toEqual([]);
      const secrets = samples.map(({ secret }) => secret);
      await checkpoint();
      expectNowhere(t, secrets, [postgres.folder]);
    } finally {
      await t.close();
    }
  }, 180_000);
});
