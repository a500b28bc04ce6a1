import { maxLeaseSeconds, seenLatelyMs, type SeenWorker } from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';
import { decodeCursor, encodeCursor } from '../kernel/page.ts';
import type { PresenceStore } from './presence-store.ts';

/** Interval in milliseconds between two flushes. A claim or heartbeat itself writes no presence. */
export const flushEveryMs = 5000;
/** Largest number of workers whose last claim is kept in memory. */
const mostKnown = 10_000;
/**
 * A heartbeat has no fields except the worker's id. If the worker made no claim at this server, the fields are taken
 * from its stored row. The row must not be older than this (ms), which is the length of the longest lease.
 */
const rememberedMs = maxLeaseSeconds * 1000;
const unheard = { capabilities: [], types: undefined, repositories: undefined, version: undefined };
/** Largest number of workers that the explanation of a waiting job (`Jobs.why`) compares with the job. */
const mostCompared = 500;

/** Presence of workers. Claims and heartbeats are recorded in memory and written to the store in batches. */
export class Presence {
  readonly #store: PresenceStore;
  readonly #clock: Clock;
  #noted = new Map<string, SeenWorker>();
  /**
   * Workers that sent heartbeats to this server but made no claim here yet, with the time (epoch ms) of the last
   * heartbeat.
   */
  #strangers = new Map<string, number>();
  #flushing: Promise<void> = Promise.resolve();
  /**
   * The fields of each worker's last claim at this server. A heartbeat has none of these fields, so it is recorded with
   * them.
   */
  readonly #known = new Map<string, Omit<SeenWorker, 'lastSeenAt'>>();

  constructor(parts: { store: PresenceStore; clock: Clock }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
  }

  /**
   * Records that a worker was seen because it made a claim. The claim has all fields of a presence row except the time.
   */
  claimed(worker: Omit<SeenWorker, 'lastSeenAt'>): void {
    this.#know(worker);
    this.alive(worker.workerId);
  }

  /**
   * Records that a worker was seen because it sent a heartbeat, which has only the id of the worker. The other fields
   * are those of its last claim at this server. If there was none, they are taken from the stored row of the worker.
   */
  alive(workerId: string): void {
    const lastSeenAt = this.#clock.now();
    const worker = this.#known.get(workerId);
    if (worker === undefined) this.#strangers.set(workerId, lastSeenAt);
    else this.#noted.set(workerId, { ...worker, lastSeenAt });
  }

  /**
   * Writes all recorded claims and heartbeats to the store. Called at intervals and before the server stops. Resolves when
   * everything that was recorded before the call is written.
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

  // Adds the missing fields of workers that sent only heartbeats to this server. Such a worker claimed its job before a
  // restart, or at another server. It must stay visible while it sends heartbeats.
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

  /** Returns the workers that were seen recently, newest first, at most `mostCompared`. Used by `Jobs.why`. */
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
