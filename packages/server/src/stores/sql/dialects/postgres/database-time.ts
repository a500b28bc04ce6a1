import type { PoolClient } from 'pg';
import type { Clock } from '../../../../kernel/time/clock.ts';
import { fixedTime, smallestJumpMs, type OnClockJump, type StoreTime } from '../../../../kernel/time/store-time.ts';

/** How far the time that a transaction assumes may be ahead of the database's; leases end early by at most as much. */
const mostAheadMs = 5;
/** How far the assumed time may be behind; a lease then starts earlier, but never before the call that requests it. */
const mostBehindMs = smallestJumpMs;
/** How far two clocks may drift apart in a millisecond without either having been set. */
const driftRate = 0.001;

const databaseNow = 'select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now';

/** Fails the transaction when the assumed time deviates from the database's. The message appears in the database's log. */
const assertion = {
  name: 'ph_assert_time',
  text: `select case when now - $1::bigint between -${String(mostAheadMs)} and ${String(mostBehindMs)} then now
      else ('Proofhouse tries again: its estimate of this time is off by ' || ($1::bigint - now) || ' ms')::bigint end as now
    from (${databaseNow}) as clock`,
};

const question = {
  name: 'ph_ask_time',
  text: `select now, (select max(lease_expires_at) from jobs where status = 'running') as "lastLeaseAt"
    from (${databaseNow}) as clock`,
};

/** SQLSTATE of the failed cast in `assertion`. */
const invalidText = '22P02';

/** The assumed time of a transaction was wrong: it was rolled back, and must read the database's time first. */
export class WrongTime extends Error {}

/** Bounds of the difference: database time minus monotonic time of this process. */
interface Offset {
  readonly low: number;
  readonly high: number;
  /** Monotonic. */
  readonly measuredAt: number;
}

/** Bounds of a clock's jump; negative when it was set back. */
interface Jump {
  readonly leastMs: number;
  readonly mostMs: number;
}

/**
 * The database's time, estimated from its last answers and this process's monotonic clock. Every write transaction sends its
 * estimate, and the database fails the transaction if the estimate is wrong (`check`). So a wrong clock of this machine never
 * decides anything, at no extra round trip. A transaction that failed reads the database's time first (`ask`).
 *
 * When the database's own clock is set forward, leases are compared with the old time (`StoreTime.leasesAt`) until the last
 * lease granted before the jump has ended, so no worker loses its job. When it is set back, leases end late.
 *
 * `given`: the clock of a test decides instead of the database's.
 */
export class DatabaseTime {
  readonly #clock: Clock;
  readonly #given: boolean;
  readonly #onJump: OnClockJump;
  #offset: Offset | undefined;
  #heldBackMs = 0;
  /** Monotonic. */
  #heldUntil = 0;

  constructor(clock: Clock, { given, onJump }: { readonly given: boolean; readonly onJump: OnClockJump }) {
    this.#clock = clock;
    this.#given = given;
    this.#onJump = onJump;
  }

  /** The lower bound of the database's time now. */
  get time(): StoreTime {
    if (this.#given) return this.#at(this.#clock.now());
    const low = this.#offset?.low ?? 0;
    return this.#at(Math.floor(low + this.#clock.monotonic()));
  }

  /** The time that a transaction may assume; undefined when it must `ask`. */
  assume(): StoreTime | undefined {
    if (this.#given) return this.#isFarOff(this.#clock.now()) ? undefined : this.time;
    return this.#offset === undefined ? undefined : this.time;
  }

  /** Must be the first statement of the transaction. Rejects with `WrongTime`; the transaction is aborted then. */
  async check(client: PoolClient, assumed: StoreTime): Promise<void> {
    if (this.#given) return;
    const sentAt = this.#clock.monotonic();
    try {
      const answer = await client.query<{ now: number }>({ ...assertion, values: [assumed.now] });
      this.#measured(answer.rows[0]?.now ?? 0, sentAt);
    } catch (error) {
      throw (error as { code?: unknown }).code === invalidText ? new WrongTime() : error;
    }
  }

  /** One round trip. */
  async ask(client: PoolClient): Promise<StoreTime> {
    const sentAt = this.#clock.monotonic();
    const answer = await client.query<{ now: number; lastLeaseAt: number | null }>(question);
    const { now: databaseTime = 0, lastLeaseAt = null } = answer.rows[0] ?? {};
    const now = this.#given ? this.#clock.now() : databaseTime;
    const jump = this.#measured(now, this.#given ? this.#clock.monotonic() : sentAt);
    if (jump !== undefined) this.#jumped(jump, now, lastLeaseAt);
    return this.#at(now);
  }

  #at(now: number): StoreTime {
    if (this.#heldBackMs === 0) return fixedTime(now);
    if (this.#clock.monotonic() >= this.#heldUntil) this.#heldBackMs = 0;
    return { now, leasesAt: now - this.#heldBackMs };
  }

  #isFarOff(now: number): boolean {
    if (this.#offset === undefined) return true;
    return Math.abs(now - this.#offset.low - this.#clock.monotonic()) >= smallestJumpMs;
  }

  /** Records that the time was `now` at some moment since `sentAt`; returns the jump of a clock since the last record, if any. */
  #measured(now: number, sentAt: number): Jump | undefined {
    const measuredAt = this.#clock.monotonic();
    // Milliseconds are cut off: it was up to one more.
    const found = { low: now - measuredAt, high: now + 1 - sentAt, measuredAt };
    const last = this.#offset;
    this.#offset = found;
    if (last === undefined) return undefined;
    const drift = driftRate * (measuredAt - last.measuredAt);
    const low = Math.max(found.low, last.low - drift);
    const high = Math.min(found.high, last.high + drift);
    if (low <= high) {
      this.#offset = { low, high, measuredAt };
      return undefined;
    }
    const jump = { leastMs: found.low - last.high, mostMs: found.high - last.low };
    return Math.max(jump.leastMs, -jump.mostMs) < smallestJumpMs ? undefined : jump;
  }

  // The upper bound counts: leases may end late, never early.
  #jumped({ leastMs, mostMs }: Jump, now: number, lastLeaseAt: number | null): void {
    this.#heldBackMs = Math.max(0, Math.ceil(this.#heldBackMs + mostMs));
    const lastEndsInMs = lastLeaseAt === null ? 0 : lastLeaseAt - (now - this.#heldBackMs);
    this.#heldUntil = this.#clock.monotonic() + Math.max(0, lastEndsInMs);
    this.#onJump(Math.round((leastMs + mostMs) / 2));
  }
}
