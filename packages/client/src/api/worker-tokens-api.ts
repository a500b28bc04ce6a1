import type { CreateWorkerToken, WorkerToken } from '@proofhouse/core';
import { eachItem, type CallOptions, type CallOutput, type Page } from '../transport/call.ts';
import type { OperationCaller } from '../transport/operation-caller.ts';

export interface WorkerTokenFilter {
  readonly workerId?: string | undefined;
  /** Largest number of worker tokens in one page. */
  readonly limit?: number | undefined;
}

export class WorkerTokensApi {
  readonly #caller: OperationCaller;

  constructor(caller: OperationCaller) {
    this.#caller = caller;
  }

  /**
   * Creates a worker token. The call is never retried. Only the answer contains the secret, so a lost answer is a lost
   * secret, and a retry would create a second token.
   */
  async create(token: CreateWorkerToken, options: CallOptions = {}): Promise<CallOutput<'createWorkerToken'>> {
    return this.#caller.call('createWorkerToken', { body: token, ...options });
  }

  async list(
    filter: WorkerTokenFilter & { readonly cursor?: string | undefined } = {},
    options: CallOptions = {},
  ): Promise<Page<WorkerToken>> {
    return this.#caller.call('listWorkerTokens', { query: filter, ...options });
  }

  each(filter: WorkerTokenFilter = {}, options: CallOptions = {}): AsyncGenerator<WorkerToken, void, undefined> {
    return eachItem((cursor) => this.list({ ...filter, cursor }, options));
  }

  async revoke(tokenId: string, options: CallOptions = {}): Promise<WorkerToken> {
    return this.#caller.call('revokeWorkerToken', { params: { tokenId }, ...options });
  }
}
