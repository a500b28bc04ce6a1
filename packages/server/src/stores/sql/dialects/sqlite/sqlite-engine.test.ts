import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { link, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newJob } from '../../../contract/records.ts';
import { openMetadataStore } from '../../../open-metadata-store.ts';
import { statement } from '../../engine/statement.ts';
import { rawStatement } from '../../testing/raw-statement.ts';
import { first, put, Undo } from '../../engine/verb.ts';
import { openSqliteEngine } from './sqlite-engine.ts';
import { ManualDelay } from './testing/manual-delay.ts';

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
  it('is one file under every name that leads to it, and refuses a second hard name', async () => {
    const engine = await openSqliteEngine(file);
    await symlink(file, path.join(folder, 'other.db'));
    await expect(openSqliteEngine(path.join(folder, 'other.db'))).rejects.toThrow(/Another server uses the database/);
    await engine.close();
    await link(file, path.join(folder, 'hard.db'));
    await expect(openSqliteEngine(path.join(folder, 'hard.db'))).rejects.toThrow(/second name/);
  });

  it('is not ready when its file was taken away', async () => {
    const engine = await openSqliteEngine(file);
    await engine.ping();
    await rename(file, `${file}.away`);
    await expect(engine.ping()).rejects.toThrow(/removed or replaced/);
    await rename(`${file}.away`, file);
    await engine.ping();
    await engine.close();
  });

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
    const delays = new ManualDelay();
    const engine = await openSqliteEngine(file, { delay: delays.delay });
    // The child process holds the write lock longer than the engine retries.
    const other = new Database(file);
    other.exec('begin immediate');
    const writes = Promise.allSettled(['a', 'b'].map((name) => engine.write(() => put(insert, { name }))));
    const failed = { reason: { code: 'unavailable' } };
    expect(await delays.until(writes)).toMatchObject({ value: [failed, failed] });
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

  it('rejects every verb of a flush whose COMMIT fails, keeps nothing of it, and works again afterwards', async () => {
    await (await openSqliteEngine(file)).close();
    const other = new Database(file);
    // SQLite checks this foreign key only at the commit, after the verb that violates it has returned.
    other.exec('create table late (name text references settings (name) deferrable initially deferred)');
    other.close();
    const engine = await openSqliteEngine(file);
    const breakLate = rawStatement("insert into late values ('absent')");
    const failed = await Promise.allSettled([
      engine.write(() => put(insert, { name: 'a' })),
      engine.write(() => put(breakLate, {})),
      engine.write(() => put(insert, { name: 'b' })),
      engine.write(function* () {
        throw new Undo(yield* first(find, { name: 'a' }));
      }),
    ]);
    expect(failed).toMatchObject(
      Array.from({ length: 4 }, () => ({
        reason: { code: 'internal', cause: { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' } },
      })),
    );
    expect(await engine.read(() => first(find, { name: 'a' }))).toBeUndefined();
    await engine.write(() => put(insert, { name: 'b' }));
    expect(await engine.read(() => first(find, { name: 'b' }))).toMatchObject({ name: 'b' });
    await engine.close();
  });

  it.each([1, 8, 25])('a disk that is full after %i more pages loses nothing acknowledged', async (pages) => {
    const engine = await openSqliteEngine(file);
    const used = new Database(file, { readonly: true });
    const count = used.pragma('page_count', { simple: true }) as number;
    used.close();
    await engine.write(() => put(rawStatement(`pragma max_page_count = ${count + pages}`), {}));
    const acknowledged: string[] = [];
    const refused: string[] = [];
    // Each flush commits many verbs together. The pages of some of these verbs do not fit on the disk.
    for (let flush = 0; flush < 6; flush++) {
      const names = Array.from({ length: 12 }, (_, i) => `${flush}-${i}-`.padEnd(i % 3 === 0 ? 3000 : 30, 'x'));
      const answers = await Promise.allSettled(names.map((name) => engine.write(() => put(insert, { name }))));
      for (const [i, answer] of answers.entries()) {
        if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ code: 'storage_full' });
        (answer.status === 'fulfilled' ? acknowledged : refused).push(names[i]!);
      }
    }
    expect(refused).not.toEqual([]);
    await engine.write(() => put(rawStatement('pragma max_page_count = 1000000'), {}));
    await engine.write(() => put(insert, { name: 'room again' }));
    await engine.close();
    const after = new Database(file, { readonly: true });
    const there = after.prepare('select name from settings').pluck().all() as string[];
    expect(there.toSorted()).toEqual([...acknowledged, 'room again'].toSorted());
    expect(after.pragma('integrity_check', { simple: true })).toBe('ok');
    after.close();
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
      const before = acknowledged.length;
      lines.on('line', (id) => {
        acknowledged.push(id);
        // Kills the child once it has printed 300 ids. The handler may run again after the kill, because output that
        // the child wrote before still arrives.
        if (acknowledged.length === before + 300) child.kill('SIGKILL');
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
