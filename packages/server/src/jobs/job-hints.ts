import { jobStatuses, type JobRecord, type JobStatus } from '@proofhouse/core';
import { z } from 'zod';
import type { Clock } from '../kernel/time/clock.ts';
import { routeOf, type JobRoute } from './job-route.ts';
import type { ReadyJob } from './job-store.ts';

/** Something changed about a job: look again. There is no delivery guarantee; readers read by cursor. */
export interface Hint {
  readonly jobId: string;
  /** The sequence number of the job's last event. */
  readonly seq: number;
  readonly status: JobStatus;
  /** Set when the job can be claimed now. */
  readonly route?: JobRoute;
}

/** Too much changed to say what. */
export type Heard = Hint | 'much';

/** What to say of a job as it is now. */
export function hintOf(job: JobRecord): Hint {
  const ready = job.status === 'queued' && job.nextAttemptAt === null;
  const hint = { jobId: job.id, seq: job.lastSeq, status: job.status };
  return ready ? { ...hint, route: routeOf(job) } : hint;
}

/** What to say of a job whose delay has ended. */
export function hintOfReady({ jobId, seq, route }: ReadyJob): Hint {
  return { jobId, seq, status: 'queued', route };
}

/** Carries hints between the servers of one database. Best effort: it loses messages and never throws. */
export interface HintChannel {
  /** At most `maxMessageBytes` of UTF-8. */
  send(message: string): Promise<void>;
  /**
   * Hears what others sent, and possibly what this server sent itself. `missed` says, once it hears again, that it was
   * deaf and dumb for a while.
   */
  listen(heard: (message: string) => void, missed: () => void): Promise<void>;
}

export const maxMessageBytes = 7000;
/** Hints to other servers are gathered this long: at most 20 messages a second. */
const gatherMs = 50;

/** The one bus of the process: long polls, streams, the page and other servers all hang on it. */
export class JobHints {
  readonly #clock: Clock;
  readonly #serverId: string;
  readonly #channel: HintChannel | undefined;
  readonly #any = new Set<(heard: Heard) => void>();
  readonly #ofJob = new Map<string, Set<() => void>>();
  #gathered: Map<string, Hint> | undefined;

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
        this.#deliver('much');
        // What was sent meanwhile was lost, too.
        this.#say({ much: true });
      },
    );
  }

  /** To be called after the change is committed. */
  publish(hint: Hint): void {
    this.#deliver(hint);
    if (this.#channel === undefined) return;
    if (this.#gathered === undefined) {
      this.#gathered = new Map();
      this.#clock.after(gatherMs, () => {
        this.#send();
      });
    }
    this.#gathered.set(hint.jobId, hint);
  }

  /** Calls `heard` at every hint, until the answer is called. */
  onAny(heard: (heard: Heard) => void): () => void {
    this.#any.add(heard);
    return () => this.#any.delete(heard);
  }

  /** Calls `heard` when this job may have changed, until the answer is called. */
  onJob(jobId: string, heard: () => void): () => void {
    const listeners = this.#ofJob.get(jobId) ?? new Set();
    listeners.add(heard);
    this.#ofJob.set(jobId, listeners);
    return () => {
      listeners.delete(heard);
      if (listeners.size === 0) this.#ofJob.delete(jobId);
    };
  }

  #deliver(heard: Heard): void {
    for (const listener of this.#any) listener(heard);
    const jobs = heard === 'much' ? [...this.#ofJob.values()] : [this.#ofJob.get(heard.jobId) ?? []];
    for (const listeners of jobs) for (const listener of listeners) listener();
  }

  #send(): void {
    const hints = [...(this.#gathered?.values() ?? [])];
    this.#gathered = undefined;
    this.#say({ hints });
  }

  #say(told: { hints: readonly Hint[] } | { much: true }): void {
    const whole = JSON.stringify({ from: this.#serverId, ...told });
    const fits = Buffer.byteLength(whole) <= maxMessageBytes;
    void this.#channel?.send(fits ? whole : JSON.stringify({ from: this.#serverId, much: true }));
  }

  #receive(message: string): void {
    const heard = parse(message);
    if (heard.from === this.#serverId) return;
    if (heard.hints === undefined) this.#deliver('much');
    else for (const hint of heard.hints) this.#deliver(hint);
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

// What another server sent may be of another version: whatever cannot be read means "look again".
function parse(message: string): z.infer<typeof messageSchema> {
  try {
    return messageSchema.parse(JSON.parse(message));
  } catch {
    return { from: '', hints: undefined };
  }
}
