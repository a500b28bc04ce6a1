import { eachItem, type CallOptions, type CallOutput, type Page } from '../transport/call.ts';
import type { OperationCaller } from '../transport/operation-caller.ts';

/** A worker that claimed jobs or renewed a lease in the last few minutes. */
export type SeenWorker = CallOutput<'listWorkers'>['items'][number];

export interface WorkerFilter {
  /** Largest number of workers in one page. */
  readonly limit?: number | undefined;
}

export class WorkersApi {
  readonly #caller: OperationCaller;

  constructor(caller: OperationCaller) {
    this.#caller = caller;
  }

  async list(
    filter: WorkerFilter & { readonly cursor?: string | undefined } = {},
    options: CallOptions = {},
  ): Promise<Page<SeenWorker>> {
    return this.#caller.call('listWorkers', { query: filter, ...options });
  }

  each(filter: WorkerFilter = {}, options: CallOptions = {}): AsyncGenerator<SeenWorker, void, undefined> {
    return eachItem((cursor) => this.list({ ...filter, cursor }, options));
  }
}
