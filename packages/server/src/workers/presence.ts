import { maxLeaseSeconds, seenLatelyMs, type SeenWorker } from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';
import { decodeCursor, encodeCursor } from '../kernel/page.ts';
import type { PresenceStore } from './presence-store.ts';

/** What is new about a worker is written at most this often: a claim costs no write for it. */
export const flushEveryMs = 5000;
/** Workers remembered between their claims and heartbeats. */
const mostKnown = 10_000;
/** How far back a worker is looked up that this server knows only by its heartbeat: as long as the longest lease. */
const rememberedMs = maxLeaseSeconds * 1000;
const unheard = { capabilities: [], types: undefined, repositories: undefined, version: undefined };
/** Workers compared by `why`. */
const mostCompared = 500;

/** Who is there: noted at claims and heartbeats, gathered in memory, flushed now and then. */
export class Presence {
  readonly #store: PresenceStore;
  readonly #clock: Clock;
  #noted = new Map<string, SeenWorker>();
  /** Workers that were heard of, but said nothing of themselves to this server yet. */
  #strangers = new Map<string, number>();
  #flushing: Promise<void> = Promise.resolve();
  /** What each worker said at its last claim here, so that a heartbeat can be noted with it. */
  readonly #known = new Map<string, Omit<SeenWorker, 'lastSeenAt'>>();

  constructor(parts: { store: PresenceStore; clock: Clock }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
  }

  /** A claim says all there is to know. */
  claimed(worker: Omit<SeenWorker, 'lastSeenAt'>): void {
    this.#know(worker);
    this.alive(worker.workerId);
  }

  /** A heartbeat says only that the worker is alive; what it once said to another server is looked up. */
  alive(workerId: string): void {
    const lastSeenAt = this.#clock.now();
    const worker = this.#known.get(workerId);
    if (worker === undefined) this.#strangers.set(workerId, lastSeenAt);
    else this.#noted.set(workerId, { ...worker, lastSeenAt });
  }

  /** Called again and again by the server, and before it stops. Settles when all that was noted before is written. */
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

  // One that holds a job through a restart, or claimed at another server, must not fade while its heart beats.
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
