// Tests the store id, which a database and its blob folder share. Also tests what happens if a database and a blob
// folder do not belong together.
import { ownedBlob } from '@proofhouse/core';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { adoptStorage, type completeConfig, examine, ManualClock } from '@proofhouse/server';
import { ChildServer } from './support/child-server.ts';
import { migratedDatabase } from '../src/stores/sql/dialects/postgres/testing/test-database.ts';
import { startTestServer, type TestServer } from './support/test-server.ts';

type Settings = NonNullable<Parameters<typeof completeConfig>[0]>;

let folder: string;
let blobRoot: string;
const drops: (() => Promise<void>)[] = [];
const running: TestServer[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'store-identity-'));
  blobRoot = path.join(folder, 'blobs');
});
afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
  for (const drop of drops.splice(0)) await drop();
  rmSync(folder, { recursive: true, force: true });
});

async function start(settings: Settings): Promise<TestServer> {
  const databaseUrl = `sqlite:${path.join(folder, 'proofhouse.db')}`;
  const server = await startTestServer({ settings: { dataDir: folder, databaseUrl, ...settings } });
  running.push(server);
  return server;
}

async function stop(server: TestServer): Promise<void> {
  running.splice(running.indexOf(server), 1);
  await server.close();
}

async function put(server: TestServer, count: number): Promise<string[]> {
  const job = await server.enqueue();
  const files: string[] = [];
  for (let index = 0; index < count; index++) {
    const answer = await server.put(job.id, { name: `${String(index)}.txt`, file: `bytes ${String(index)}` });
    expect(answer.status).toBe(201);
    const record = await server.server.store.artifacts.find(answer.json.id as string);
    files.push(server.server.blobs.localPath(ownedBlob(record!).key) ?? '');
  }
  return files;
}

async function onDatabase(url: string, command: string): Promise<void> {
  if (url.startsWith('sqlite:')) {
    const database = new Database(url.slice('sqlite:'.length));
    database.exec(command);
    database.close();
    return;
  }
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(command);
  await client.end();
}

const day = 86_400;
const age = (files: readonly string[]): void => {
  for (const file of files) utimesSync(file, Date.now() / 1000 - 3 * day, Date.now() / 1000 - 3 * day);
};
const kept = (files: readonly string[]): number => files.filter((file) => existsSync(file)).length;
const marker = (): string => readFileSync(path.join(blobRoot, 'store-id'), 'utf8').trim();

async function doctor(flags: Record<string, string> = {}) {
  for await (const { name, outcome, text } of examine({ env: {}, flags: { 'data-dir': folder, ...flags } })) {
    if (name === 'blobs') return { outcome, text };
  }
  return undefined;
}

async function gc(server: TestServer, body: object = {}) {
  const items = [];
  const refusals = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const answer = await server.post('/api/storage/gc', { ...body, cursor });
    if (answer.status !== 200) return { status: answer.status, code: answer.json.code, detail: answer.json.detail };
    items.push(...answer.json.items);
    if (answer.json.refusal !== null) refusals.push(answer.json.refusal);
    cursor = answer.json.nextCursor as string | null;
  }
  return { status: 200, items, refusals };
}

