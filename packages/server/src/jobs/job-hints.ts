import { jobStatuses, type JobRecord, type JobStatus } from '@proofhouse/core';
import { z } from 'zod';
import type { Clock } from '../kernel/time/clock.ts';
import { routeOf, type JobRoute } from './job-route.ts';
import type { ReadyJob } from './job-store.ts';

/**
 * A message to subscribers that a job changed. It does not contain the change, so the subscriber must read the job
 * again. A hint may be lost.
 */
export interface Hint {
  readonly jobId: string;
  /** The sequence number of the job's newest event. */
  readonly seq: number;
  readonly status: JobStatus;
  /** The route of the job. Present if the job is claimable now. */
  readonly route?: JobRoute;
}

/** `overflow` means that any job may have changed. Either too many jobs changed to list them, or hints were lost. */
export type HintOrOverflow = Hint | 'overflow';

/** Returns the hint that announces the present state of `job`. */
export function hintOf(job: JobRecord): Hint {
  const ready = job.status === 'queued' && job.nextAttemptAt === null;
  const hint = { jobId: job.id, seq: job.lastSeq, status: job.status };
  return ready ? { ...hint, route: routeOf(job) } : hint;
}

/** Returns the hint about a job whose delay has ended. */
export function hintOfReady({ jobId, seq, route }: ReadyJob): Hint {
  return { jobId, seq, status: 'queued', route };
}

/**
 * Carries hints between the servers of one database. Delivery is best effort: messages may be lost. The methods never
 * throw.
 */
export interface HintChannel {
  /** `message` has at most `maxMessageBytes` of UTF-8. */
  send(message: string): Promise<void>;
  /**
   * Calls `receive` with every message of other servers. It may also be called with messages of this server. Calls
   * `missed` after a reconnect, because messages in both directions may have been lost.
   */
  listen(receive: (message: string) => void, missed: () => void): Promise<void>;
}

export const maxMessageBytes = 7000;
/** Hints to other servers are batched for this time in ms, so that each server sends at most 20 messages a second. */
const batchMs = 50;

/**
 * The hint bus of this process. Its subscribers are long polls, event streams and the web page. Other servers subscribe
 * through the channel.
 */
export class JobHints {
  readonly #clock: Clock;
  readonly #serverId: string;
  readonly #channel: HintChannel | undefined;
  readonly #any = new Set<(hint: HintOrOverflow) => void>();
  readonly #ofJob = new Map<string, Set<() => void>>();
  #batch: Map<string, Hint> | undefined;

  constructor(parts: { clock: Clock; serverId: string; channel?: HintChannel | undefined }) {
    this.#clock = parts.clock;
    this.#serverId = parts.serverId;
    this.#channel = parts.channel;
  }

  async start(): Promise<void> {
    await this.#channel?.listen(
      (message) => {
        this.#receive(message);
      },
      () => {
        this.#deliver('overflow');
        // The connection was interrupted, so other servers may have lost hints of this server. They must read again
        // too.
        this.#broadcast({ much: true });
      },
    );
  }

  /** Sends the hint to all subscribers. Must be called only after the change of the job is committed. */
  publish(hint: Hint): void {
    this.#deliver(hint);
    if (this.#channel === undefined) return;
    if (this.#batch === undefined) {
      this.#batch = new Map();
      this.#clock.after(batchMs, () => {
        this.#send();
      });
    }
    this.#batch.set(hint.jobId, hint);
  }

  /** Calls `receive` with every hint. The returned function unsubscribes. */
  onAny(receive: (hint: HintOrOverflow) => void): () => void {
    this.#any.add(receive);
    return () => this.#any.delete(receive);
  }

  /** Calls `receive` when the job may have changed. The returned function unsubscribes. */
  onJob(jobId: string, receive: () => void): () => void {
    const listeners = this.#ofJob.get(jobId) ?? new Set();
    listeners.add(receive);
    this.#ofJob.set(jobId, listeners);
    return () => {
      listeners.delete(receive);
      if (listeners.size === 0) this.#ofJob.delete(jobId);
    };
  }

  #deliver(hint: HintOrOverflow): void {
    for (const listener of this.#any) listener(hint);
    const jobs = hint === 'overflow' ? [...this.#ofJob.values()] : [this.#ofJob.get(hint.jobId) ?? []];
    for (const listeners of jobs) for (const listener of listeners) listener();
  }

  #send(): void {
    const hints = [...(this.#batch?.values() ?? [])];
    this.#batch = undefined;
    this.#broadcast({ hints });
  }

  #broadcast(content: { hints: readonly Hint[] } | { much: true }): void {
    const whole = JSON.stringify({ from: this.#serverId, ...content });
    const fits = Buffer.byteLength(whole) <= maxMessageBytes;
    void this.#channel?.send(fits ? whole : JSON.stringify({ from: this.#serverId, much: true }));
  }

  #receive(message: string): void {
    const { from, hints } = parse(message);
    if (from === this.#serverId) return;
    if (hints === undefined) this.#deliver('overflow');
    else for (const hint of hints) this.#deliver(hint);
  }
}

const hintSchema = z.object({
  jobId: z.string(),
  seq: z.int(),
  status: z.enum(jobStatuses),
  route: z
    .object({ id: z.string(), type: z.string(), repository: z.string().nullable(), capabilities: z.array(z.string()) })
    .exactOptional(),
});
const messageSchema = z.object({
  from: z.string(),
  hints: z.array(hintSchema).optional().catch(undefined),
});

// The message may come from a server of another version. A message that cannot be parsed is treated as `overflow`.
function parse(message: string): z.infer<typeof messageSchema> {
  try {
    return messageSchema.parse(JSON.parse(message));
  } catch {
    return { from: '', hints: undefined };
  }
}
