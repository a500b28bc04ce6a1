import Database from 'better-sqlite3';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, inject, it } from 'vitest';
import { insert } from '../../kernel/commit.ts';
import { commitOf, newArtifact } from '../contract/records.ts';
import type { MetadataStore } from '../metadata-store.ts';
import { openMetadataStore } from '../open-metadata-store.ts';
import { migratedDatabase, runOn } from './dialects/postgres/testing/test-database.ts';

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/**
 * Two connections to one store, and a function that writes to the database without the store. On SQLite both are the
 * same connection.
 */
interface Opened {
  readonly stores: readonly MetadataStore[];
  readonly run: (text: string) => Promise<unknown>;
}

async function open(url: string): Promise<MetadataStore> {
  const store = await openMetadataStore(url);
  undo.push(() => store.close());
  return store;
}

async function onSqlite(): Promise<Opened> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'proofhouse-usage-'));
  undo.push(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'metadata.db');
  const store = await open(`sqlite:${file}`);
  const run = async (text: string): Promise<void> => {
    const database = new Database(file);
    database.exec(text);
    database.close();
  };
  return { stores: [store, store], run };
}

const server = inject('postgresUrl');

async function onPostgres(): Promise<Opened> {
  const { url, drop } = await migratedDatabase(server!);
  undo.push(drop);
  return { stores: [await open(url), await open(url)], run: (text) => runOn(url, text) };
}

it.each([
  ['SQLite', false, onSqlite],
  ['Postgres', server === undefined, onPostgres],
] as const)('drift of usage is found and repaired once by concurrent repairs, on %s', async (_name, skip, opened) => {
  if (skip) return;
  const { stores, run } = await opened();
  const [one, other] = stores as [MetadataStore, MetadataStore];
  const made = [newArtifact({ type: 'log' }), newArtifact({ type: 'diff' }), newArtifact({ type: 'diff' })];
  await one.commit(commitOf(made.map((artifact) => insert('artifact', artifact))));
  const right = await one.blobOwners.usage();
  await run("update storage_usage set count = count + 3, size_bytes = size_bytes - 7 where type = 'log'");
  await run("delete from storage_usage where type = 'diff'");
  await run("insert into storage_usage (kind, type, slot, count, size_bytes) values ('file', 'x', 0, 1, 1)");
  const sizeBytes = 2 * (2 ** 40 + 1);
  expect(await other.blobOwners.usageDrift()).toEqual([
    { kind: 'artifact', type: 'diff', count: 2, sizeBytes },
    { kind: 'artifact', type: 'log', count: -3, sizeBytes: 7 },
    { kind: 'file', type: 'x', count: -1, sizeBytes: -1 },
  ]);
  await Promise.all([one, other, one].map((store) => store.blobOwners.repairUsage()));
  expect(await other.blobOwners.usageDrift()).toEqual([]);
  expect(await one.blobOwners.usage()).toEqual(right);
});
