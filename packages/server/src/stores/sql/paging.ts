import type { SelectQueryBuilder } from 'kysely';
import type { Page, PageKey, PageRequest } from '../../kernel/page.ts';
import type { Database } from './schema.ts';

/** Where a page begins: at the start of its list, or behind a place. */
export type Place = 'first' | 'next';

/** What a page is asked by. */
export interface PlaceParams {
  readonly at: number;
  readonly id: string;
}

export interface PageParams extends PlaceParams {
  readonly limit: number;
}

/** Tables that are listed by (created_at, id). */
type Listed = 'artifacts' | 'credentials' | 'experiments' | 'groups' | 'jobs' | 'workers';

/** The rows of a list from a place on, newest first. */
export function newestFirst<Table extends Listed, Row>(
  query: SelectQueryBuilder<Database, Table, Row>,
  place: Place,
  p: PlaceParams,
): SelectQueryBuilder<Database, Table, Row> {
  return ordered(query, place, p, '<', 'desc');
}

/** The rows of a list from a place on, oldest first. */
export function oldestFirst<Table extends Listed, Row>(
  query: SelectQueryBuilder<Database, Table, Row>,
  place: Place,
  p: PlaceParams,
): SelectQueryBuilder<Database, Table, Row> {
  return ordered(query, place, p, '>', undefined);
}

function ordered<Table extends Listed, Row>(
  query: SelectQueryBuilder<Database, Table, Row>,
  place: Place,
  p: PlaceParams,
  beyond: '<' | '>',
  direction: 'desc' | undefined,
): SelectQueryBuilder<Database, Table, Row> {
  // All of these tables have both columns; one of them stands for the others, whose union the builder cannot follow.
  const one = query as unknown as SelectQueryBuilder<Database, 'jobs', Row>;
  const list = one
    .$if(place === 'next', (rows) =>
      rows.where((eb) => eb(eb.refTuple('created_at', 'id'), beyond, eb.tuple(p.at, p.id))),
    )
    .orderBy('created_at', direction)
    .orderBy('id', direction);
  return list as unknown as SelectQueryBuilder<Database, Table, Row>;
}

/** The parameters of a list: one row more than asked tells whether there is a next page. */
export function pageStart(page: PageRequest): PageParams {
  return { at: page.after?.at ?? 0, id: page.after?.id ?? '', limit: page.limit + 1 };
}

export function placeOf(after: PageKey | undefined): Place {
  return after === undefined ? 'first' : 'next';
}

export function pageOf<Row extends { id: string; created_at: number }>(
  found: readonly Row[],
  limit: number,
): Page<Row> {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const next = found.length > limit && last !== undefined ? { at: last.created_at, id: last.id } : undefined;
  return { items, next };
}
