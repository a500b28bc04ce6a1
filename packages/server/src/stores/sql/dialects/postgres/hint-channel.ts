import { backOffMs } from '@proofhouse/core';
import pg from 'pg';
import type { HintChannel } from '../../../../jobs/job-hints.ts';
import { systemClock, type Clock } from '../../../../kernel/time/clock.ts';

/** The name of the NOTIFY channel within the database. */
const channel = 'proofhouse_hints';
const connectWithinMs = 10_000;
/** A connection whose NOTIFY takes longer than this (ms) counts as dead. */
const sendWithinMs = 5000;
const reconnect = { firstMs: 100, maxMs: 5000 };

/**
 * Sends and receives hints with LISTEN and NOTIFY, on one connection outside the pool. A broken connection is replaced
 * after a back-off. Messages that are sent before the new connection listens are lost, so `missed` is called when it
 * listens. No message arrives through a proxy that pools connections by transaction.
 */
export class PostgresHintChannel implements HintChannel {
  readonly #url: string;
  readonly #clock: Clock;
  #sending: Promise<void> = Promise.resolve();
  #onMessage: (message: string) => void = () => undefined;
  #onMissed: () => void = () => undefined;
  /** True if messages may have been lost, because a connection broke and no new connection listens yet. */
  #mayHaveMissed = false;
  /** The current connection or connection attempt. Undefined between two attempts and before the first one. */
  #client: Promise<pg.Client | undefined> | undefined;
  /** Number of connections that failed or ended in succession. Zero once a connection listens. */
  #failures = 0;
  #cancelPause: (() => void) | undefined;
  #closed = false;

  constructor(url: string, clock: Clock = systemClock) {
    this.#url = url;
    this.#clock = clock;
  }

  /** Messages are sent one after another, because a connection runs one statement at a time. */
  send(message: string): Promise<void> {
    this.#sending = this.#sending.then(() => this.#sendNow(message));
    return this.#sending;
  }

  async #sendNow(message: string): Promise<void> {
    try {
      const client = await this.#connected();
      await client?.query('select pg_notify($1, $2)', [channel, message]);
    } catch {
      // A failed send is ignored, because subscribers also read the database at intervals.
    }
  }

  async listen(receive: (message: string) => void, missed: () => void): Promise<void> {
    this.#onMessage = receive;
    this.#onMissed = missed;
    await this.#connected();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelPause?.();
    const client = await this.#client;
    await client?.end().catch(() => undefined);
  }

  #connected(): Promise<pg.Client | undefined> {
    const pausing = this.#cancelPause !== undefined;
    if (this.#client === undefined && !pausing && !this.#closed) this.#client = this.#connect();
    return this.#client ?? Promise.resolve(undefined);
  }

  async #connect(): Promise<pg.Client | undefined> {
    const client = new pg.Client({
      connectionString: this.#url,
      application_name: 'proofhouse hints',
      connectionTimeoutMillis: connectWithinMs,
      query_timeout: sendWithinMs,
      keepAlive: true,
    });
    // A connection may emit both `error` and `end`. This flag prevents counting one lost connection twice.
    let over = false;
    const lost = (): void => {
      if (over) return;
      over = true;
      this.#mayHaveMissed = true;
      void client.end().catch(() => undefined);
      this.#connectLater();
    };
    client.on('error', lost);
    client.on('end', lost);
    client.on('notification', ({ payload }) => {
      if (payload !== undefined) this.#onMessage(payload);
    });
    try {
      await client.connect();
      // The only statement on this connection is NOTIFY, whose commit need not be durable.
      await client.query('set synchronous_commit = off');
      await client.query(`listen ${channel}`);
      this.#failures = 0;
      if (this.#mayHaveMissed) queueMicrotask(this.#onMissed);
      this.#mayHaveMissed = false;
      return client;
    } catch {
      lost();
      return undefined;
    }
  }

  #connectLater(): void {
    this.#client = undefined;
    if (this.#closed || this.#cancelPause !== undefined) return;
    this.#failures += 1;
    this.#cancelPause = this.#clock.after(backOffMs(this.#failures, reconnect), () => {
      this.#cancelPause = undefined;
      void this.#connected();
    });
  }
}
