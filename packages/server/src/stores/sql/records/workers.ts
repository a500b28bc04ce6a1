import type { CredentialRecord, WorkerRecord } from '@proofhouse/core';
import type { Page, PageRequest } from '../../../kernel/page.ts';
import type { WorkerStore } from '../../../workers/worker-store.ts';
import { credentialFromRow } from './credential-row.ts';
import { newestFirst, oldestFirst, pageOf, pageStart, placeOf, type PageParams, type Place } from '../engine/paging.ts';
import { readUpTo, type SqlEngine } from '../engine/sql-engine.ts';
import type { Placeholders } from '../engine/placeholder.ts';
import { statement, statementsBy } from '../engine/statement.ts';
import { first, put, rows } from '../engine/verb.ts';
import { findRecord } from './record-statements.ts';
import { workerFromRow } from './worker-row.ts';

const bySecret = statement<{ secret: string }>()((db, p) =>
  db
    .selectFrom('credentials')
    .selectAll()
    .where('secret_sha256', '=', p.secret)
    .where((eb) =>
      eb.or([
        eb('registration_epoch', 'is', null),
        eb(
          'registration_epoch',
          '=',
          eb
            .selectFrom('workers')
            .select('workers.registration_epoch')
            .whereRef('workers.id', '=', 'credentials.worker_id'),
        ),
      ]),
    ),
);

const liveRegistrations = statement<{ workerId: string; limit: number }>()((db, p) =>
  db
    .selectFrom('credentials')
    .selectAll()
    .where('worker_id', '=', p.workerId)
    .where('experiment_id', 'is not', null)
    .where('revoked_at', 'is', null)
    .orderBy('id', 'desc')
    .limit(p.limit),
);

const touch = statement<{ id: string; usedAt: number }>()((db, p) =>
  db.updateTable('credentials').set({ last_used_at: p.usedAt }).where('id', '=', p.id),
);

const listWorkers = statementsBy(
  (
    key: `${'any-name' | 'name'}:${Place}`,
    db,
    p: Placeholders<PageParams & { experimentId: string; name: string }>,
  ) => {
    const [name, place] = key.split(':') as ['any-name' | 'name', Place];
    const workers = db
      .selectFrom('workers')
      .selectAll()
      .where('experiment_id', '=', p.experimentId)
      .$if(name === 'name', (query) => query.where('name', '=', p.name));
    return oldestFirst(workers, place, p).limit(p.limit);
  },
);

const listCredentials = statementsBy(
  (key: `${'any-worker' | 'worker'}:${Place}`, db, p: Placeholders<PageParams & { workerId: string }>) => {
    const [worker, place] = key.split(':') as ['any-worker' | 'worker', Place];
    const credentials = db
      .selectFrom('credentials')
      .selectAll()
      .$if(worker === 'worker', (query) => query.where('worker_id', '=', p.workerId));
    return newestFirst(credentials, place, p).limit(p.limit);
  },
);

export class SqlWorkerStore implements WorkerStore {
  readonly #engine: SqlEngine;

  constructor(engine: SqlEngine) {
    this.#engine = engine;
  }

  findWorker(workerId: string): Promise<WorkerRecord | undefined> {
    return this.#engine.look(() => findRecord('worker', workerId));
  }

  listWorkers(
    { experimentId, name }: { experimentId: string; name?: string | undefined },
    page: PageRequest,
  ): Promise<Page<WorkerRecord>> {
    const list = listWorkers(`${name === undefined ? 'any-name' : 'name'}:${placeOf(page.after)}`);
    return readUpTo(this.#engine, page.limit, function* () {
      const found = yield* rows(list, { experimentId, name: name ?? '', ...pageStart(page) });
      const { items, next } = pageOf(found, page.limit);
      return { items: items.map(workerFromRow), next };
    });
  }

  findCredentialBySecret(secretSha256: string): Promise<CredentialRecord | undefined> {
    return this.#engine.look(function* () {
      const row = yield* first(bySecret, { secret: secretSha256 });
      return row === undefined ? undefined : credentialFromRow(row);
    });
  }

  findCredential(credentialId: string): Promise<CredentialRecord | undefined> {
    return this.#engine.look(() => findRecord('credential', credentialId));
  }

  listCredentials(filter: { workerId?: string | undefined }, page: PageRequest): Promise<Page<CredentialRecord>> {
    const worker = filter.workerId === undefined ? 'any-worker' : 'worker';
    const list = listCredentials(`${worker}:${placeOf(page.after)}`);
    return readUpTo(this.#engine, page.limit, function* () {
      const found = yield* rows(list, { workerId: filter.workerId ?? '', ...pageStart(page) });
      const { items, next } = pageOf(found, page.limit);
      return { items: items.map(credentialFromRow), next };
    });
  }

  liveRegistrations(workerId: string, limit: number): Promise<CredentialRecord[]> {
    return this.#engine.read(function* () {
      return (yield* rows(liveRegistrations, { workerId, limit })).map(credentialFromRow);
    });
  }

  async touchCredential(credentialId: string, usedAt: number): Promise<void> {
    await this.#engine.write(() => put(touch, { id: credentialId, usedAt }));
  }
}
