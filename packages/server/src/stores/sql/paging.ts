import type { Page, PageRequest } from '../../kernel/page.ts';

/** Parameters of a list newest first: one row more than asked tells whether there is a next page. */
export function pageStart(page: PageRequest): { at: number; id: string; limit: number } {
  return { at: page.after?.at ?? 0, id: page.after?.id ?? '', limit: page.limit + 1 };
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
