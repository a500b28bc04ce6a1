import { AppError } from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';
import type { Ids } from '../kernel/ids.ts';
import { sha256Hex } from '../kernel/secret.ts';

/** A download must start within this time. */
const startWithinMs = 60_000;
/** After its start a download may resume for this long. */
const resumeWithinMs = 12 * 60 * 60 * 1000;
const previewLifeMs = 10 * 60 * 1000;
/** A holder's oldest ticket makes room for its next; when all holders together have too many, no more are made. */
const maxTicketsOfHolder = 100;
const maxTickets = 10_000;

export type TicketKind = 'download' | 'preview';

/** What a ticket opens, for whom. */
export interface TicketGrant<Holder> {
  readonly kind: TicketKind;
  readonly jobId: string | undefined;
  readonly artifactId: string;
  /** The credential that made it: asked again at each use, so that a ticket never outlives it. */
  readonly holder: Holder;
}

interface Ticket<Holder> extends TicketGrant<Holder> {
  readonly holderKey: string;
  started: boolean;
  /** By the monotonic clock. */
  endsAt: number;
}

/**
 * Links that a browser follows by itself, which shows neither a token nor a page secret. A ticket opens one artifact for
 * its holder; tickets live in this process alone, as hashes.
 */
export class Tickets<Holder> {
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #tickets = new Map<string, Ticket<Holder>>();

  constructor(parts: { clock: Clock; ids: Ids }) {
    this.#clock = parts.clock;
    this.#ids = parts.ids;
  }

  /** `expiresAt`: epoch milliseconds, to be shown. Errors: `too_busy`. */
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
   * What the ticket opens; undefined when it is unknown, too old, or a download that has started and is not resumed.
   * `use`: `start` reads from the front, `resume` asks for a range, `look` reads no bytes (HEAD).
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
