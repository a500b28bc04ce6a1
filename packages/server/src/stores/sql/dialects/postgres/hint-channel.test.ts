import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { PostgresHintChannel } from './hint-channel.ts';
import { runOn, emptyDatabase, type TestDatabase } from './testing/test-database.ts';

const server = inject('postgresUrl');

describe.skipIf(server === undefined)('the hint channel of Postgres', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await emptyDatabase(server!);
  });
  afterEach(() => database.drop());

  it('comes back by itself when its connection dies, and says that it missed something', async () => {
    const [one, other] = [new PostgresHintChannel(database.url), new PostgresHintChannel(database.url)];
    const received: string[] = [];
    let missed = 0;
    await one.listen(
      (message) => received.push(message),
      () => (missed += 1),
    );
    await other.send('before');
    await expect.poll(() => received).toEqual(['before']);
    expect(missed).toBe(0);
    const killed = await runOn(
      database.url,
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'proofhouse hints'",
    );
    expect(killed.rowCount).toBe(2);
    await expect
      .poll(async () => {
        await other.send('after');
        return received.includes('after');
      })
      .toBe(true);
    expect(missed).toBe(1);
    await Promise.all([one.close(), other.close()]);
  });

  it('is silent about a database that cannot be reached, and finds it later', async () => {
    const url = database.url.replace(/\w+$/, (name) => `${name}_later`);
    const channel = new PostgresHintChannel(url);
    const received: string[] = [];
    let missed = 0;
    await channel.listen(
      (message) => received.push(message),
      () => (missed += 1),
    );
    await channel.send('lost');
    await runOn(database.url, `create database ${new URL(url).pathname.slice(1)}`);
    await expect
      .poll(async () => {
        await channel.send('found');
        return received.includes('found');
      })
      .toBe(true);
    expect(received).not.toContain('lost');
    expect(missed).toBe(1);
    await channel.close();
    await channel.send('closed');
    await runOn(database.url, `drop database ${new URL(url).pathname.slice(1)}`);
  });
});