describe.each(['sqlite', 'postgres'] as const)('on %s', (kind) => {
  const missing = kind === 'postgres' && inject('postgresUrl') === undefined;

  async function database(): Promise<string> {
    if (kind === 'sqlite') return `sqlite:${path.join(folder, `${String(Math.random()).slice(2)}.db`)}`;
    const { url, drop } = await migratedDatabase(inject('postgresUrl') ?? '');
    drops.push(drop);
    return url;
  }

  it.skipIf(missing)(
    'a server on an empty database does not start over the blobs of another, and they all stay',
    async () => {
      const ours = await database();
      const first = await start({ databaseUrl: ours });
      const files = await put(first, 30);
      age(files);
      await stop(first);
      const wrong = await database();
      await expect(start({ databaseUrl: wrong })).rejects.toThrow(
        /^The blob storage belongs to store \S+, and the database has no store id yet .* `proofhouse storage adopt`\.$/,
      );
      expect(await doctor({ 'database-url': wrong })).toMatchObject({
        outcome: 'wrong',
        text: expect.stringMatching(/storage adopt/),
      });
      expect(kept(files)).toBe(30);
      const again = await start({ databaseUrl: ours });
      expect(await doctor({ 'database-url': ours })).toMatchObject({ outcome: 'ok' });
      expect(await gc(again)).toMatchObject({ status: 200, items: [] });
      expect(kept(files)).toBe(30);
    },
  );

  it.skipIf(missing)(
    'collection by the API is refused while database and blobs are not one store, and goes on when they are',
    async () => {
      const server = await start({ databaseUrl: await database() });
      const files = await put(server, 3);
      age(files);
      const orphan = path.join(blobRoot, 'blobs/q', 'q'.repeat(32));
      writeFileSync(orphan, 'orphan');
      age([orphan]);
      const own = marker();
      const place = path.join(blobRoot, 'store-id');
      for (const [text, says] of [
        ['0190a0a0-0000-7000-8000-000000000000\n', /belongs to store 0190a0a0/],
        [undefined, /bears no store id any more/],
      ] as const) {
        rmSync(place);
        if (text !== undefined) writeFileSync(place, text);
        for (const dryRun of [true, false]) {
          expect(await gc(server, { dryRun })).toMatchObject({ status: 503, detail: expect.stringMatching(says) });
        }
        expect(await gc(server, { yesRemoveMost: true })).toMatchObject({ status: 503 });
      }
      const { settings } = server.server.store;
      writeFileSync(place, own);
      const value = (await settings.get('store')) ?? '';
      await settings.put('store', value.replace(own, '0190a0a0-0000-7000-8000-000000000000'));
      expect(await gc(server)).toMatchObject({
        status: 503,
        detail: expect.stringMatching(/The database is store 0190a0a0/),
      });
      await settings.put('store', value);
      expect([kept(files), existsSync(orphan)]).toEqual([3, true]);
      expect(await gc(server)).toMatchObject({ status: 200, items: [{ reason: 'orphan' }] });
      expect([kept(files), existsSync(orphan)]).toEqual([3, false]);
    },
  );

  it.skipIf(missing)(
    'an install of before the store id gets one on both sides, also when it was stopped in between',
    async () => {
      const url = await database();
      const first = await start({ databaseUrl: url });
      await put(first, 2);
      const id = marker();
      await stop(first);
      // Simulates a server that stopped after the database got its store id, and before the blob folder got it.
      rmSync(path.join(blobRoot, 'store-id'));
      const second = await start({ databaseUrl: url });
      expect(marker()).toBe(id);
      await stop(second);
      // Restores the state that the previous version left, in which neither the database nor the blob folder has a
      // store id.
      rmSync(path.join(blobRoot, 'store-id'));
      rmSync(path.join(folder, 'artifacts/agent_jobs/.proofhouse-store'));
      await onDatabase(url, "delete from settings where name = 'store'");
      await start({ databaseUrl: url });
      expect(marker()).not.toBe(id);
    },
  );

  it.skipIf(missing)(
    'a database that names blobs does not start over an empty folder: its disk is not mounted',
    async () => {
      const url = await database();
      const first = await start({ databaseUrl: url });
      await put(first, 2);
      await stop(first);
      renameSync(blobRoot, `${blobRoot}-unmounted`);
      await expect(start({ databaseUrl: url })).rejects.toThrow(/is its disk mounted\?/);
      mkdirSync(blobRoot, { recursive: true });
      await expect(start({ databaseUrl: url })).rejects.toThrow(/is its disk mounted\?/);
      expect(await doctor({ 'database-url': url })).toMatchObject({ outcome: 'wrong' });
      rmSync(blobRoot, { recursive: true });
      renameSync(`${blobRoot}-unmounted`, blobRoot);
      await start({ databaseUrl: url });
    },
  );

  it.skipIf(missing)('a database without artifacts takes an empty folder, and keeps its id', async () => {
    const url = await database();
    const first = await start({ databaseUrl: url });
    const id = marker();
    await stop(first);
    rmSync(blobRoot, { recursive: true });
    await start({ databaseUrl: url });
    expect(marker()).toBe(id);
  });

  it.skipIf(missing)('blobs without a store id that a new database does not name are not taken', async () => {
    const key = 'a'.repeat(32);
    mkdirSync(path.join(blobRoot, 'blobs/a'), { recursive: true });
    mkdirSync(path.join(blobRoot, 'staging'));
    writeFileSync(path.join(blobRoot, 'blobs/a', key), 'of an older version');
    const url = await database();
    await expect(start({ databaseUrl: url })).rejects.toThrow(/holds blobs and the database names none of them/);
    expect(existsSync(path.join(blobRoot, 'store-id'))).toBe(false);
  });

  it.skipIf(missing)('adopting says what it would do, does it when told, and gives a grace period', async () => {
    const first = await start({ databaseUrl: await database() });
    const files = await put(first, 5);
    age(files);
    await stop(first);
    const id = marker();
    const other = await database();
    const adopt = (confirmed: boolean) =>
      adoptStorage({ env: {}, flags: { 'data-dir': folder, 'database-url': other }, confirmed });
    const said = await adopt(false);
    expect(said.outcome).toBe('would-adopt');
    expect(said.lines.join('\n')).toMatch(
      /belongs to store .*\n.*holds 5 blobs. 0 of them are named .*, 5 are not[^]*--yes/,
    );
    expect(marker()).toBe(id);
    const before = Date.now();
    expect((await adopt(true)).outcome).toBe('adopted');
    expect(marker()).not.toBe(id);
    expect((await adopt(true)).outcome).toBe('same');
    const clock = new ManualClock(before);
    const server = await startTestServer({
      clock,
      settings: { dataDir: folder, databaseUrl: other, collectEveryHours: 1 },
    });
    running.push(server);
    clock.advance(3_600_000);
    await expect.poll(() => server.logLines.some((line) => line.includes('first grace period'))).toBe(true);
    expect(kept(files)).toBe(5);
  });
});

