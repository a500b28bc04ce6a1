import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { claimBy, claimIds, newJob, start } from '../../contract/records.ts';
import { openPostgresEngine } from '../dialects/postgres/postgres-engine.ts';
import { migratedDatabase } from '../dialects/postgres/testing/test-database.ts';
import { openSqliteEngine } from '../dialects/sqlite/sqlite-engine.ts';
import type { QueueEngine } from './queue-dialect.ts';
import { SqlMetadataStore } from '../sql-metadata-store.ts';
import { watchSteps } from '../testing/watch-steps.ts';

/**
 * Wraps an engine. For each transaction it appends a number to `waits`: how many results of statements the transaction
 * awaited.
 */
function counting(engine: QueueEngine, waits: number[]): QueueEngine {
  return watchSteps(engine, () => {
    const index = waits.push(0) - 1;
    return ({ unanswered }) => {
      if (!unanswered) waits[index] = (waits[index] ?? 0) + 1;
    };
  });
}

const server = inject('postgresUrl');

/** Number of results that a usual claim awaits: one for the due times and one for the candidates. */
const awaited = 2;

interface Opened {
  readonly engine: QueueEngine;
  readonly drop: () => Promise<void>;
}

const onSqlite = async (): Promise<Opened> => ({
  engine: await openSqliteEngine(':memory:'),
  drop: () => Promise.resolve(),
});

const onPostgres = async (): Promise<Opened> => {
  const { url, drop } = await migratedDatabase(server!);
  return { engine: await openPostgresEngine(url), drop };
};

const engines = [
  { name: 'SQLite', open: onSqlite },
  ...(server === undefined ? [] : [{ name: 'Postgres', open: onPostgres }]),
];

describe.each(engines)('a claim on $name', ({ open }) => {
  let engine: QueueEngine;
  let drop: () => Promise<void>;
  let store: SqlMetadataStore;
  let other: SqlMetadataStore;
  let waits: number[];

  beforeEach(async () => {
    waits = [];
    ({ engine, drop } = await open());
    store = new SqlMetadataStore(counting(engine, waits));
    // This store plays the role of a second server. The caches of the first store do not contain what it writes.
    other = new SqlMetadataStore(engine);
    await store.jobs.enqueue(newJob(), undefined);
    await claimIds(store, 'first');
  });
  afterEach(async () => {
    await store.close();
    await drop();
  });

  const enqueue = async (over: Parameters<typeof newJob>[0] = {}): Promise<string> => {
    const job = newJob(over);
    await other.jobs.enqueue(job, undefined);
    waits.length = 0;
    return job.id;
  };

  it('awaits two results when nothing is new and nothing due', async () => {
    const id = await enqueue();
    expect(await claimIds(store, 'w')).toEqual([id]);
    expect(waits).toEqual([awaited]);
  });

  it('awaits two results when there is nothing for it', async () => {
    waits.length = 0;
    expect(await claimIds(store, 'w')).toEqual([]);
    expect(waits).toEqual([awaited]);
  });

  it('gives the job of a route that another server wrote before one that it knew', async () => {
    const known = await enqueue();
    const fresh = await enqueue({ priority: 9, repository: 'org/new' });
    expect(await claimIds(store, 'w')).toEqual([fresh]);
    expect(await claimIds(store, 'w')).toEqual([known]);
  });

  it('gives the due job before what was ready, and ends the lease that passed', async () => {
    const ready = await enqueue();
    const due = await enqueue({ priority: 9, nextAttemptAt: start + 5 });
    const now = start + 70_000;
    const claimed = await store.jobs.claim(claimBy('w', { leaseIds: ['a', 'b', 'c'], now }));
    expect(claimed).toMatchObject({
      jobs: [{ id: due }, { id: ready }],
      passed: { ended: [{ status: 'queued', attempt: 2 }] },
    });
  });
});
