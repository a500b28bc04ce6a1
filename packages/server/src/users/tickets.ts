import { AppError } from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';
import type { Ids } from '../kernel/ids.ts';
import { sha256Hex } from '../kernel/secret.ts';

/** A download must start within this time (milliseconds). */
const startWithinMs = 60_000;
/** A download may resume for this long after its start (milliseconds). */
const resumeWithinMs = 12 * 60 * 60 * 1000;
/** A preview ticket is valid for this time (milliseconds). */
const previewLifeMs = 10 * 60 * 1000;
/** Largest number of tickets that one credential may have. Above this limit, its oldest ticket is evicted. */
const maxTicketsOfHolder = 100;
/** Largest number of tickets of all credentials. Above this limit, new tickets are refused with `too_busy`. */
const maxTickets = 10_000;

export type TicketKind = 'download' | 'preview';

/** The rights of a ticket: access to one artifact, with the rights of the credential that created the ticket. */
export interface TicketGrant<Holder> {
  readonly kind: TicketKind;
  readonly jobId: string | undefined;
  readonly artifactId: string;
  /** The credential that created the ticket. It is checked at each use, so the ticket ends with the credential. */
  readonly holder: Holder;
}

interface Ticket<Holder> extends TicketGrant<Holder> {
  readonly holderKey: string;
  started: boolean;
  /** The time at which the ticket expires, in milliseconds of the monotonic clock. */
  endsAt: number;
}

/**
 * Tickets for links that a browser can open without a token or a page secret. A ticket gives access to one artifact,
 * with the rights of the credential that created the ticket. Tickets exist only in the memory of this process, as
 * hashes.
 */
export class Tickets<Holder> {
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #tickets = new Map<string, Ticket<Holder>>();

  constructor(parts: { clock: Clock; ids: Ids }) {
    this.#clock = parts.clock;
    this.#ids = parts.ids;
  }

  /**
   * Creates a ticket. `expiresAt` (epoch milliseconds) is the time until which a download must start, or until which a
   * preview is valid. Errors: `too_busy`.
   */
  make(grant: TicketGrant<Holder>): { readonly ticket: string; readonly expiresAt: number } {
    const holderKey = sha256Hex(JSON.stringify(grant.holder));
    const own = [...this.#tickets].filter(([, ticket]) => ticket.holderKey === holderKey);
    for (const [hash] of own.slice(0, Math.max(0, own.length - maxTicketsOfHolder + 1))) this.#tickets.delete(hash);
    if (this.#tickets.size >= maxTickets) this.#dropExpired();
    if (this.#tickets.size >= maxTickets) throw new AppError('too_busy', 'Too many links wait to be used; try later.');
    const ticket = this.#ids.token(32);
    const lifeMs = grant.kind === 'preview' ? previewLifeMs : startWithinMs;
    const endsAt = this.#clock.monotonic() + lifeMs;
    this.#tickets.set(sha256Hex(ticket), { ...grant, holderKey, started: false, endsAt });
    return { ticket, expiresAt: this.#clock.now() + lifeMs };
  }

  /**
   * Returns the rights of a ticket. `use` says what the request needs: `start` all bytes, `resume` a range, `look` no
   * bytes (HEAD). Returns undefined if the ticket is unknown or expired. For `start`, also returns undefined if the
   * download was already started.
   */
  open(ticket: string, use: 'start' | 'resume' | 'look'): TicketGrant<Holder> | undefined {
    const hash = sha256Hex(ticket);
    const found = this.#tickets.get(hash);
    if (found === undefined) return undefined;
    if (found.endsAt <= this.#clock.monotonic()) {
      this.#tickets.delete(hash);
      return undefined;
    }
    if (found.kind === 'preview' || use === 'look') return found;
    if (found.started) return use === 'resume' ? found : undefined;
    found.started = true;
    found.endsAt = this.#clock.monotonic() + resumeWithinMs;
    return found;
  }

  #dropExpired(): void {
    for (const [hash, { endsAt }] of this.#tickets) {
      if (endsAt <= this.#clock.monotonic()) this.#tickets.delete(hash);
    }
  }
}