it('two servers that start at once on Postgres agree on one id', async ({ skip }) => {
  const serverUrl = inject('postgresUrl');
  if (serverUrl === undefined) return skip();
  const { url, drop } = await migratedDatabase(serverUrl);
  drops.push(drop);
  const started = await Promise.all(Array.from({ length: 4 }, () => start({ databaseUrl: url })));
  const ids = await Promise.all(
    started.map(async ({ server }) => JSON.parse((await server.store.settings.get('store')) ?? '{}').id as string),
  );
  expect(new Set(ids)).toEqual(new Set([marker()]));
});

it('of two databases that take one fresh folder at once one wins and the other does not start', async () => {
  const urls = ['one', 'two', 'three'].map((name) => `sqlite:${path.join(folder, `${name}.db`)}`);
  const outcomes = await Promise.allSettled(urls.map((databaseUrl) => start({ databaseUrl })));
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
  expect(refused).toHaveLength(2);
  for (const { reason } of refused) expect(String(reason)).toMatch(/storage adopt/);
});

it('a server that is killed at any moment of its first start starts again', { timeout: 120_000 }, async () => {
  for (const afterMs of [0, 1, 2]) {
    const data = path.join(folder, `killed-${String(afterMs)}`);
    const server = new ChildServer(data);
    // Kills the server as soon as one path exists. The path is, in turn, the database, the blob folder, and the file
    // with the store id.
    const sign = ['proofhouse.db', 'blobs/staging', 'blobs/store-id'][afterMs] ?? '';
    await expect.poll(() => existsSync(path.join(data, sign)), { interval: 1, timeout: 30_000 }).toBe(true);
    await server.stop('SIGKILL');
    const again = new ChildServer(data);
    expect(await again.url()).toBeDefined();
    await again.stop();
  }
});

it('a database in memory marks nothing, starts again over its own blobs, and collects none of them unasked', async () => {
  const first = await start({ databaseUrl: 'sqlite::memory:' });
  const files = await put(first, 3);
  age(files);
  await stop(first);
  const second = await start({ databaseUrl: 'sqlite::memory:' });
  expect(existsSync(path.join(blobRoot, 'store-id'))).toBe(false);
  expect(await gc(second)).toMatchObject({ status: 422, code: 'storage_policy' });
  expect(kept(files)).toBe(3);
  expect(await gc(second, { yesRemoveMost: true })).toMatchObject({ status: 200 });
  expect(kept(files)).toBe(0);
  await stop(second);
  writeFileSync(path.join(blobRoot, 'store-id'), '0190a0a0-0000-7000-8000-000000000000\n');
  await expect(start({ databaseUrl: 'sqlite::memory:' })).rejects.toThrow(/the database is in memory/);
});

it('blobs in memory need no marker, and a database that named them starts again', async () => {
  const first = await start({ blobUrl: 'memory:' });
  const job = await first.enqueue();
  expect((await first.put(job.id, { name: 'a' })).status).toBe(201);
  await stop(first);
  await start({ blobUrl: 'memory:' });
});

