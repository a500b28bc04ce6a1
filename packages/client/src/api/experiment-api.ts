import { AppError, type Deposit, type V0Group, type V0Worker } from '@proofhouse/core';
import type { ByteSource } from '../transport/byte-source.ts';
import { eachItem, type CallOptions, type CallOutput, type Page } from '../transport/call.ts';
import { downloadOf, type Download } from '../download.ts';
import { FileForm, type FormFile } from '../file-form.ts';
import type { OperationCaller } from '../transport/operation-caller.ts';

export interface DepositOptions extends CallOptions, Omit<FormFile, 'bytes'> {}

/**
 * The server's answer to a deposit. The caller must store `artifacts_uri` and pass it on unchanged, without parsing it.
 */
export type DepositedArtifact = Deposit;

export interface NamedFilter {
  /** Selects the workers (or the groups) with this name. Several may have it. */
  readonly name?: string | undefined;
  /** Largest number of workers (or groups) in one page. */
  readonly limit?: number | undefined;
}

type FromCursor = { readonly cursor?: string | undefined };

/**
 * The client of one experiment on /v0: its workers, its groups, and the files that workers deposit for each other. Records
 * have the field names of the API, in snake_case.
 */
export class ExperimentApi {
  readonly id: string;
  readonly #caller: OperationCaller;

  constructor(caller: OperationCaller, id: string) {
    if (!/^[\x21-\x7e]+$/.test(id)) {
      throw new AppError('invalid_request', `${JSON.stringify(id)} cannot be the id of an experiment.`, {
        errors: [{ path: 'experimentId', message: 'must be visible ASCII characters' }],
      });
    }
    this.id = id;
    this.#caller = caller;
  }

  /**
   * Stores bytes and returns their URI. Every call creates a new URI, even for equal bytes. If the connection breaks,
   * the call is retried with the same idempotency key. The exception is a stream object as `bytes`, which can be sent
   * only once. `contentType` is the type of the file; a content type in `headers` has no effect.
   */
  async deposit(bytes: ByteSource, options: DepositOptions = {}): Promise<DepositedArtifact> {
    const { contentType, filename, sizeBytes, onProgress, ...call } = options;
    const form = new FileForm('file', { bytes, contentType, filename, sizeBytes, onProgress });
    const deposit = await this.#caller.postFile('depositArtifact', { params: this.#params, ...call }, form);
    if (form.fileBytes === undefined || form.fileBytes === deposit.size_bytes) return deposit;
    const [expected, found] = [form.fileBytes, deposit.size_bytes];
    throw new AppError('digest_mismatch', `The server took ${found} bytes for the ${expected} that were sent.`, {
      details: { expected, found },
    });
  }

  /**
   * Opens the bytes of a deposit. `uri` must be exactly the URI that the deposit returned. Resolves when the headers
   * have arrived. The caller must then read the body to its end or cancel it.
   */
  async fetch(uri: string, options: CallOptions = {}): Promise<Download> {
    return downloadOf(
      await this.#caller.openBytes('fetchArtifact', { params: this.#params, query: { uri }, ...options }),
    );
  }

  /** Grants a worker or a group read access to a deposit. Only the depositor and the admin may call this. */
  async grantRead(uri: string, reader: string, options: CallOptions = {}): Promise<CallOutput<'grantRead'>> {
    return this.#caller.call('grantRead', { params: this.#params, body: { uri, reader }, ...options });
  }

  async whoami(options: CallOptions = {}): Promise<CallOutput<'whoami'>> {
    return this.#caller.call('whoami', { params: this.#params, ...options });
  }

  /**
   * Creates a worker and its registration token. The worker authenticates with `<worker_id>:<registration_token>`. The
   * call is never retried: only the answer contains the token, so a lost answer is a lost token.
   */
  async registerWorker(
    worker: { readonly name?: string | undefined; readonly labels?: Record<string, string> | undefined } = {},
    options: CallOptions = {},
  ): Promise<CallOutput<'registerWorker'>> {
    return this.#caller.call('registerWorker', { params: this.#params, body: worker, ...options });
  }

  /**
   * Creates a new registration token for the worker. From then on the server refuses the previous token. The call is never
   * retried.
   */
  async reissueCredential(workerId: string, options: CallOptions = {}): Promise<CallOutput<'reissueCredential'>> {
    return this.#caller.call('reissueCredential', { params: { ...this.#params, workerId }, ...options });
  }

  async getWorker(workerId: string, options: CallOptions = {}): Promise<V0Worker> {
    return this.#caller.call('getRegisteredWorker', { params: { ...this.#params, workerId }, ...options });
  }

  /** Returns one page of workers, oldest first. */
  async listWorkers(filter: NamedFilter & FromCursor = {}, options: CallOptions = {}): Promise<Page<V0Worker>> {
    const { workers: items, next_cursor } = await this.#caller.call('listRegisteredWorkers', {
      params: this.#params,
      query: filter,
      ...options,
    });
    return { items, nextCursor: next_cursor ?? null };
  }

  eachWorker(filter: NamedFilter = {}, options: CallOptions = {}): AsyncGenerator<V0Worker, void, undefined> {
    return eachItem((cursor) => this.listWorkers({ ...filter, cursor }, options));
  }

  async createGroup(
    group: { readonly name?: string | undefined; readonly members?: readonly string[] | undefined } = {},
    options: CallOptions = {},
  ): Promise<V0Group> {
    const { name, members } = group;
    const body = { name, ...(members === undefined ? {} : { members: [...members] }) };
    return this.#caller.call('createGroup', { params: this.#params, body, ...options });
  }

  /** Returns one page of groups, oldest first. */
  async listGroups(filter: NamedFilter & FromCursor = {}, options: CallOptions = {}): Promise<Page<V0Group>> {
    const { groups: items, next_cursor } = await this.#caller.call('listGroups', {
      params: this.#params,
      query: filter,
      ...options,
    });
    return { items, nextCursor: next_cursor ?? null };
  }

  eachGroup(filter: NamedFilter = {}, options: CallOptions = {}): AsyncGenerator<V0Group, void, undefined> {
    return eachItem((cursor) => this.listGroups({ ...filter, cursor }, options));
  }

  /**
   * Returns a group. Every method with a group id also accepts the names of the standing groups, `admins` and
   * `orchestrators`.
   */
  async getGroup(groupId: string, options: CallOptions = {}): Promise<V0Group> {
    return this.#caller.call('getGroup', { params: { ...this.#params, groupId }, ...options });
  }

  /** Adds a worker or another group as a member. Adding a member again is a no-op. */
  async addGroupMember(groupId: string, memberId: string, options: CallOptions = {}): Promise<V0Group> {
    const params = { ...this.#params, groupId };
    return this.#caller.call('addGroupMember', { params, body: { member_id: memberId }, ...options });
  }

  async removeGroupMember(groupId: string, memberId: string, options: CallOptions = {}): Promise<V0Group> {
    return this.#caller.call('removeGroupMember', { params: { ...this.#params, groupId, memberId }, ...options });
  }

  async deleteGroup(groupId: string, options: CallOptions = {}): Promise<void> {
    await this.#caller.call('deleteGroup', { params: { ...this.#params, groupId }, ...options });
  }

  get #params(): { experimentId: string } {
    return { experimentId: this.id };
  }
}
