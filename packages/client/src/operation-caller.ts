import {
  AppError,
  idempotencyHeader,
  leaseHeader,
  operations,
  type Operation,
  type OperationId,
} from '@proofhouse/core';
import { isReplayable, openBody, sizeOf, type ByteSource } from './byte-source.ts';
import type { CallInput, CallOptions, CallOutput, JsonOperationId } from './call.ts';
import { requestUrl } from './request-url.ts';
import { perform, placeOf, type Exchange, type TransportParts } from './transport.ts';
import type { TryTimer } from './try-timer.ts';

/** Slower than this, an upload whose progress cannot be seen counts as stuck. */
const slowestBytesPerMs = 32;

interface LooseInput extends CallOptions {
  readonly params?: object | undefined;
  readonly query?: object | undefined;
  readonly body?: unknown;
}

export interface Upload {
  readonly bytes: ByteSource;
  readonly headers: Readonly<Record<string, string>>;
  readonly onProgress?: ((sentBytes: number) => void) | undefined;
}

/** Calls operations by their row in core's table: path, headers, what may be repeated, what the answer must be. */
export class OperationCaller {
  readonly #baseUrl: string;
  readonly #token: string | undefined;
  readonly #parts: TransportParts;

  constructor(baseUrl: string, token: string | undefined, parts: TransportParts) {
    this.#baseUrl = baseUrl;
    this.#token = token;
    this.#parts = parts;
  }

  /** `waitMs`: how long the server may hold the answer back on purpose. */
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

  /** The timer is the reader's: it touches it at each piece and stops it at the end. */
  async openBytes(
    input: CallInput<'downloadArtifact'>,
  ): Promise<{ readonly response: Response; readonly timer: TryTimer; readonly place: string }> {
    const exchange = this.#exchange('downloadArtifact', input, true, {
      headers: {},
      perTryMs: this.#parts.retry.perTryMs,
      overallMs: input.timeoutMs,
    });
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
    const key = row.idempotent ? (input.idempotencyKey ?? this.#parts.random.idempotencyKey()) : undefined;
    return {
      ...wire,
      method: row.method,
      url: requestUrl(this.#baseUrl, row.path, { ...input.params }, { ...input.query }),
      headers: {
        accept: 'application/json, application/problem+json',
        ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
        ...(key === undefined ? {} : { [idempotencyHeader]: key }),
        ...(input.lease === undefined ? {} : { [leaseHeader]: input.lease }),
        ...wire.headers,
        ...input.headers,
      },
      tries: input.tries ?? this.#parts.retry.tries,
      repeatable: replayable && isRepeatable(row, input),
      signal: input.signal,
    };
  }
}

// Reads change nothing; a key makes the second time the first; under a lease the same final call is answered alike.
function isRepeatable(row: Operation, input: LooseInput): boolean {
  return row.method === 'GET' || row.idempotent || (row.lease && input.lease !== undefined);
}

async function readJson<Id extends OperationId>(id: Id, response: Response, url: string): Promise<CallOutput<Id>> {
  const text = await response.text();
  const parsed = operations[id].output.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data as CallOutput<Id>;
  const problem = parsed.error.issues[0];
  const where =
    problem === undefined || problem.path.length === 0 ? '' : ` (${problem.path.join('.')}: ${problem.message})`;
  throw new AppError(
    'unsupported',
    `${placeOf(url)} does not answer as a Proofhouse server of this version does${where}. Check the URL and the versions.`,
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
