import type { CredentialRecord, WorkerRecord } from '@proofhouse/core';
import type { Page, PageRequest } from '../../kernel/page.ts';
import type { WorkerStore } from '../../workers/worker-store.ts';
import { credentialFromRow } from './credential-row.ts';
import { pageOf, pageStart } from './paging.ts';
import type { SqlEngine } from './sql-engine.ts';
import { statement, statementsBy } from './statement.ts';
import { first, put, rows } from './verb.ts';
import { workerFromRow } from './worker-row.ts';

const bySecret = statement<{ secret: string }>()((db, p) =>
  db.selectFrom('credentials').selectAll().where('secret_sha256', '=', p.secret),
);

const byId = statement<{ id: string }>()((db, p) => db.selectFrom('credentials').selectAll().where('id', '=', p.id));

const touch = statement<{ id: string; usedAt: number }>()((db, p) =>
  db.updateTable('credentials').set({ last_used_at: p.usedAt }).where('id', '=', p.id),
);

const findWorker = statement<{ id: string }>()((db, p) => db.selectFrom('workers').selectAll().where('id', '=', p.id));

type WorkerShape = `${'any-name' | 'name'}:${'first' | 'next'}`;

interface WorkerParams {
  readonly experimentId: string;
  readonly name: string;
  readonly at: number;
  readonly id: string;
  readonly limit: number;
}

const listWorkers = statementsBy((key: WorkerShape, db, p: WorkerParams) => {
  const [name, place] = key.split(':');
  return db
    .selectFrom('workers')
    .selectAll()
    .where('experiment_id', '=', p.experimentId)
    .$if(name === 'name', (query) => query.where('name', '=', p.name))
    .$if(place === 'next', (query) =>
      query.where((eb) => eb(eb.refTuple('created_at', 'id'), '>', eb.tuple(p.at, p.id))),
    )
    .orderBy('created_at')
    .orderBy('id')
    .limit(p.limit);
});

type ListShape = `${'any-worker' | 'worker'}:${'first' | 'next'}`;

interface ListParams {
  readonly workerId: string;
  readonly at: number;
  readonly id: string;
  readonly limit: number;
}

const listCredentials = statementsBy((key: ListShape, db, p: ListParams) => {
  const [worker, place] = key.split(':');
  return db
    .selectFrom('credentials')
    .selectAll()
    .$if(worker === 'worker', (query) => query.where('worker_id', '=', p.workerId))
    .$if(place === 'next', (query) =>
      query.where((eb) => eb(eb.refTuple('created_at', 'id'), '<', eb.tuple(p.at, p.id))),
    )
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(p.limit);
});

export class SqlWorkerStore implements WorkerStore {
  readonly #engine: SqlEngine;

  constructor(engine: SqlEngine) {
    this.#engine = engine;
  }

  findWorker(workerId: string): Promise<WorkerRecord | undefined> {
    return this.#engine.read(function* () {
      const row = yield* first(findWorker, { id: workerId });
      return row === undefined ? undefined : workerFromRow(row);
    });
  }

  listWorkers(
    { experimentId, name }: { experimentId: string; name?: string | undefined },
    page: PageRequest,
  ): Promise<Page<WorkerRecord>> {
    const list = listWorkers(
      `${name === undefined ? 'any-name' : 'name'}:${page.after === undefined ? 'first' : 'next'}`,
    );
    return this.#engine.read(function* () {
      const found = yield* rows(list, { experimentId, name: name ?? '', ...pageStart(page) });
      const { items, next } = pageOf(found, page.limit);
      return { items: items.map(workerFromRow), next };
    });
  }

  findCredentialBySecret(secretSha256: string): Promise<CredentialRecord | undefined> {
    return this.#engine.read(function* () {
      const row = yield* first(bySecret, { secret: secretSha256 });
      return row === undefined ? undefined : credentialFromRow(row);
    });
  }

  findCredential(credentialId: string): Promise<CredentialRecord | undefined> {
    return this.#engine.read(function* () {
      const row = yield* first(byId, { id: credentialId });
      return row === undefined ? undefined : credentialFromRow(row);
    });
  }

  listCredentials(filter: { workerId?: string | undefined }, page: PageRequest): Promise<Page<CredentialRecord>> {
    const worker = filter.workerId === undefined ? 'any-worker' : 'worker';
    const list = listCredentials(`${worker}:${page.after === undefined ? 'first' : 'next'}`);
    return this.#engine.read(function* () {
      const found = yield* rows(list, { workerId: filter.workerId ?? '', ...pageStart(page) });
      const { items, next } = pageOf(found, page.limit);
      return { items: items.map(credentialFromRow), next };
    });
  }

  touchCredential(credentialId: string, usedAt: number): Promise<void> {
    return this.#engine.write(() => put(touch, { id: credentialId, usedAt }));
  }
}
