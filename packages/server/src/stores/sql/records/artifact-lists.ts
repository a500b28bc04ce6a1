import type { ArtifactRecord, ArtifactStatus, ArtifactType } from '@proofhouse/core';
import { mostExamined, type ArtifactFilter } from '../../../artifacts/artifact-store.ts';
import type { Page, PageRequest } from '../../../kernel/page.ts';
import { artifactFromRow } from './artifact-row.ts';
import { newestFirst, pageOf, pageStart, placeOf, type PageParams, type Place } from '../engine/paging.ts';
import type { Queries } from '../engine/schema.ts';
import type { Placeholders } from '../engine/placeholder.ts';
import { statementsBy } from '../engine/statement.ts';
import { first, rows, type Verb } from '../engine/verb.ts';

/** The index that a list query reads: all artifacts by time, or the artifacts of one job, experiment or creator. */
type Walk = 'all' | 'job' | 'experiment' | 'maker';

interface ListParams extends PageParams {
  readonly jobId: string;
  readonly experimentId: string;
  readonly createdBy: string;
  readonly status: ArtifactStatus;
  readonly type: ArtifactType;
  readonly examined: number;
}

const columnOf = { job: 'job_id', experiment: 'experiment_id', maker: 'created_by' } as const;

function walked(db: Queries, walk: Walk, place: Place, p: Placeholders<ListParams>) {
  const artifacts = newestFirst(db.selectFrom('artifacts'), place, p);
  if (walk === 'all') return artifacts;
  const value = walk === 'job' ? p.jobId : walk === 'experiment' ? p.experimentId : p.createdBy;
  return artifacts.where(columnOf[walk], '=', value);
}

const listAll = statementsBy((key: `${Walk}:${Place}`, db, p: Placeholders<ListParams>) => {
  const [walk, place] = key.split(':') as [Walk, Place];
  return walked(db, walk, place, p).selectAll().limit(p.limit);
});

/**
 * The fields of a filter that may need a comparison with each row, because the index of the query may not contain them.
 * Each has its column.
 */
const comparedColumns = {
  experimentId: 'experiment_id',
  createdBy: 'created_by',
  status: 'status',
  type: 'type',
} as const;
type ComparedField = keyof typeof comparedColumns;

/**
 * Lists artifacts with a filter that no index answers. The last part of the statement's key names the fields that must
 * be compared with each row, joined by commas.
 */
const listSome = statementsBy((key: `${Walk}:${Place}:${string}`, db, p: Placeholders<ListParams>) => {
  const [walk, place, fields] = key.split(':') as [Walk, Place, string];
  const page = walked(db, walk, place, p).selectAll().limit(p.examined).as('page');
  let matching = db.selectFrom(page).selectAll();
  for (const field of fields.split(',') as ComparedField[])
    matching = matching.where(comparedColumns[field], '=', p[field]);
  return matching.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(p.limit);
});

/**
 * Returns the last row that a page may examine. Returns no row if the rest of the list has fewer rows than a page may
 * examine.
 */
const lastExamined = statementsBy((key: `${Walk}:${Place}`, db, p: Placeholders<ListParams>) => {
  const [walk, place] = key.split(':') as [Walk, Place];
  return walked(db, walk, place, p).select(['id', 'created_at']).limit(1).offset(p.examined);
});

export function* listOfArtifacts(filter: ArtifactFilter, page: PageRequest): Verb<Page<ArtifactRecord>> {
  const walk = walkOf(filter);
  const place = placeOf(page.after);
  const fields = comparedFieldsOf(filter);
  const params = { ...(filter as ListParams), ...pageStart(page) };
  const list = fields.length === 0 ? listAll(`${walk}:${place}`) : listSome(`${walk}:${place}:${fields.join()}`);
  const { items, next } = pageOf(yield* rows(list, { ...params, examined: mostExamined }), page.limit);
  const found = items.map(artifactFromRow);
  if (fields.length === 0 || next !== undefined) return { items: found, next };
  const last = yield* first(lastExamined(`${walk}:${place}`), { ...params, examined: mostExamined - 1 });
  return { items: found, next: last === undefined ? undefined : { at: last.created_at, id: last.id } };
}

/**
 * Returns true if a page of this list may examine up to `mostExamined` rows. If false, a page examines only the rows
 * that it returns.
 */
export function examinesMany(filter: ArtifactFilter): boolean {
  return comparedFieldsOf(filter).length > 0;
}

function comparedFieldsOf(filter: ArtifactFilter): ComparedField[] {
  const walk = walkOf(filter);
  return (Object.keys(comparedColumns) as ComparedField[]).filter(
    (field) => filter[field] !== undefined && comparedColumns[field] !== (walk === 'all' ? '' : columnOf[walk]),
  );
}

function walkOf(filter: ArtifactFilter): Walk {
  if (filter.jobId !== undefined) return 'job';
  if (filter.experimentId !== undefined) return 'experiment';
  return filter.createdBy === undefined ? 'all' : 'maker';
}
