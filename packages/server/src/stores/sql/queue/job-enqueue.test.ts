import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { newJob } from '../../contract/records.ts';
import { openPostgresEngine } from '../dialects/postgres/postgres-engine.ts';
import { migratedDatabase } from '../dialects/postgres/testing/test-database.ts';
import { openSqliteEngine } from '../dialects/sqlite/sqlite-engine.ts';
import { SqlMetadataStore } from '../sql-metadata-store.ts';
import { watchSteps } from '../testing/watch-steps.ts';
import type { QueueEngine } from './queue-dialect.ts';

interface Opened {
  readonly engine: QueueEngine;
  readonly drop: () => Promise<void>;
}

const onSqlite = async (): Promise<Opened> => ({
  engine: await openSqliteEngine(':memory:'),
  drop: () => Promise.resolve(),
});

const server = inject('postgresUrl');

const onPostgres = async (): Promise<Opened> => {
  const { url, drop } = await migratedDatabase(server!);
  return { engine: await openPostgresEngine(url), drop };
};

const engines = [
  { name: 'SQLite', open: onSqlite, statements: 2 },
  ...(server === undefined ? [] : [{ name: 'Postgres', open: onPostgres, statements: 1 }]),
];

describe.each(engines)('a job of a known route on $name', ({ open, statements }) => {
  let opened: Opened;
  let store: SqlMetadataStore;
  let sent: { awaited: number; unanswered: number };

  beforeEach(async () => {
    opened = await open();
    const watched = watchSteps(opened.engine, () => ({ unanswered }) => {
      if (unanswered) sent.unanswered += 1;
      else sent.awaited += 1;
    });
    store = new SqlMetadataStore(watched);
    sent = { awaited: 0, unanswered: 0 };
    await store.jobs.enqueue(newJob());
    sent = { awaited: 0, unanswered: 0 };
  });
  afterEach(async () => {
    await store.close();
    await opened.drop();
  });

  it(`is inserted with its event by ${statements} statement(s), of which none is awaited`, async () => {
    await store.jobs.enqueue(newJob());
    expect(sent).toEqual({ awaited: 0, unanswered: statements });
  });

  it.each([
    { size: 'small', characters: 10, batch: statements === 1 ? 1 : 10 },
    { size: 'large', characters: 100_000, batch: 10 },
  ])('is inserted in a batch of jobs with $size payloads', async ({ characters, batch }) => {
    const text = `NUL \0, half \ud800, ünïcödé 🎉 ${'x'.repeat(characters)}`;
    const jobs = Array.from({ length: 5 }, (_, index) => newJob({ payload: { text }, affinityKey: `a${index}` }));
    await store.jobs.enqueueAll(jobs.map((job) => ({ job })));
    expect(sent).toEqual({ awaited: 0, unanswered: batch });
    for (const job of jobs) {
      expect(await store.jobs.find(job.id)).toEqual(job);
      expect(await store.jobs.events(job.id, 0, 10)).toEqual([
        { jobId: job.id, seq: 1, kind: 'queued', level: 'info', message: 'Queued.', createdAt: job.createdAt },
      ]);
    }
  });
});
