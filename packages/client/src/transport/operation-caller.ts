import { operations, takesIdempotencyKey, type AppError, type Operation, type OperationId } from '@proofhouse/core';
import { isReplayable, openBody, sizeOf, type ByteSource } from './byte-source.ts';
import type {
  BytesOperationId,
  CallInput,
  CallOptions,
  CallOutput,
  JsonOperationId,
  StreamOperationId,
} from './call.ts';
import type { Credential } from './credential.ts';
import type { OpenedAnswer } from '../download.ts';
import type { FileForm } from '../file-form.ts';
import { keepOpen, type StreamItem } from './kept-stream.ts';
import { readJson } from './read-answer.ts';
import { requestHeaders } from './request-headers.ts';
import { requestUrl } from './request-url.ts';
import { perform, placeOf, type Exchange, type TransportParts } from './transport.ts';

/**
 * Lowest accepted rate of an upload in bytes per millisecond. Used if the runtime does not show the progress of an
 * upload. A slower upload counts as stalled.
 */
const slowestBytesPerMs = 32;
/**
 * A stream that sends nothing for this time (ms) counts as broken. It is three times the keep-alive interval of the
 * server (15 s).
 */
const quietStreamMs = 45_000;
interface LooseInput extends CallOptions {
  readonly params?: { readonly experimentId?: string; readonly [name: string]: unknown } | undefined;
  readonly query?: object | undefined;
  readonly body?: unknown;
}

export interface Upload {
  readonly bytes: ByteSource;
  readonly headers: Readonly<Record<string, string>>;
  readonly onProgress?: ((sentBytes: number) => void) | undefined;
}

export interface StreamOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called at each interruption, with the milliseconds until the stream is reopened. */
  readonly onBroken?: ((error: AppError, delayMs: number) => void) | undefined;
}

/**
 * Calls operations of core's operations table. The row of the operation determines path, headers, retries and the
 * schema of the answer.
 */
export class OperationCaller {
  readonly #baseUrl: string;
  readonly #credential: Credential | undefined;
  readonly #parts: TransportParts;

  constructor(baseUrl: string, credential: Credential | undefined, parts: TransportParts) {
    this.#baseUrl = baseUrl;
    this.#credential = credential;
    this.#parts = parts;
  }

  /** Returns the URL of an operation for error messages. Its placeholders (`{jobId}`) are not filled. */
  urlOf(id: OperationId): string {
    return `${this.#baseUrl}${operations[id].path}`;
  }

  /**
   * Calls an operation with JSON input and output. `waitMs` is the time in milliseconds for which the server may hold
   * the request open (long poll). The time limits of the call are longer by `waitMs`.
   */
  async call<Id extends JsonOperationId>(id: Id, input: CallInput<Id>, waitMs = 0): Promise<CallOutput<Id>> {
    const exchange = this.#jsonExchange(id, input, waitMs);
    return perform(this.#parts, exchange, (response) => readJson(id, response, exchange.url));
  }

  async putBytes(input: CallInput<'putArtifact'>, upload: Upload): Promise<CallOutput<'putArtifact'>> {
    const size = sizeOf(upload.bytes) ?? 0;
    const exchange = this.#exchange('putArtifact', input, isReplayable(upload.bytes), {
      headers: upload.headers,
      perTryMs: this.#parts.retry.perTryMs + size / slowestBytesPerMs,
      overallMs: input.timeoutMs,
      body: (hooks) => {
        let sent = 0;
        const onBytes = (count: number): void => {
          sent += count;
          hooks.onBytes(count);
          upload.onProgress?.(sent);
        };
        return openBody(upload.bytes, { onBytes, onError: hooks.onError });
      },
    });
    return perform(this.#parts, exchange, (response) => readJson('putArtifact', response, exchange.url));
  }

