import type { ArtifactRecord, ArtifactType, GrantRecord, HistoryRecord } from '@proofhouse/core';
import type { ArtifactFilter, ArtifactStore, JobArtifactFilter } from '../../../artifacts/artifact-store.ts';
import type { Page, PageKey, PageRequest } from '../../../kernel/page.ts';
import { examinesMany, listOfArtifacts } from './artifact-lists.ts';
import { artifactFromRow, grantFromRow, historyFromRow } from './artifact-row.ts';
import { findRecord } from './record-statements.ts';
import { newestFirst, oldestFirst, pageOf, pageStart, placeOf, type PageParams, type Place } from '../engine/paging.ts';
import type { SqlEngine } from '../engine/sql-engine.ts';
import type { Placeholders } from '../engine/placeholder.ts';
import { statement, statementsBy } from '../engine/statement.ts';
import { first, put, rows, type Verb } from '../engine/verb.ts';

const findByUri = statement<{ uri: string }>()((db, p) =>
  db.selectFrom('artifacts').selectAll().where('uri', '=', p.uri),
);

type ListShape = `${'any-name' | 'name'}:${'any-maker' | 'maker'}:${Place}`;

interface ListParams extends PageParams {
  readonly jobId: string;
  readonly name: string;
  readonly createdBy: string;
}

const listArtifacts = statementsBy((key: ListShape, db, p: Placeholders<ListParams>) => {
  const [name, maker, place] = key.split(':') as ['any-name' | 'name', 'any-maker' | 'maker', Place];
  const artifacts = db
    .selectFrom('artifacts')
    .selectAll()
    .where('job_id', '=', p.jobId)
    .$if(name === 'name', (query) => query.where('name', '=', p.name))
    .$if(maker === 'maker', (query) => query.where('created_by', '=', p.createdBy));
  return newestFirst(artifacts, place, p).limit(p.limit);
});

export function* newestArtifact(jobId: string, name: string): Verb<ArtifactRecord | undefined> {
  const newest = { jobId, name, createdBy: '', at: 0, id: '', limit: 1 };
  const row = yield* first(listArtifacts('name:any-maker:first'), newest);
  return row === undefined ? undefined : artifactFromRow(row);
}

const historyOf = statementsBy((place: Place, db, p: Placeholders<PageParams & { readonly artifactId: string }>) => {
  const entries = db.selectFrom('artifact_history').selectAll().where('artifact_id', '=', p.artifactId);
  return newestFirst(entries, place, p).limit(p.limit);
});

const grantsOf = statement<{ id: string }>()((db, p) =>
  db.selectFrom('artifact_grants').select('reader').where('artifact_id', '=', p.id).orderBy('reader'),
);

const findGrant = statement<{ id: string; reader: string }>()((db, p) =>
  db.selectFrom('artifact_grants').selectAll().where('artifact_id', '=', p.id).where('reader', '=', p.reader),
);

interface ExpirableParams extends PageParams {
  readonly type: ArtifactType;
  readonly olderThan: number;
}

/**
 * Lists the artifacts whose bytes may expire. First selects the ids by a partial index with the same conditions, and
 * then reads the rows. The other indexes also contain the many artifacts that were purged before.
 */
const expirable = statementsBy((place: Place, db, p: Placeholders<ExpirableParams>) => {
  const kept = db
    .selectFrom('artifacts')
    .select(['id', 'created_at'])
    .where('type', '=', p.type)
    .where('purged_at', 'is', null)
    .where('pinned_at', 'is', null)
    .where('created_at', '<', p.olderThan);
  return db
    .selectFrom(oldestFirst(kept, place, p).limit(p.limit).as('kept'))
    .innerJoin('artifacts', 'artifacts.id', 'kept.id')
    .selectAll('artifacts')
    .orderBy('kept.created_at')
    .orderBy('kept.id');
});

const setFingerprint = statement<{ id: string; fingerprint: string }>()((db, p) =>
  db.updateTable('artifacts').set({ blob_fingerprint: p.fingerprint }).where('id', '=', p.id),
);

export class SqlArtifactStore implements ArtifactStore {
  readonly #engine: SqlEngine;

  constructor(engine: SqlEngine) {
    this.#engine = engine;
  }

  find(artifactId: string): Promise<ArtifactRecord | undefined> {
    return this.#engine.look(() => findRecord('artifact', artifactId));
  }

  findByUri(uri: string): Promise<ArtifactRecord | undefined> {
    return this.#engine.look(function* () {
      const row = yield* first(findByUri, { uri });
      return row === undefined ? undefined : artifactFromRow(row);
    });
  }

  list(filter: ArtifactFilter, page: PageRequest): Promise<Page<ArtifactRecord>> {
    const verb = () => listOfArtifacts(filter, page);
    return examinesMany(filter) ? this.#engine.scan(verb) : this.#engine.read(verb);
  }

  listOfJob(filter: JobArtifactFilter, page: PageRequest): Promise<Page<ArtifactRecord>> {
    const name = filter.name === undefined ? 'any-name' : 'name';
    const maker = filter.createdBy === undefined ? 'any-maker' : 'maker';
    const list = listArtifacts(`${name}:${maker}:${placeOf(page.after)}`);
    const verb = function* (): Verb<Page<ArtifactRecord>> {
      const found = yield* rows(list, { ...(filter as ListParams), ...pageStart(page) });
      const { items, next } = pageOf(found, page.limit);
      return { items: items.map(artifactFromRow), next };
    };
    // No index contains the creators of a job's artifacts. So a list by creator may examine all artifacts of the job.
    return filter.createdBy === undefined ? this.#engine.read(verb) : this.#engine.scan(verb);
  }

  newestOfJob(jobId: string, name: string): Promise<ArtifactRecord | undefined> {
    return this.#engine.look(function* () {
      return yield* newestArtifact(jobId, name);
    });
  }

  historyOf(artifactId: string, page: PageRequest): Promise<Page<HistoryRecord>> {
    return this.#engine.read(function* () {
      const found = yield* rows(historyOf(placeOf(page.after)), { artifactId, ...pageStart(page) });
      const { items, next } = pageOf(found, page.limit);
      return { items: items.map(historyFromRow), next };
    });
  }

  readersOf(artifactId: string): Promise<string[]> {
    return this.#engine.read(function* () {
      return (yield* rows(grantsOf, { id: artifactId })).map(({ reader }) => reader);
    });
  }

  grantOf(artifactId: string, reader: string): Promise<GrantRecord | undefined> {
    return this.#engine.look(function* () {
      const row = yield* first(findGrant, { id: artifactId, reader });
      return row === undefined ? undefined : grantFromRow(row);
    });
  }

  expirable(
    filter: { readonly type: ArtifactType; readonly olderThan: number },
    after: PageKey | undefined,
    limit: number,
  ): Promise<ArtifactRecord[]> {
    const list = expirable(placeOf(after));
    return this.#engine.scan(function* () {
      const found = yield* rows(list, { ...filter, at: after?.at ?? 0, id: after?.id ?? '', limit });
      return found.map(artifactFromRow);
    });
  }

  refreshFingerprint(artifactId: string, fingerprint: string): Promise<void> {
    return this.#engine.write(() => put(setFingerprint, { id: artifactId, fingerprint }));
  }
}
