import type { PoolClient } from 'pg';
import type { Clock } from '../../../../kernel/time/clock.ts';
import { fixedTime, smallestJumpMs, type OnClockJump, type StoreTime } from '../../../../kernel/time/store-time.ts';

/** How far the time that a transaction assumes may be ahead of the database's: leases end early by as much. */
const mostAheadMs = 5;
/** How far it may be behind: a lease is counted from there, which is still after the call that asks for it. */
const mostBehindMs = smallestJumpMs;
/** How far two clocks may drift apart in a millisecond without either having been set. */
const driftRate = 0.001;

const databaseNow = 'select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now';

/** Fails the transaction when the time that it assumes is not the database's. The message appears in the database's log. */
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

/** The code of Postgres for the cast that `assertion` fails by. */
const invalidText = '22P02';

/** The time that a transaction assumed was wrong: nothing was written, and it must ask first. */
export class WrongTime extends Error {}

/** Database time minus monotonic time of this process lies between these. */
interface Offset {
  readonly low: number;
  readonly high: number;
  /** Monotonic. */
  readonly measuredAt: number;
}

/** The time that a clock skipped lies between these; negative when it was set back. */
interface Jump {
  readonly leastMs: number;
  readonly mostMs: number;
}

/**
 * The database's time, estimated from its last answers and this process's monotonic clock. Every transaction that writes sends its estimate
 * along, and the database refuses one that is wrong (`check`), so that no fault of this machine's clocks can
 * decide anything and nobody pays a round trip. A transaction that was refused asks first (`ask`).
 *
 * When the database's own clock is set forward, leases are judged by the old time (`StoreTime.leasesAt`) until the last one that was given
 * before has ended: no worker loses its job by it. When it is set back, leases end late.
 *
 * `given`: tests hand in a clock that decides instead of the database's.
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

  /** The newest time that has certainly come. */
  get time(): StoreTime {
    if (this.#given) return this.#at(this.#clock.now());
    const low = this.#offset?.low ?? 0;
    return this.#at(Math.floor(low + this.#clock.monotonic()));
  }

  /** What a transaction may assume; undefined when it must ask. */
  assume(): StoreTime | undefined {
    if (this.#given) return this.#isFarOff(this.#clock.now()) ? undefined : this.time;
    return this.#offset === undefined ? undefined : this.time;
  }

  /** To be sent within the transaction before anything else. Rejects with `WrongTime`; the transaction is lost then. */
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

  /** Notes that it was `now` between `sentAt` and this moment; answers how far a clock must have been set since the last time. */
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

  // Of what is not known exactly the longer time counts: leases may end late, never early.
  #jumped({ leastMs, mostMs }: Jump, now: number, lastLeaseAt: number | null): void {
    this.#heldBackMs = Math.max(0, Math.ceil(this.#heldBackMs + mostMs));
    const lastEndsInMs = lastLeaseAt === null ? 0 : lastLeaseAt - (now - this.#heldBackMs);
    this.#heldUntil = this.#clock.monotonic() + Math.max(0, lastEndsInMs);
    this.#onJump(Math.round((leastMs + mostMs) / 2));
  }
}
