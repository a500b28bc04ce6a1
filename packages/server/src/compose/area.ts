import type { Handlers } from '../http/operation-route.ts';

/** Work that runs without a request, again and again. */
export interface BackgroundTask {
  /** Milliseconds from the end of one run to the start of the next. */
  readonly everyMs: number;
  /** A rejection is logged; the next run happens all the same. */
  readonly run: () => Promise<unknown>;
}

/** One area of the server as a file of this folder constructs it. */
export interface Area<Services extends object, AreaHandlers extends Partial<Handlers>> {
  /** What other areas and the owner of the server use. */
  readonly services: Services;
  /** The operations of the area; together the areas must handle all of them, which the compiler checks. */
  readonly handlers: AreaHandlers;
  readonly background: readonly BackgroundTask[];
}
