import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { openPostgresEngine } from './dialects/postgres/postgres-engine.ts';
import { migratedDatabase } from './dialects/postgres/testing/test-database.ts';
import { openSqliteEngine } from './dialects/sqlite/sqlite-engine.ts';
import type { SqlEngine } from './engine/sql-engine.ts';
import { statement } from './engine/statement.ts';
import { first, put, rows, type Verb } from './engine/verb.ts';

const server = inject('postgresUrl');

const insert = statement<{ name: string }>()((db, p) =>
  db.insertInto('settings').values({ name: p.name, value: 'ä'.repeat(1000) }),
);
const find = statement<{ name: string }>()((db, p) => db.selectFrom('settings').selectAll().where('name', '=', p.name));
const all = statement<object>()((db) => db.selectFrom('settings').selectAll().orderBy('name'));

interface Opened {
  readonly engine: SqlEngine;
  readonly remove: () => Promise<unknown>;
}

const engines: readonly (readonly [name: string, skip: boolean, open: () => Promise<Opened>])[] = [
  ['SQLite', false, openSqlite],
  ['Postgres', server === undefined, openPostgres],
];

async function openSqlite(): Promise<Opened> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'proofhouse-scan-'));
  const engine = await openSqliteEngine(path.join(folder, 'metadata.db'), { threadFromBytes: 0 });
  return { engine, remove: () => rm(folder, { recursive: true, force: true }) };
}

async function openPostgres(): Promise<Opened> {
  const { url, drop } = await migratedDatabase(server!);
  return { engine: await openPostgresEngine(url), remove: drop };
}

for (const [name, skip, open] of engines) {
  describe.skipIf(skip)(`scans on ${name}`, () => {
    let engine: SqlEngine;
    let remove: Opened['remove'];

    const write = (named: string): Promise<void> => engine.write(() => put(insert, { name: named }));

    beforeEach(async () => {
      ({ engine, remove } = await open());
    });
    afterEach(async () => {
      await engine.close();
      await remove();
    });

    it('answer as reads do, however many rows there are', async () => {
      await Promise.all(Array.from({ length: 700 }, (_, index) => write(`name-${String(index)}`)));
      const scanned = await engine.scan(() => rows(all, {}));
      expect(scanned.length).toBeGreaterThanOrEqual(700);
      expect(scanned).toEqual(await engine.read(() => rows(all, {})));
    });

    it('see what was committed before they began', async () => {
      await write('a');
      expect(await engine.scan(() => first(find, { name: 'a' }))).toMatchObject({ name: 'a' });
    });

    it('see one snapshot, whatever is committed meanwhile, and delay neither writes nor look-ups', async () => {
      let committed = false;
      let begun = (): void => undefined;
      const beginning = new Promise<void>((resolve) => (begun = resolve));
      const scan = engine.scan(function* (): Verb<boolean> {
        yield* first(find, { name: 'late' });
        begun();
        while (!committed) yield* first(find, { name: 'late' });
        return (yield* first(find, { name: 'late' })) !== undefined;
      });
      await beginning;
      await write('late');
      expect(await engine.look(() => first(find, { name: 'late' }))).toBeDefined();
      committed = true;
      expect(await scan).toBe(false);
      expect(await engine.scan(() => first(find, { name: 'late' }))).toBeDefined();
    });

    it('run beside one another: a short one ends while a long one runs', async () => {
      let stop = false;
      const long = engine.scan(function* (): Verb<void> {
        while (!stop) yield* first(find, { name: 'a' });
      });
      const short = [1, 2, 3].map(() => engine.scan(() => first(find, { name: 'a' })));
      expect(await Promise.all(short)).toEqual([undefined, undefined, undefined]);
      stop = true;
      await long;
    });

    it('fail alone when a statement fails', async () => {
      const missing = statement<object>()((db) => db.selectFrom('settings').select('nothing' as 'name'));
      await expect(engine.scan(() => rows(missing, {}))).rejects.toMatchObject({ code: 'internal' });
      expect(await engine.scan(() => first(find, { name: 'a' }))).toBeUndefined();
    });

    it('cannot write', async () => {
      const scan = engine.scan(() => put(insert, { name: 'a' }));
      await expect(scan).rejects.toMatchObject({ code: expect.stringMatching(/^(internal|unavailable)$/) });
      expect(await engine.read(() => first(find, { name: 'a' }))).toBeUndefined();
    });
  });
}
