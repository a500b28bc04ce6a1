import type { Handlers } from '../http/operation-route.ts';

/** A task that the server runs periodically. */
export interface BackgroundTask {
  /** Milliseconds from the end of one run to the start of the next. */
  readonly everyMs: number;
  /** Does one run of the task. If the returned promise rejects, the error is logged, and the next run still takes place. */
  readonly run: () => Promise<unknown>;
}

/** One area of the server, such as the queue or retention. Each area is constructed by one file of this folder. */
export interface Area<Services extends object, AreaHandlers extends Partial<Handlers>> {
  /** The services that other areas use, or that the caller of `compose` uses. */
  readonly services: Services;
  /** The handlers of the operations of the area. The compiler checks that each operation has a handler in some area. */
  readonly handlers: AreaHandlers;
  readonly background: readonly BackgroundTask[];
}
