import { seenLatelyMs, type SeenWorker } from '@proofhouse/core';
import type { Clock } from '../kernel/clock.ts';
import { decodeCursor, encodeCursor } from '../kernel/page.ts';
import type { PresenceStore } from './presence-store.ts';

/** What is new about a worker is written at most this often: a claim costs no write for it. */
export const flushEveryMs = 5000;
/** Workers remembered between their claims and heartbeats. */
const mostKnown = 10_000;
/** Workers compared by `why`. */
const mostCompared = 500;

/** Who is there: noted at claims and heartbeats, gathered in memory, flushed now and then. */
export class Presence {
  readonly #store: PresenceStore;
  readonly #clock: Clock;
  #noted = new Map<string, SeenWorker>();
  /** What each worker said at its last claim here, so that a heartbeat can be noted with it. */
  readonly #known = new Map<string, Omit<SeenWorker, 'lastSeenAt'>>();

  constructor(parts: { store: PresenceStore; clock: Clock }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
  }

  /** A claim says all there is to know. */
  claimed(worker: Omit<SeenWorker, 'lastSeenAt'>): void {
    this.#known.delete(worker.workerId);
    this.#known.set(worker.workerId, worker);
    const oldest = this.#known.keys().next().value;
    if (this.#known.size > mostKnown && oldest !== undefined) this.#known.delete(oldest);
    this.alive(worker.workerId);
  }

  /** A heartbeat says only that the worker is alive; one that claimed elsewhere is noted there. */
  alive(workerId: string): void {
    const worker = this.#known.get(workerId);
    if (worker !== undefined) this.#noted.set(workerId, { ...worker, lastSeenAt: this.#clock.now() });
  }

  /** Called again and again by the server, and before it stops. */
  async flush(): Promise<void> {
    if (this.#noted.size === 0) return;
    const noted = this.#noted;
    this.#noted = new Map();
    await this.#store.save([...noted.values()]);
  }

  /** For `why`: everybody seen lately, newest first. */
  async lately(): Promise<SeenWorker[]> {
    await this.flush();
    return this.#store.seenSince(this.#clock.now() - seenLatelyMs, mostCompared);
  }

  async list(query: { limit: number; cursor?: string | undefined }) {
    await this.flush();
    const after = decodeCursor({}, query.cursor);
    const since = this.#clock.now() - seenLatelyMs;
    const items = await this.#store.seenSince(since, query.limit, after);
    const last = items.at(-1);
    const more = last !== undefined && items.length === query.limit;
    return { items, nextCursor: more ? encodeCursor({}, { at: last.lastSeenAt, id: last.workerId }) : null };
  }
}
