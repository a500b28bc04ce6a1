import type { ServerResponse } from 'node:http';
import { finalStatuses, type Job, type JobEvent, type JobHint } from '@proofhouse/core';

type Draft = Pick<JobEvent, 'kind' | 'message'> & Partial<Pick<JobEvent, 'level' | 'payload'>>;

/** The event logs of the jobs of a fake server. Also the open streams that send these logs. */
export class FakeLog {
  readonly #events = new Map<string, JobEvent[]>();
  readonly #followers = new Set<ServerResponse>();
  readonly #listeners = new Set<(hint: JobHint) => void>();

  of(jobId: string): readonly JobEvent[] {
    return this.#events.get(jobId) ?? [];
  }

  append(job: Job, ...drafts: readonly Draft[]): JobEvent[] {
    const before = this.of(job.id);
    const added = drafts.map((draft, index) => ({
      level: 'info' as const,
      ...draft,
      jobId: job.id,
      seq: before.length + index + 1,
      category: job.category,
      createdAt: job.createdAt,
    }));
    this.#events.set(job.id, [...before, ...added]);
    for (const tell of this.#listeners) tell({ jobId: job.id, seq: before.length + added.length, status: job.status });
    return added;
  }

  page(job: Job, after: number, limit: number): unknown {
    const items = this.of(job.id).slice(after, after + limit);
    const read = items.at(-1)?.seq ?? after;
    const ended = finalStatuses.includes(job.status) && read >= this.of(job.id).length;
    return { items, nextCursor: ended ? null : String(read) };
  }

  /** Streams the log of a job as the real server does. The stream ends after the last event of a final job. */
  follow(response: ServerResponse, job: () => Job, after: number): void {
    let seq = after;
    const tell = (): void => {
      for (const event of this.of(job().id).slice(seq)) {
        response.write(`id: ${event.seq}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`);
        seq = event.seq;
      }
      if (finalStatuses.includes(job().status)) response.end();
    };
    this.#open(response, tell);
    tell();
  }

  hint(response: ServerResponse): void {
    this.#open(response, (hint) => response.write(`event: hint\ndata: ${JSON.stringify(hint)}\n\n`));
  }

  /** Ends every stream, as a server does when it stops. */
  endStreams(): void {
    for (const response of this.#followers) response.end();
  }

  /** Destroys the connection of every stream, as a network failure does. */
  breakStreams(): void {
    for (const response of this.#followers) response.destroy();
  }

  get followers(): number {
    return this.#followers.size;
  }

  /**
   * Sends the event `much` on every stream. A server sends it instead of hints that it dropped, because there were too
   * many.
   */
  tellMuch(): void {
    for (const response of this.#followers) response.write('event: much\ndata: {}\n\n');
  }

  #open(response: ServerResponse, tell: (hint: JobHint) => unknown): void {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' }).write(': open\n\n');
    this.#followers.add(response);
    const listener = (hint: JobHint): void => {
      if (!response.writableEnded && !response.destroyed) tell(hint);
    };
    this.#listeners.add(listener);
    response.once('close', () => {
      this.#followers.delete(response);
      this.#listeners.delete(listener);
    });
  }
}
