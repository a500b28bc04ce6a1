import type { Handlers } from '../http/operation-route.ts';

/** Work that runs periodically, without a request. */
export interface BackgroundTask {
  /** Milliseconds from the end of one run to the start of the next. */
  readonly everyMs: number;
  /** A rejection is logged, and the next run still happens. */
  readonly run: () => Promise<unknown>;
}

/** One area of the server as a file of this folder constructs it. */
export interface Area<Services extends object, AreaHandlers extends Partial<Handlers>> {
  /** Used by other areas and by the caller of `compose`. */
  readonly services: Services;
  /** The operations of the area; together the areas must handle all of them, which the compiler checks. */
  readonly handlers: AreaHandlers;
  readonly background: readonly BackgroundTask[];
}
