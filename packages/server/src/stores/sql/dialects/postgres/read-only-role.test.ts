import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import type { MetadataStore } from '../../../metadata-store.ts';
import { grantReadOnly } from '../../../grant-read-only.ts';
import { openMetadataStore } from '../../../open-metadata-store.ts';
import { secretColumns } from './read-only-role.ts';
import { runOn, migratedDatabase, type TestDatabase } from './testing/test-database.ts';

const server = inject('postgresUrl');

describe.skipIf(server === undefined)('a read-only role', () => {
  let database: TestDatabase;
  let store: MetadataStore;
  const roles: string[] = [];

  beforeEach(async () => {
    database = await migratedDatabase(server!);
    store = await openMetadataStore(database.url);
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
    for (const role of roles.splice(0)) await runOn(server!, `drop role ${pg.escapeIdentifier(role)}`);
  });

  async function newRole(prefix = 'reader', traits = ''): Promise<string> {
    const role = `${prefix}_${randomBytes(4).toString('hex')}`;
    await runOn(server!, `create role ${pg.escapeIdentifier(role)} ${traits}`);
    roles.push(role);
    return role;
  }

  const restart = async () => {
    await store.close();
    store = await openMetadataStore(database.url);
  };

  const quoted = (text: string) => pg.escapeLiteral(text);

  /** Returns every column of the Proofhouse tables that the role cannot read. */
  async function hidden(role: string): Promise<string[]> {
    const { rows } = await runOn(
      database.url,
      `select table_name || '.' || column_name as name from information_schema.columns
        where table_schema = 'public'
          and not has_column_privilege(${quoted(role)}, quote_ident(table_name), column_name, 'select')
        order by 1`,
    );
    return (rows as { name: string }[]).map(({ name }) => name);
  }

  const secrets = Object.entries(secretColumns).flatMap(([table, columns]) =>
    columns.map((column) => `${table}.${column}`),
  );

  it('reads every column of every table but the secret ones, and writes nothing', async () => {
    const role = await newRole();
    expect((await hidden(role)).length).toBeGreaterThan(100);
    await grantReadOnly(database.url, role);
    expect(await hidden(role)).toEqual(secrets.toSorted());
    const as = (text: string) => runOn(database.url, `set role ${pg.escapeIdentifier(role)}; ${text}`);
    await as('select id, worker_id, experiment_id from credentials; select name from settings; select * from jobs');
    await as('select uri, created_by, experiment_id, blob_sha256 from artifacts; select * from artifact_grants');
    const refused = [
      'select * from settings',
      'select value from settings',
      'select secret_sha256 from credentials',
      'select count(credentials) from credentials',
      "select 1 from credentials where secret_sha256 like 'a%'",
      'delete from jobs',
      "insert into settings values ('a', 'b')",
      "update credentials set revoked_at = null where id = 'x'",
      'create table mine (id text)',
    ];
    for (const text of refused) await expect(as(text), text).rejects.toMatchObject({ code: '42501' });
  });

  it('sees no column whose name speaks of a secret', async () => {
    const { rows } = await runOn(
      database.url,
      "select table_name || '.' || column_name as name from information_schema.columns where table_schema = 'public'",
    );
    const speaking = (rows as { name: string }[])
      .map(({ name }) => name)
      .filter((name) => /\..*(secret|password|token|hash|sha256|session|cookie|signing|private)/.test(name));
    // `blob_sha256` is the digest of an artifact and not a secret. Each role that may read the record of the artifact
    // may also read the digest. `token_id` is the id of a token and not the token.
    expect(speaking.filter((name) => !secrets.includes(name)).toSorted()).toEqual([
      'artifacts.blob_sha256',
      'blob_owners.sha256',
      'sessions.token_id',
    ]);
    expect(secrets.filter((name) => !(rows as { name: string }[]).some((row) => row.name === name))).toEqual([]);
  });

  it('is granted what came later at the next start, and loses what it should not have had', async () => {
    const [role, other] = [await newRole(), await newRole()];
    await grantReadOnly(database.url, role);
    await grantReadOnly(database.url, other);
    await grantReadOnly(database.url, role);
    await runOn(
      database.url,
      `create table "late ""r" (id text, "odd ""column" text); alter table credentials add column later text;
        alter table jobs add column later text; grant select on settings to ${role}`,
    );
    expect(await hidden(role)).toEqual(
      expect.arrayContaining(['late "r.id', 'late "r.odd "column', 'credentials.later']),
    );
    await restart();
    expect(await hidden(role)).toEqual(secrets.toSorted());
    expect(await hidden(other)).toEqual(secrets.toSorted());
  });

  it('whose name is hostile is quoted', async () => {
    const role = await newRole(`"; drop table settings; -- 'x' ü`);
    await grantReadOnly(database.url, role);
    expect(await hidden(role)).toEqual(secrets.toSorted());
    await restart();
    expect(await hidden(role)).toEqual(secrets.toSorted());
  });

  it('that is not there is refused by its whole name, and one that was dropped hinders no start', async () => {
    const long = await newRole('r'.repeat(54));
    expect(long).toHaveLength(63);
    for (const absent of ['absent', '', 'public', 'a\0b', `${long}x`, '"postgres"']) {
      const granted = grantReadOnly(database.url, absent);
      await expect(granted, absent).rejects.toMatchObject({
        code: 'not_found',
        message: expect.stringMatching(/has no role .*; create it first/),
      });
    }
    expect((await hidden(long)).length).toBeGreaterThan(100);
    const dropped = await newRole();
    await grantReadOnly(database.url, dropped);
    await runOn(database.url, `drop owned by ${dropped}; drop role ${dropped}`);
    roles.splice(roles.indexOf(dropped), 1);
    await restart();
    await store.ping();
  });

  it('that reads secrets by other means is refused, and nothing is granted', async () => {
    const superuser = await newRole('super', 'superuser');
    const owner = (await runOn(database.url, 'select current_user as name')).rows[0] as { name: string };
    for (const role of [superuser, owner.name]) {
      await expect(grantReadOnly(database.url, role)).rejects.toMatchObject({ code: 'invalid_request' });
    }
    const role = await newRole();
    await runOn(database.url, 'grant select on settings to public');
    await expect(grantReadOnly(database.url, role)).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('may read settings.value through another grant'),
    });
    expect((await hidden(role)).length).toBeGreaterThan(100);
    await store.settings.put('still', 'written');
  });

  it('is granted once by many that grant and start at the same time', async () => {
    const role = await newRole();
    await grantReadOnly(database.url, role);
    const opened = await Promise.all(Array.from({ length: 4 }, () => openMetadataStore(database.url)));
    await Promise.all(opened.map(() => grantReadOnly(database.url, role)));
    expect(await hidden(role)).toEqual(secrets.toSorted());
    for (const each of opened) await each.close();
  });
});

it('an engine without roles grants nothing', async () => {
  await expect(grantReadOnly('sqlite:some.db', 'reader')).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining('has no roles: give readers a copy of it, or use Postgres.'),
  });
});
