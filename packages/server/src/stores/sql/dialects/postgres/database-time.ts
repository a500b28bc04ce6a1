import type { PoolClient } from 'pg';
import type { Clock } from '../../../../kernel/time/clock.ts';
import { fixedTime, smallestJumpMs, type OnClockJump, type StoreTime } from '../../../../kernel/time/store-time.ts';

/** Largest time in ms by which an estimate may be ahead of the database's clock. A lease may end early by this time. */
const mostAheadMs = 5;
/**
 * Largest time in ms by which an estimate may be behind the database's clock. A lease that such a transaction grants
 * starts early by this time, but never before the claim was sent.
 */
const mostBehindMs = smallestJumpMs;
/** Largest drift in ms per ms that two clocks normally have. If they drift faster, somebody set one of them. */
const driftRate = 0.001;

const databaseNow = 'select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now';

/**
 * The statement that compares the assumed time with the database's clock. It fails, and aborts the transaction, if the
 * two differ too much. Its error message is also written to the log of the database.
 */
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

/**
 * Thrown when the estimated time of a transaction was wrong. The transaction was rolled back. Its retry must first read
 * the database's time.
 */
export class WrongTime extends Error {}

/** Lower and upper bound of the difference between the database's time and the monotonic time of this process, ms. */
interface Offset {
  readonly low: number;
  readonly high: number;
  /** Monotonic time of the measurement. */
  readonly measuredAt: number;
}

/** Bounds of the time in ms by which a clock jumped. They are negative if the clock was set back. */
interface Jump {
  readonly leastMs: number;
  readonly mostMs: number;
}

/**
 * Estimates the database's time from the last answers of the database and the monotonic clock of this process. Every
 * write transaction sends its estimate. The database fails the transaction if the estimate is wrong (`check`). So a
 * wrong clock of this machine never decides anything, and no additional round trip is needed. A transaction that failed
 * in this way runs again and first reads the database's time (`ask`).
 *
 * When the database's clock was set forward, leases are compared with an earlier time (`StoreTime.leasesAt`): the time
 * without the jump. This lasts until the last lease from before the jump has ended. So no worker loses its job by the
 * jump. When the clock was set back, leases end late.
 *
 * `given` is true in tests whose own clock replaces the database's clock.
 */
export class DatabaseTime {
  readonly #clock: Clock;
  readonly #given: boolean;
  readonly #onJump: OnClockJump;
  #offset: Offset | undefined;
  #heldBackMs = 0;
  /**
   * Until this monotonic time, leases are compared with the time without the jump. That time is `#heldBackMs` before
   * the database's time.
   */
  #heldUntil = 0;

  constructor(clock: Clock, { given, onJump }: { readonly given: boolean; readonly onJump: OnClockJump }) {
    this.#clock = clock;
    this.#given = given;
    this.#onJump = onJump;
  }

  /** The database's time now, as an estimate that is never ahead. */
  get time(): StoreTime {
    if (this.#given) return this.#at(this.#clock.now());
    const low = this.#offset?.low ?? 0;
    return this.#at(Math.floor(low + this.#clock.monotonic()));
  }

  /**
   * Returns the time that a transaction may assume to be the database's time. Returns undefined if nothing is known
   * yet; the transaction must then call `ask`.
   */
  assume(): StoreTime | undefined {
    if (this.#given) return this.#isFarOff(this.#clock.now()) ? undefined : this.time;
    return this.#offset === undefined ? undefined : this.time;
  }

  /**
   * Sends the assumed time to the database, which compares it with its clock. Must be the first statement of the
   * transaction. If the assumed time is wrong, the database aborts the transaction, and the promise rejects with
   * `WrongTime`.
   */
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

  /** Reads the database's time. Costs one round trip. */
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

  /**
   * Records that the database's time was `now` at some moment between `sentAt` and the present. Returns the jump of a
   * clock since the previous measurement. Returns undefined if no clock jumped.
   */
  #measured(now: number, sentAt: number): Jump | undefined {
    const measuredAt = this.#clock.monotonic();
    // The database cuts its time to whole milliseconds. So the exact time was up to one millisecond later than `now`.
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

  // Records that a clock jumped. Of the two bounds of the jump it uses the upper one, so that leases may end late but
  // never early.
  #jumped({ leastMs, mostMs }: Jump, now: number, lastLeaseAt: number | null): void {
    this.#heldBackMs = Math.max(0, Math.ceil(this.#heldBackMs + mostMs));
    const lastEndsInMs = lastLeaseAt === null ? 0 : lastLeaseAt - (now - this.#heldBackMs);
    this.#heldUntil = this.#clock.monotonic() + Math.max(0, lastEndsInMs);
    this.#onJump(Math.round((leastMs + mostMs) / 2));
  }
}
