import Database from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { start } from '../contract/records.ts';
import { openMetadataStore } from '../open-metadata-store.ts';
import { sqliteSyntax } from './dialects/sqlite/sqlite-syntax.ts';
import { migrate, migrations } from './migrate.ts';

/** Number of artifacts. It is large enough for several batches of the migration. */
const artifacts = 45_000;
const program = path.join(import.meta.dirname, 'testing/open-store.ts');

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'proofhouse-killed-'));
  file = path.join(folder, 'metadata.db');
  const database = new Database(file);
  database.pragma(`application_id = ${String(0x50726f66)}`);
  database.pragma('synchronous = off');
  const known = Object.fromEntries(Object.entries(migrations).filter(([name]) => name < '0010'));
  const db = new Kysely<unknown>({ dialect: new SqliteDialect({ database }) });
  await migrate(db, sqliteSyntax, 'of the test', { known });
  database.exec(
    `with recursive s(n) as (select 1 union all select n + 1 from s where n < ${String(artifacts)})
      insert into artifacts (id, uri, type, title, status, storage_provider, content_type, blob_key, blob_sha256,
          blob_size_bytes, blob_fingerprint, data_class, visibility, source_type, created_by, tags, metadata, purged_at,
          version, created_at, updated_at)
        select 'a-' || n, 'u-' || n, case n % 3 when 0 then 'log' else 'diff' end, 't', 'draft', 'filesystem', 'c',
          'k-' || n, 's', n, 'f', 'internal', 'internal', case n % 2 when 0 then 'manual-upload' else 'assistant-output' end,
          'w', '[]', '{}', case n % 5 when 0 then 1 end, 1, ${String(start)} + n, ${String(start)} from s`,
  );
  await db.destroy();
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/**
 * Starts the migration in a child process, and kills the process when it prints a line that begins with `text`. Returns
 * the printed lines.
 */
async function killAt(text: string): Promise<string[]> {
  const child = spawn(process.execPath, [program, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const seen: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    seen.push(line);
    if (line.startsWith(text)) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return seen;
}

function count(rows: number, of: (n: number) => boolean): number {
  return Array.from({ length: rows }, (_, index) => index + 1).filter(of).length;
}

it('a migration that is killed at any point is finished by the next start, without losing a row', async () => {
  const points = [
    'columns of artifacts: 9',
    'producers of artifacts: 20000',
    'owners of blobs: 10000',
    'owners of blobs: 40000',
  ];
  for (const point of points) {
    const seen = await killAt(point);
    expect(seen.filter((line) => line.startsWith(point))).toHaveLength(1);
    expect(seen).not.toContain('closed');
  }
  const store = await openMetadataStore(`sqlite:${file}`);
  const isOwned = (n: number): boolean => n % 5 !== 0;
  const usage = await store.blobOwners.usage();
  expect(usage.map(({ type, count: rows }) => [type, rows])).toEqual([
    ['diff', count(artifacts, (n) => isOwned(n) && n % 3 !== 0)],
    ['log', count(artifacts, (n) => isOwned(n) && n % 3 === 0)],
  ]);
  expect(await store.blobOwners.usageDrift()).toEqual([]);
  expect(await store.artifacts.find('a-2')).toMatchObject({ producedBy: 'person', content: { blob: { key: 'k-2' } } });
  expect(await store.artifacts.find('a-3')).toMatchObject({ producedBy: 'agent', content: { blob: { key: 'k-3' } } });
  await store.close();
  const database = new Database(file, { readonly: true });
  expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
  for (const table of ['artifacts', 'blob_owners']) {
    expect(database.prepare(`select count(*) from ${table}`).pluck().get()).toBe(artifacts);
  }
  database.close();
});

it('an artifact has owned content or a pointer, never both and never neither', async () => {
  const store = await openMetadataStore(`sqlite:${file}`);
  await store.close();
  const database = new Database(file);
  const change = (set: string) => () => database.exec(`update artifacts set ${set} where id = 'a-1'`);
  const noBlob = 'blob_key = null, blob_sha256 = null, blob_size_bytes = null, blob_fingerprint = null';
  expect(change("pointer_uri = 'https://a.test/b'")).toThrow(/artifacts_content/);
  expect(change(noBlob)).toThrow(/artifacts_content/);
  expect(change('blob_sha256 = null')).toThrow(/artifacts_content/);
  expect(change("pointer_checksum = 'x'")).toThrow(/artifacts_content/);
  expect(change(`${noBlob}, pointer_uri = 'https://a.test/b'`)).not.toThrow();
  database.close();
});
