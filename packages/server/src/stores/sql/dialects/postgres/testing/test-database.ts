import { randomBytes } from 'node:crypto';
import pg from 'pg';

export interface TestDatabase {
  readonly url: string;
  readonly drop: () => Promise<void>;
}

/** A database on the server of the tests: empty, or a copy of another. */
export async function testDatabase(serverUrl: string, template?: string): Promise<TestDatabase> {
  const name = `store_${randomBytes(6).toString('hex')}`;
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const copied = template === undefined ? '' : ` template ${new URL(template).pathname.slice(1)}`;
  await runOn(serverUrl, `create database ${name}${copied}`);
  return {
    url: url.href,
    drop: async () => {
      await runOn(serverUrl, `drop database ${name} with (force)`);
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