  async postForm(
    input: CallInput<'uploadArtifact'>,
    form: FormData,
    sizeBytes: number,
  ): Promise<CallOutput<'uploadArtifact'>> {
    const exchange = this.#exchange('uploadArtifact', input, true, {
      headers: {},
      perTryMs: this.#parts.retry.perTryMs + sizeBytes / slowestBytesPerMs,
      overallMs: input.timeoutMs,
      body: async () => form,
    });
    return perform(this.#parts, exchange, (response) => readJson('uploadArtifact', response, exchange.url));
  }

  async postFile<Id extends 'depositArtifact' | 'uploadArtifact' | 'uploadStandaloneArtifact'>(
    id: Id,
    input: CallInput<Id>,
    form: FileForm,
  ): Promise<CallOutput<Id>> {
    const { sizeBytes } = form;
    const exchange = this.#exchange(id, input, form.replayable, {
      headers: {
        'content-type': form.contentType,
        ...(sizeBytes === undefined ? {} : { 'content-length': String(sizeBytes) }),
      },
      perTryMs: this.#parts.retry.perTryMs + (sizeBytes ?? 0) / slowestBytesPerMs,
      overallMs: input.timeoutMs,
      body: (hooks) => form.open(hooks),
    });
    return perform(this.#parts, exchange, (response) => readJson(id, response, exchange.url));
  }

  /**
   * Opens the bytes of an artifact. The caller must restart the timer of the answer at each chunk, and stop it at the
   * end.
   */
  async openBytes<Id extends BytesOperationId>(id: Id, input: CallInput<Id>): Promise<OpenedAnswer> {
    return this.#open(id, input, {
      headers: { accept: '*/*', 'accept-encoding': 'identity' },
      perTryMs: this.#parts.retry.perTryMs,
      overallMs: input.timeoutMs,
    });
  }

  /**
   * Yields the items of a stream. An interrupted stream is reopened with the input that `resume` returns. When the
   * server ends the stream, `ended` decides whether it must be reopened, because more events may follow.
   */
  follow<Id extends StreamOperationId>(
    id: Id,
    stream: { readonly resume: () => CallInput<Id>; readonly ended: () => Promise<boolean> } & StreamOptions,
  ): AsyncGenerator<StreamItem, void, undefined> {
    const open = (tries: number | undefined): Promise<OpenedAnswer> => {
      const input: LooseInput = stream.resume();
      return this.#open(
        id,
        { ...input, signal: stream.signal, tries },
        {
          headers: { accept: 'text/event-stream, application/problem+json' },
          perTryMs: Math.max(quietStreamMs, this.#parts.retry.perTryMs),
          overallMs: undefined,
        },
      );
    };
    return keepOpen(this.#parts, { ...stream, open });
  }

  /**
   * Returns a new idempotency key for the header. Returns undefined if the body already contains an idempotency key,
   * because header and body must not differ.
   */
  #ownKey(body: unknown): string | undefined {
    const { idempotencyKey } = Object(body) as { readonly idempotencyKey?: unknown };
    return idempotencyKey == null ? this.#parts.random.idempotencyKey() : undefined;
  }

  #open(
    id: OperationId,
    input: LooseInput,
    wire: Pick<Exchange, 'headers' | 'perTryMs' | 'overallMs'>,
  ): Promise<OpenedAnswer> {
    const exchange = this.#exchange(id, input, true, wire);
    return perform(this.#parts, exchange, async (response, timer) => {
      timer.lent = true;
      return { response, timer, place: placeOf(exchange.url) };
    });
  }

  #jsonExchange(id: OperationId, input: LooseInput, waitMs: number): Exchange {
    const { retry } = this.#parts;
    const sendsJson = operations[id].request === 'json';
    return this.#exchange(id, input, true, {
      headers: sendsJson ? { 'content-type': 'application/json' } : {},
      perTryMs: retry.perTryMs + waitMs,
      overallMs: input.timeoutMs ?? retry.overallMs + waitMs,
      ...(sendsJson ? { body: async () => JSON.stringify(input.body ?? {}) } : {}),
    });
  }

  #exchange(
    id: OperationId,
    input: LooseInput,
    replayable: boolean,
    wire: Pick<Exchange, 'headers' | 'perTryMs' | 'overallMs' | 'body'>,
  ): Exchange {
    const row: Operation = operations[id];
    return {
      ...wire,
      method: row.method,
      url: requestUrl(this.#baseUrl, row.path, { ...input.params }, { ...input.query }),
      headers: requestHeaders({
        row,
        credential: this.#credential,
        idempotencyKey: takesIdempotencyKey(row) ? (input.idempotencyKey ?? this.#ownKey(input.body)) : undefined,
        lease: input.lease,
        experimentId: input.params?.experimentId,
        own: wire.headers,
        given: input.headers,
      }),
      errors: row.errors,
      tries: input.tries ?? this.#parts.retry.tries,
      repeatable: replayable && mayRepeat(row, input),
      signal: input.signal,
    };
  }
}

/**
 * Returns true if the call may be sent again after a lost answer. With `repeatable: 'by-lease'`, this is allowed only
 * if the call has a lease id. It is an option of the call if the operation has `lease`, else a required part of the
 * body.
 */
function mayRepeat(row: Operation, input: LooseInput): boolean {
  if (row.repeatable === 'by-lease') return !row.lease || input.lease !== undefined;
  return row.repeatable !== 'no';
}
