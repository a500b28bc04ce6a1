import type { SelectQueryBuilder } from 'kysely';
import type { Page, PageKey, PageRequest } from '../../../kernel/page.ts';
import type { Database } from './schema.ts';
import type { Statement } from './statement.ts';
import { rows, type Verb } from './verb.ts';

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

/** Bytes of the rows of one page, about: a page of large rows is short. */
const pageBytes = 1024 * 1024;
/** Rows that are read first: their sizes tell how many more the page has room for. */
const firstRows = 8;

interface Placed {
  readonly id: string;
  readonly created_at: number;
}

/** The page that begins the rows found, short of `limit` when they are large. It has a row whenever one was found. */
export function pageOf<Row extends Placed>(found: readonly Row[], limit: number): Page<Row> {
  const items: Row[] = [];
  let bytes = 0;
  for (const row of found.slice(0, limit)) {
    bytes += sizeOf(row);
    if (bytes > pageBytes && items.length > 0) break;
    items.push(row);
  }
  return { items, next: found.length > items.length ? keyOf(items.at(-1)) : undefined };
}

/** A page of rows that may be large: reads on, batch by batch, until it has as many as asked or as it may hold. */
export function* readPage<Params extends PageParams, Row extends Placed>(
  list: (place: Place) => Statement<Params, Row>,
  filter: Omit<Params, keyof PageParams>,
  page: PageRequest,
): Verb<Page<Row>> {
  const found: Row[] = [];
  let bytes = 0;
  let { after } = page;
  for (;;) {
    const room = found.length === 0 ? firstRows : 1 + Math.ceil(((pageBytes - bytes) * found.length) / bytes);
    const limit = Math.min(room, page.limit + 1 - found.length);
    const batch = yield* rows(list(placeOf(after)), {
      ...filter,
      at: after?.at ?? 0,
      id: after?.id ?? '',
      limit,
    } as Params);
    found.push(...batch);
    for (const row of batch) bytes += sizeOf(row);
    after = keyOf(batch.at(-1)) ?? after;
    if (batch.length < limit || found.length > page.limit || bytes > pageBytes) return pageOf(found, page.limit);
  }
}

function keyOf(row: Placed | undefined): PageKey | undefined {
  return row === undefined ? undefined : { at: row.created_at, id: row.id };
}

function sizeOf(row: object): number {
  let size = 0;
  for (const value of Object.values(row) as unknown[]) size += typeof value === 'string' ? value.length : 8;
  return size;
}