it('a restored older copy of the same database starts, and a marker that is no plain file does not', async () => {
  const first = await start({});
  await put(first, 1);
  await stop(first);
  const file = path.join(folder, 'proofhouse.db');
  const copy = readFileSync(file);
  const second = await start({});
  await put(second, 2);
  await stop(second);
  writeFileSync(file, copy);
  await stop(await start({}));
  const place = path.join(blobRoot, 'store-id');
  unlinkSync(place);
  writeFileSync(place, 'x'.repeat(10_000));
  await expect(start({})).rejects.toMatchObject({ code: 'integrity_failure' });
  rmSync(place);
  mkdirSync(place);
  await expect(start({})).rejects.toMatchObject({ code: 'integrity_failure' });
});

describe('collection with many strangers', () => {
  const plant = (count: number): string[] => {
    const letters = 'abcdefghijklmnopqrstuvwxyz234567';
    const files = Array.from({ length: count }, (_, index) => {
      const key = `${letters[index % 32] ?? 'a'}${'a'.repeat(29)}${letters[Math.floor(index / 32) % 32] ?? 'a'}${letters[Math.floor(index / 1024)] ?? 'a'}`;
      return path.join(blobRoot, 'blobs', key.charAt(0), key);
    });
    for (const file of files) writeFileSync(file, 'stranger');
    age(files);
    return files;
  };

  it('is refused from 101 on when they are more than a fifth of the old blobs, a dry run says so, and the flag lifts it', async () => {
    const server = await start({});
    const strangers = plant(101);
    const dry = await gc(server, { dryRun: true });
    expect(dry).toMatchObject({
      status: 200,
      refusals: [expect.stringMatching(/101 of 101 old blobs \(100 %\)/)],
    });
    expect(dry.items).toHaveLength(101);
    expect(await gc(server)).toMatchObject({
      status: 422,
      code: 'storage_policy',
      detail: expect.stringMatching(/--yes-remove-most/),
    });
    expect(kept(strangers)).toBe(101);
    unlinkSync(strangers[0] ?? '');
    expect((await gc(server)).items).toHaveLength(100);
    plant(102);
    expect((await gc(server, { yesRemoveMost: true })).items).toHaveLength(102);
    expect(kept(strangers)).toBe(0);
  });

  it('counts over all of a large store, and a purged artifact is no stranger', async () => {
    const server = await start({});
    // More files than one slice of a collection can handle.
    const strangers = plant(2100);
    expect(await gc(server)).toMatchObject({ status: 422, detail: expect.stringMatching(/2100 of 2100/) });
    expect(kept(strangers)).toBe(2100);
    expect((await gc(server, { yesRemoveMost: true })).items).toHaveLength(2100);
    expect(kept(strangers)).toBe(0);
  });
});

describe('the root of the job view', () => {
  const view = (): string => path.join(folder, 'artifacts/agent_jobs');
  const viewMarker = (): string => readFileSync(path.join(view(), '.proofhouse-store'), 'utf8').trim();

  it('with other content and no marker is refused by a start and by doctor, and left as it is', async () => {
    mkdirSync(view(), { recursive: true });
    writeFileSync(path.join(view(), 'thesis.txt'), 'years of work');
    await expect(start({})).rejects.toThrow(/holds "thesis.txt", which is no folder of a job.*AGENT_JOB_ARTIFACT_ROOT/);
    for await (const { name, outcome } of examine({ env: {}, flags: { 'data-dir': folder } })) {
      if (name === 'folders') expect(outcome).toBe('wrong');
    }
    expect(readFileSync(path.join(view(), 'thesis.txt'), 'utf8')).toBe('years of work');
  });

  it('of an earlier version, which holds folders of jobs alone, is marked and used', async () => {
    mkdirSync(path.join(view(), '0190a0a0-0000-7000-8000-000000000000'), { recursive: true });
    await start({});
    expect(viewMarker()).toBe(marker());
  });

  it('is never shared by two stores', async () => {
    await stop(await start({}));
    const settings = {
      databaseUrl: `sqlite:${path.join(folder, 'two.db')}`,
      blobUrl: `file:${path.join(folder, 'two')}`,
    };
    await expect(start(settings)).rejects.toThrow(/belongs to store .*AGENT_JOB_ARTIFACT_ROOT/);
  });

  it('with a marker that is a link is refused, and what it leads to is not read or written', async () => {
    mkdirSync(view(), { recursive: true });
    const elsewhere = path.join(folder, 'elsewhere');
    writeFileSync(elsewhere, 'theirs');
    symlinkSync(elsewhere, path.join(view(), '.proofhouse-store'));
    await expect(start({})).rejects.toMatchObject({ code: 'integrity_failure' });
    expect(readFileSync(elsewhere, 'utf8')).toBe('theirs');
  });
});
