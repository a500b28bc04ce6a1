import type { SelectQueryBuilder } from 'kysely';
import type { Page, PageKey, PageRequest } from '../../../kernel/page.ts';
import type { Placeholders } from './placeholder.ts';
import type { Database } from './schema.ts';
import type { Statement } from './statement.ts';
import { rows, type Verb } from './verb.ts';

/** `first`: the query reads the first page of a list. `next`: it reads the page after a key. */
export type Place = 'first' | 'next';

/** The key (created_at, id) of the last row of the previous page. */
export interface PlaceParams {
  readonly at: number;
  readonly id: string;
}

export interface PageParams extends PlaceParams {
  readonly limit: number;
}

/** Tables of records that are listed in the order (created_at, id). */
type Listed =
  | 'artifact_history'
  | 'artifacts'
  | 'audit_entries'
  | 'credentials'
  | 'experiments'
  | 'groups'
  | 'jobs'
  | 'user_tokens'
  | 'users'
  | 'workers';

/** Restricts a list query to the rows after a key, newest first. */
export function newestFirst<Table extends Listed, Row>(
  query: SelectQueryBuilder<Database, Table, Row>,
  place: Place,
  p: Placeholders<PlaceParams>,
): SelectQueryBuilder<Database, Table, Row> {
  return ordered(query, place, p, '<', 'desc');
}

/** Restricts a list query to the rows after a key, oldest first. */
export function oldestFirst<Table extends Listed, Row>(
  query: SelectQueryBuilder<Database, Table, Row>,
  place: Place,
  p: Placeholders<PlaceParams>,
): SelectQueryBuilder<Database, Table, Row> {
  return ordered(query, place, p, '>', undefined);
}

function ordered<Table extends Listed, Row>(
  query: SelectQueryBuilder<Database, Table, Row>,
  place: Place,
  p: Placeholders<PlaceParams>,
  beyond: '<' | '>',
  direction: 'desc' | undefined,
): SelectQueryBuilder<Database, Table, Row> {
  // Every listed table has the columns `created_at` and `id`. The query builder cannot type a union of tables, so the
  // type of `jobs` is used for all.
  const one = query as unknown as SelectQueryBuilder<Database, 'jobs', Row>;
  const list = one
    .$if(place === 'next', (rows) =>
      rows.where((eb) => eb(eb.refTuple('created_at', 'id'), beyond, eb.tuple(p.at, p.id))),
    )
    .orderBy('created_at', direction)
    .orderBy('id', direction);
  return list as unknown as SelectQueryBuilder<Database, Table, Row>;
}

/**
 * Returns the parameters of a list query. The query reads one row more than the limit. If that row exists, there is a
 * next page.
 */
export function pageStart(page: PageRequest): PageParams {
  return { at: page.after?.at ?? 0, id: page.after?.id ?? '', limit: page.limit + 1 };
}

export function placeOf(after: PageKey | undefined): Place {
  return after === undefined ? 'first' : 'next';
}

/** Approximate size limit of a page in bytes. A page of large rows therefore has fewer rows than `limit`. */
const pageBytes = 1024 * 1024;
/** Number of rows in the first batch of a page. The sizes of these rows determine how many more rows are read. */
const firstRows = 8;

interface Placed {
  readonly id: string;
  readonly created_at: number;
}

/**
 * Returns the first page of `found`: at most `limit` rows, and fewer if the rows are large. It has at least one row
 * unless `found` is empty.
 */
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

/**
 * Reads a page of rows that may be large. Reads in batches until the page has `limit` rows or reaches the limit in
 * bytes.
 */
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
