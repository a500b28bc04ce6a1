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

/** An upload whose progress cannot be observed counts as stalled when it is slower. */
const slowestBytesPerMs = 32;
/** Servers send at least a keep-alive every 15 s on a stream: after three times that the connection is dead. */
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

/** Calls operations by their row in core's table: path, headers, retries, and validation of the answer. */
export class OperationCaller {
  readonly #baseUrl: string;
  readonly #credential: Credential | undefined;
  readonly #parts: TransportParts;

  constructor(baseUrl: string, credential: Credential | undefined, parts: TransportParts) {
    this.#baseUrl = baseUrl;
    this.#credential = credential;
    this.#parts = parts;
  }

  /** The URL of an operation with the placeholders of its row, for errors. */
  urlOf(id: OperationId): string {
    return `${this.#baseUrl}${operations[id].path}`;
  }

  /** `waitMs`: how long the server may delay the answer on purpose (long poll). */
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

  async postFile<Id extends 'depositArtifact' | 'uploadArtifact'>(
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

  /** The reader owns the timer: it restarts it at each chunk and stops it at the end. */
  async openBytes<Id extends BytesOperationId>(id: Id, input: CallInput<Id>): Promise<OpenedAnswer> {
    return this.#open(id, input, {
      headers: { accept: '*/*', 'accept-encoding': 'identity' },
      perTryMs: this.#parts.retry.perTryMs,
      overallMs: input.timeoutMs,
    });
  }

  /**
   * The items of a stream until its end: an interrupted stream is reopened, with `resume` for its input. When the server
   * ends the stream, `ended` decides whether that was the end.
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

  /** Generates a key for calls without one; a key in the body is not contradicted by the header. */
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

/** A lease may be an argument of the call (rows with `lease`) or part of its body, where the body requires it. */
function mayRepeat(row: Operation, input: LooseInput): boolean {
  if (row.repeatable === 'by-lease') return !row.lease || input.lease !== undefined;
  return row.repeatable !== 'no';
}
