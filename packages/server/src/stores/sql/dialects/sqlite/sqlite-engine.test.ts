import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newJob } from '../../../contract/records.ts';
import { openMetadataStore } from '../../../open-metadata-store.ts';
import { statement } from '../../statement.ts';
import { first, put, Undo } from '../../verb.ts';
import { openSqliteEngine } from './sqlite-engine.ts';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'proofhouse-sqlite-'));
  file = path.join(folder, 'metadata.db');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const insert = statement<{ name: string }>()((db, p) => db.insertInto('settings').values({ name: p.name, value: 'v' }));
const find = statement<{ name: string }>()((db, p) => db.selectFrom('settings').selectAll().where('name', '=', p.name));

describe('the SQLite engine', () => {
  it('undoes a verb that fails, and only that one', async () => {
    const engine = await openSqliteEngine(file);
    const write = (name: string, then?: () => never) =>
      engine.write(function* () {
        yield* put(insert, { name });
        then?.();
        return name;
      });
    const answers = await Promise.allSettled([
      write('a'),
      write('a'),
      write('b', () => {
        throw new Undo('undone');
      }),
      write('c'),
    ]);
    expect(answers).toMatchObject([
      { value: 'a' },
      { status: 'rejected', reason: { code: 'internal' } },
      { value: 'undone' },
      { value: 'c' },
    ]);
    const there = (name: string) => engine.read(() => first(find, { name }));
    expect(await Promise.all(['a', 'b', 'c'].map(there))).toMatchObject([{ name: 'a' }, undefined, { name: 'c' }]);
    await engine.close();
  });

  it('shows no reader what is not committed', async () => {
    const engine = await openSqliteEngine(file);
    const seen: Promise<unknown>[] = [];
    await engine.write(function* () {
      yield* put(insert, { name: 'a' });
      seen.push(engine.read(() => first(find, { name: 'a' })));
    });
    expect(await Promise.all(seen)).toEqual([undefined]);
    await engine.close();
  });

  it('rejects every verb of a commit that fails, and works again afterwards', async () => {
    const engine = await openSqliteEngine(file);
    // Another program that holds the write lock longer than the engine waits for it.
    const other = new Database(file);
    other.exec('begin immediate');
    const failed = await Promise.allSettled(['a', 'b'].map((name) => engine.write(() => put(insert, { name }))));
    expect(failed).toMatchObject([{ reason: { code: 'unavailable' } }, { reason: { code: 'unavailable' } }]);
    other.exec('rollback');
    other.close();
    await engine.write(() => put(insert, { name: 'a' }));
    await engine.close();
  });

  it('commits what was begun before it closes, and leaves no log behind', async () => {
    const store = await openMetadataStore(`sqlite:${file}`);
    const written = store.settings.put('a', '1');
    await store.close();
    await written;
    await expect(readFile(`${file}-wal`)).rejects.toMatchObject({ code: 'ENOENT' });
    const again = await openMetadataStore(`sqlite:${file}`);
    expect(await again.settings.get('a')).toBe('1');
    await again.close();
  });

  it('a full disk is told as such, and what was there stays', async () => {
    const engine = await openSqliteEngine(file);
    await engine.write(() => put(insert, { name: 'a' }));
    const limit = statement<object>()((db) => ({
      compile: () => ({ ...db.selectFrom('settings').compile(), sql: 'pragma max_page_count = 1' }),
    }));
    await engine.write(() => put(limit, {}));
    const many = Array.from({ length: 50 }, (_, i) => engine.write(() => put(insert, { name: `${i}`.repeat(4000) })));
    const answers = await Promise.allSettled(many);
    expect(answers.at(-1)).toMatchObject({ reason: { code: 'storage_full' } });
    expect(await engine.read(() => first(find, { name: 'a' }))).toMatchObject({ name: 'a' });
    await engine.close();
  });
});

describe('a SQLite file', () => {
  it('belongs to one server at a time', async () => {
    const store = await openMetadataStore(`sqlite:${file}`);
    const message = `Another server uses the database ${file}; stop it, or give this one a file of its own.`;
    await expect(openMetadataStore(`sqlite:${file}`)).rejects.toMatchObject({ code: 'unavailable', message });
    await store.close();
    await (await openMetadataStore(`sqlite:${file}`)).close();
  });

  it('that is not ours is refused and left alone', async () => {
    await writeFile(file, 'just some text, longer than a header would be'.repeat(100));
    const refusal = {
      code: 'internal',
      message: expect.stringContaining('is not a Proofhouse database or is damaged'),
    };
    await expect(openMetadataStore(`sqlite:${file}`)).rejects.toMatchObject(refusal);
    expect(await readFile(file, 'utf8')).toContain('just some text');
    const foreign = path.join(folder, 'foreign.db');
    const database = new Database(foreign);
    database.exec('create table theirs (a)');
    database.close();
    await expect(openMetadataStore(`sqlite:${foreign}`)).rejects.toMatchObject(refusal);
  });

  it('that a newer version updated is refused in one sentence', async () => {
    await (await openMetadataStore(`sqlite:${file}`)).close();
    const database = new Database(file);
    database.exec("insert into kysely_migration values ('9999-later', '2030')");
    database.close();
    await expect(openMetadataStore(`sqlite:${file}`)).rejects.toMatchObject({
      code: 'unsupported',
      message: `The database ${file} was updated by a newer Proofhouse ("9999-later"): start that version, or restore a backup.`,
    });
  });

  it('that cannot be opened names its path', async () => {
    await writeFile(path.join(folder, 'a-file'), '');
    const inFile = path.join(folder, 'a-file', 'x.db');
    const refusal = (name: string) => ({ code: 'unavailable', message: expect.stringContaining(name) });
    await expect(openMetadataStore(`sqlite:${inFile}`)).rejects.toMatchObject(refusal(inFile));
    await expect(openMetadataStore(`sqlite:${folder}`)).rejects.toMatchObject(refusal(folder));
  });

  it('holds every acknowledged commit after its server was killed', async () => {
    const script = path.join(import.meta.dirname, 'testing', 'write-until-killed.ts');
    const acknowledged: string[] = [];
    for (let round = 0; round < 3; round++) {
      const child = spawn(process.execPath, [script, file, `${round}`], { stdio: ['ignore', 'pipe', 'inherit'] });
      const lines = createInterface({ input: child.stdout });
      const closed = once(lines, 'close');
      lines.on('line', (id) => {
        acknowledged.push(id);
        if (acknowledged.length === (round + 1) * 300) child.kill('SIGKILL');
      });
      await closed;
    }
    const store = await openMetadataStore(`sqlite:${file}`);
    for (const id of acknowledged) expect(await store.jobs.find(id), id).toBeDefined();
    await store.jobs.enqueue(newJob());
    await store.close();
    const database = new Database(file, { readonly: true });
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
    database.close();
  });
});
