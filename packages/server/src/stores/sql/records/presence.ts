import type { SeenWorker } from '@proofhouse/core';
import type { PresenceStore } from '../../../workers/presence-store.ts';
import type { PresenceRow } from '../engine/schema.ts';
import { readUpTo, type SqlEngine } from '../engine/sql-engine.ts';
import { textList } from '../engine/sql-syntax.ts';
import { placeholdersOf, type Placeholders } from '../engine/placeholder.ts';
import { statement, statementsBy } from '../engine/statement.ts';
import { put, rows, type Verb } from '../engine/verb.ts';

/** Largest number of workers that one transaction writes. */
const mostInVerb = 500;
/** A worker that was last seen longer ago than this time (ms) is deleted. */
const forgetAfterMs = 24 * 60 * 60 * 1000;

const columns = ['worker_id', 'last_seen_at', 'capabilities', 'types', 'repositories', 'version'] as const;

const upsert = statement<PresenceRow>()((db, p) =>
  db
    .insertInto('worker_presence')
    .values(placeholdersOf<PresenceRow, keyof PresenceRow>(p, columns))
    .onConflict((on) =>
      on
        .column('worker_id')
        .doUpdateSet((eb) => ({
          last_seen_at: eb.ref('excluded.last_seen_at'),
          capabilities: eb.ref('excluded.capabilities'),
          types: eb.ref('excluded.types'),
          repositories: eb.ref('excluded.repositories'),
          version: eb.ref('excluded.version'),
        }))
        .whereRef('worker_presence.last_seen_at', '<=', 'excluded.last_seen_at'),
    ),
);

const longGone = statement<{ before: number; limit: number }>()((db, p, syntax) =>
  syntax.locked(
    db
      .selectFrom('worker_presence')
      .select('worker_id')
      .where('last_seen_at', '<', p.before)
      .orderBy('last_seen_at')
      .limit(p.limit),
    'skip',
  ),
);

const forget = statement<{ ids: string }>()((db, p, syntax) =>
  db.deleteFrom('worker_presence').where(syntax.among('worker_id', p.ids)),
);

interface ListParams {
  readonly since: number;
  readonly at: number;
  readonly id: string;
  readonly limit: number;
}

const seen = statementsBy((place: 'first' | 'next', db, p: Placeholders<ListParams>) =>
  db
    .selectFrom('worker_presence')
    .selectAll()
    .where('last_seen_at', '>=', p.since)
    .$if(place === 'next', (query) =>
      query.where((eb) => eb(eb.refTuple('last_seen_at', 'worker_id'), '<', eb.tuple(p.at, p.id))),
    )
    .orderBy('last_seen_at', 'desc')
    .orderBy('worker_id', 'desc')
    .limit(p.limit),
);

export class SqlPresenceStore implements PresenceStore {
  readonly #engine: SqlEngine;

  constructor(engine: SqlEngine) {
    this.#engine = engine;
  }

  async save(workers: readonly SeenWorker[]): Promise<void> {
    // Rows are written in the order of their ids. So two servers that write the same workers cannot deadlock.
    const sorted = workers.map(presenceToRow).sort((a, b) => (a.worker_id < b.worker_id ? -1 : 1));
    for (let at = 0; at < sorted.length; at += mostInVerb) {
      await this.#engine.write(() => saveAll(sorted.slice(at, at + mostInVerb)));
    }
  }

  seenSince(since: number, limit: number, after?: { at: number; id: string }): Promise<SeenWorker[]> {
    return readUpTo(this.#engine, limit, function* () {
      const place = after === undefined ? 'first' : 'next';
      const found = yield* rows(seen(place), { since, limit, at: after?.at ?? 0, id: after?.id ?? '' });
      return found.map(presenceFromRow);
    });
  }
}

function* saveAll(workers: readonly PresenceRow[]): Verb<void> {
  for (const row of workers) yield* put(upsert, row);
}

/** Deletes workers that were not seen for a day, longest unseen first. Returns their number. */
export function* deleteUnseen(now: number, limit: number): Verb<number> {
  const gone = yield* rows(longGone, { before: now - forgetAfterMs, limit });
  if (gone.length > 0) yield* put(forget, { ids: textList(gone.map((row) => row.worker_id)) });
  return gone.length;
}

function presenceToRow(worker: SeenWorker): PresenceRow {
  const list = (names: readonly string[] | undefined): string | null =>
    names === undefined ? null : JSON.stringify(names);
  return {
    worker_id: worker.workerId,
    last_seen_at: worker.lastSeenAt,
    capabilities: JSON.stringify(worker.capabilities),
    types: list(worker.types),
    repositories: list(worker.repositories),
    version: worker.version ?? null,
  };
}

function presenceFromRow(row: PresenceRow): SeenWorker {
  const list = (names: string | null): string[] | undefined =>
    names === null ? undefined : (JSON.parse(names) as string[]);
  return {
    workerId: row.worker_id,
    lastSeenAt: row.last_seen_at,
    capabilities: JSON.parse(row.capabilities) as string[],
    types: list(row.types),
    repositories: list(row.repositories),
    version: row.version ?? undefined,
  };
}
