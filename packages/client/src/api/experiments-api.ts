import type { Experiment } from '@proofhouse/core';
import { eachItem, type CallOptions, type Page } from '../transport/call.ts';
import type { OperationCaller } from '../transport/operation-caller.ts';

export interface ExperimentFilter {
  /** Largest number of experiments in one page. */
  readonly limit?: number | undefined;
}

/** Creates and lists experiments, for the admin. `client.experiment(id)` returns the client of one experiment. */
export class ExperimentsApi {
  readonly #caller: OperationCaller;

  constructor(caller: OperationCaller) {
    this.#caller = caller;
  }

  /** Creates an experiment. The server generates the id unless `experimentId` is given. */
  async create(
    experiment: { readonly experimentId?: string | undefined; readonly name?: string | undefined } = {},
    options: CallOptions = {},
  ): Promise<Experiment> {
    return this.#caller.call('createExperiment', { body: experiment, ...options });
  }

  /** Returns one page of experiments, newest first. */
  async list(
    filter: ExperimentFilter & { readonly cursor?: string | undefined } = {},
    options: CallOptions = {},
  ): Promise<Page<Experiment>> {
    return this.#caller.call('listExperiments', { query: filter, ...options });
  }

  each(filter: ExperimentFilter = {}, options: CallOptions = {}): AsyncGenerator<Experiment, void, undefined> {
    return eachItem((cursor) => this.list({ ...filter, cursor }, options));
  }
}
