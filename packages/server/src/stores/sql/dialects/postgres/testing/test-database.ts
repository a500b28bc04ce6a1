import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { openMetadataStore } from '../../../../open-metadata-store.ts';

export interface TestDatabase {
  readonly url: string;
  readonly drop: () => Promise<void>;
}

/** Creates an empty database on the Postgres server of the tests. */
export function emptyDatabase(serverUrl: string): Promise<TestDatabase> {
  return createDatabase(serverUrl, '');
}

/**
 * Creates a database with the schema of this version and no rows, as a copy of a template database. Each Postgres
 * server has one template.
 */
export async function migratedDatabase(serverUrl: string): Promise<TestDatabase> {
  template ??= ensureTemplate(serverUrl);
  await template;
  return createDatabase(serverUrl, ` template ${templateName} strategy file_copy`);
}

const templateName = 'migrated_template';
/** Promise that settles when the template exists on the Postgres server that this process uses. */
let template: Promise<void> | undefined;

/**
 * Creates the template database if it does not exist. Test files run in several processes at the same time. The first
 * of them creates the template, and the others wait for its lock.
 */
async function ensureTemplate(serverUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query('select pg_advisory_lock(7001)');
    const found = await client.query('select 1 from pg_database where datname = $1', [templateName]);
    if (found.rows.length > 0) return;
    // The new database is renamed to the name of the template only when it is complete. So an interrupted run leaves no
    // incomplete template.
    const { url } = await emptyDatabase(serverUrl);
    await (await openMetadataStore(url)).close();
    await client.query(`alter database ${new URL(url).pathname.slice(1)} rename to ${templateName}`);
  } finally {
    await client.end();
  }
}

async function createDatabase(serverUrl: string, copied: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await runOn(serverUrl, `create database ${name}${copied}`);
  return {
    url: url.href,
    drop: async () => {
      await runOn(serverUrl, `drop database if exists ${name} with (force)`);
    },
  };
}

export async function runOn(url: string, text: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(text);
  } finally {
    await client.end();
  }
}
