import pg from 'pg';
import type { HintChannel } from '../../../../jobs/job-hints.ts';
import { systemClock, type Clock } from '../../../../kernel/time/clock.ts';

/** The name of the channel within its database. */
const channel = 'proofhouse_hints';
const connectWithinMs = 10_000;
/** A notification that takes longer means that nobody is at the other end. */
const sendWithinMs = 5000;
const firstPauseMs = 100;
const longestPauseMs = 5000;

/**
 * LISTEN and NOTIFY on one connection outside the pool. A connection that dies is replaced, after pauses that grow;
 * what is sent meanwhile is lost, and whoever listens is told when it is back. Behind a proxy that pools transactions it hears nothing.
 */
export class PostgresHintChannel implements HintChannel {
  readonly #url: string;
  readonly #clock: Clock;
  #sending: Promise<void> = Promise.resolve();
  #heard: (message: string) => void = () => undefined;
  #missed: () => void = () => undefined;
  /** Whether messages may have been lost since the last connection. */
  #deaf = false;
  /** The present connection, or the attempt at one; undefined between two attempts, and before the first. */
  #client: Promise<pg.Client | undefined> | undefined;
  #pauseMs = firstPauseMs;
  #cancelPause: (() => void) | undefined;
  #closed = false;

  constructor(url: string, clock: Clock = systemClock) {
    this.#url = url;
    this.#clock = clock;
  }

  /** One after another: a connection carries one statement at a time. */
  send(message: string): Promise<void> {
    this.#sending = this.#sending.then(() => this.#sendNow(message));
    return this.#sending;
  }

  async #sendNow(message: string): Promise<void> {
    try {
      const client = await this.#connected();
      await client?.query('select pg_notify($1, $2)', [channel, message]);
    } catch {
      // A hint that is lost is found by looking again.
    }
  }

  async listen(heard: (message: string) => void, missed: () => void): Promise<void> {
    this.#heard = heard;
    this.#missed = missed;
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
    // Told once for each connection, whichever way it ends.
    let over = false;
    const lost = (): void => {
      if (over) return;
      over = true;
      this.#deaf = true;
      void client.end().catch(() => undefined);
      this.#connectLater();
    };
    client.on('error', lost);
    client.on('end', lost);
    client.on('notification', ({ payload }) => {
      if (payload !== undefined) this.#heard(payload);
    });
    try {
      await client.connect();
      // A notification is a commit, but nobody needs it on disk.
      await client.query('set synchronous_commit = off');
      await client.query(`listen ${channel}`);
      this.#pauseMs = firstPauseMs;
      if (this.#deaf) queueMicrotask(this.#missed);
      this.#deaf = false;
      return client;
    } catch {
      lost();
      return undefined;
    }
  }

  #connectLater(): void {
    this.#client = undefined;
    if (this.#closed || this.#cancelPause !== undefined) return;
    this.#cancelPause = this.#clock.after(this.#pauseMs, () => {
      this.#cancelPause = undefined;
      void this.#connected();
    });
    this.#pauseMs = Math.min(longestPauseMs, this.#pauseMs * 2);
  }
}
