import { maxLeaseSeconds, seenLatelyMs, type SeenWorker } from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';
import { decodeCursor, encodeCursor } from '../kernel/page.ts';
import type { PresenceStore } from './presence-store.ts';

/** Interval at which changes are flushed, so that a claim causes no write of its own. */
export const flushEveryMs = 5000;
/** Largest number of workers that are cached between their claims and heartbeats. */
const mostKnown = 10_000;
/** Age limit of the stored row of a worker that this server knows only from heartbeats: the longest lease. */
const rememberedMs = maxLeaseSeconds * 1000;
const unheard = { capabilities: [], types: undefined, repositories: undefined, version: undefined };
/** Largest number of workers that `why` compares. */
const mostCompared = 500;

/** Presence of workers: recorded at claims and heartbeats, batched in memory, flushed at intervals. */
export class Presence {
  readonly #store: PresenceStore;
  readonly #clock: Clock;
  #noted = new Map<string, SeenWorker>();
  /** Workers that sent heartbeats to this server, but no claim yet. */
  #strangers = new Map<string, number>();
  #flushing: Promise<void> = Promise.resolve();
  /** Fields of each worker's last claim at this server. A heartbeat is stored with them. */
  readonly #known = new Map<string, Omit<SeenWorker, 'lastSeenAt'>>();

  constructor(parts: { store: PresenceStore; clock: Clock }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
  }

  /** Records a claim, which has all fields of the worker. */
  claimed(worker: Omit<SeenWorker, 'lastSeenAt'>): void {
    this.#know(worker);
    this.alive(worker.workerId);
  }

  /** Records a heartbeat. It has only the worker's id, so the other fields come from the worker's stored row. */
  alive(workerId: string): void {
    const lastSeenAt = this.#clock.now();
    const worker = this.#known.get(workerId);
    if (worker === undefined) this.#strangers.set(workerId, lastSeenAt);
    else this.#noted.set(workerId, { ...worker, lastSeenAt });
  }

  /**
   * Writes the recorded changes; called at intervals and before the server stops. Settles when everything recorded
   * before is written.
   */
  flush(): Promise<void> {
    const flushed = this.#flushing.then(() => this.#write());
    this.#flushing = flushed.catch(() => undefined);
    return flushed;
  }

  async #write(): Promise<void> {
    if (this.#strangers.size > 0) await this.#meetStrangers();
    if (this.#noted.size === 0) return;
    const noted = this.#noted;
    this.#noted = new Map();
    try {
      await this.#store.save([...noted.values()]);
    } catch (error) {
      this.#noted = new Map([...noted, ...this.#noted]);
      throw error;
    }
  }

  // A worker that holds a job through a restart, or that claimed at another server, must stay visible while it sends
  // heartbeats.
  async #meetStrangers(): Promise<void> {
    const since = this.#clock.now() - rememberedMs;
    const remembered = new Map((await this.#store.seenSince(since, mostKnown)).map((seen) => [seen.workerId, seen]));
    const strangers = this.#strangers;
    this.#strangers = new Map();
    for (const [workerId, lastSeenAt] of strangers) {
      if (this.#known.has(workerId)) continue;
      const { lastSeenAt: _, ...worker } = remembered.get(workerId) ?? { ...unheard, workerId, lastSeenAt };
      this.#know(worker);
      this.#noted.set(workerId, { ...worker, lastSeenAt });
    }
  }

  #know(worker: Omit<SeenWorker, 'lastSeenAt'>): void {
    this.#known.delete(worker.workerId);
    this.#known.set(worker.workerId, worker);
    const oldest = this.#known.keys().next().value;
    if (this.#known.size > mostKnown && oldest !== undefined) this.#known.delete(oldest);
  }

  /** Returns all recently seen workers, newest first, for `why`. */
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
