import type { IncomingMessage } from 'node:http';
import { MIMEType } from 'node:util';
import { AppError } from '@proofhouse/core';
import type { Clock } from '../../kernel/time/clock.ts';
import type { BodyDigests } from './body-digests.ts';
import { byteBody } from './byte-body.ts';
import { FormSplitter, malformedForm, type FormPiece } from './form-splitter.ts';
import { limits } from '../limits.ts';
import { parsePartHeaders, type PartHeaders } from './part-headers.ts';

/** One part of a form. */
export interface FormPart extends PartHeaders {
  /**
   * The bytes of the part. They must be read before the next part is requested. Bytes that are not read then are
   * skipped.
   */
  readonly body: AsyncIterable<Buffer>;
}

export interface FormOptions {
  readonly clock: Clock;
  /** The boundary of the form, as `formBoundary` returns it. */
  readonly boundary: string;
  /** The declared digests of the whole form body. */
  readonly digests?: BodyDigests | undefined;
  /** Largest size of the form in bytes, to which `slackBytes` are added. A larger form fails with `body_too_large`. */
  readonly maxBytes: number;
}

/** Bytes that the preamble, the part headers and the text fields of a form may have in addition to the file. */
const slackBytes = 2 * 1024 * 1024;

/**
 * Yields the parts of a multipart/form-data body (RFC 7578) as they arrive, with back-pressure and bounded memory. When the
 * caller stops early, the connection stays open, so that an answer can be sent. Errors: `bad_request` (malformed or
 * incomplete), `body_too_large`, `request_timeout`.
 */
export async function* formParts(request: IncomingMessage, options: FormOptions): AsyncGenerator<FormPart> {
  const splitter = new FormSplitter(options.boundary);
  const bytes = byteBody(request, options.clock);
  const pieces = piecesOf(options.digests?.checked(bytes) ?? bytes, splitter, options.maxBytes + slackBytes);
  try {
    for (let count = 1; ; count += 1) {
      const { value: piece } = await pieces.next();
      if (piece === undefined) break;
      if (piece.kind !== 'headers') throw malformedForm('it cannot be split into parts');
      if (count > limits.formParts) throw malformedForm(`it has more than ${String(limits.formParts)} parts`);
      const body = new PartBody(pieces);
      const headers = parsePartHeaders(piece.block);
      yield { ...headers, body: headers.digests.checked(body) };
      await body.skip();
    }
    if (!splitter.closed) throw malformedForm('it ends before its closing boundary');
  } finally {
    // The promise of `return` must not be awaited. It settles only when the pending read ends, and that read waits for
    // bytes of the client.
    pieces.return(undefined).catch(ignore);
  }
}

async function* piecesOf(
  source: AsyncIterable<Buffer>,
  splitter: FormSplitter,
  maxBytes: number,
): AsyncGenerator<FormPiece, undefined> {
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > maxBytes) throw new AppError('body_too_large', `The form is larger than ${String(maxBytes)} bytes.`);
    yield* splitter.push(chunk);
  }
  return undefined;
}

/**
 * The bytes of the current part. The iterator has no `return` method. So if the caller stops reading a part early,
 * `pieces` does not end and continues with the next part.
 */
class PartBody implements AsyncIterable<Buffer> {
  readonly #pieces: AsyncGenerator<FormPiece, undefined>;
  #ended = false;

  constructor(pieces: AsyncGenerator<FormPiece, undefined>) {
    this.#pieces = pieces;
  }

  [Symbol.asyncIterator](): AsyncIterator<Buffer, undefined> {
    return { next: () => this.#next() };
  }

  async skip(): Promise<void> {
    while (!this.#ended) await this.#next();
  }

  async #next(): Promise<IteratorResult<Buffer, undefined>> {
    if (this.#ended) return { done: true, value: undefined };
    const { value: piece } = await this.#pieces.next();
    if (piece === undefined) throw malformedForm('it ends in the middle of a part');
    if (piece.kind === 'bytes') return { done: false, value: piece.bytes };
    this.#ended = true;
    return { done: true, value: undefined };
  }
}

/** Returns the text of a form field. Throws `bad_request` for more than `limits.formFieldBytes`, and for invalid UTF-8. */
export async function fieldText(part: FormPart): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of part.body) {
    size += chunk.length;
    if (size > limits.formFieldBytes) {
      throw malformedForm(`the field "${part.name}" is longer than ${String(limits.formFieldBytes)} bytes`);
    }
    chunks.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch {
    throw malformedForm(`the field "${part.name}" is not UTF-8`);
  }
}

/** Returns the text of the field `name` of a form and skips all parts before it. Returns undefined without this field. */
export async function findField(
  request: IncomingMessage,
  name: string,
  options: FormOptions,
): Promise<string | undefined> {
  for await (const part of formParts(request, options)) {
    if (part.name !== name) continue;
    // A `return` inside the loop ends the iteration of `formParts`. So the text must be read before it.
    const text = await fieldText(part);
    return text;
  }
  return undefined;
}

/** Returns the boundary of a form from its Content-Type header. Errors: `unsupported_media_type`, `bad_request`. */
export function formBoundary(contentType: string | undefined): string {
  let type: MIMEType | undefined;
  try {
    type = new MIMEType(contentType ?? '');
  } catch {
    type = undefined;
  }
  if (type?.essence !== 'multipart/form-data') {
    throw new AppError('unsupported_media_type', 'Send the upload as multipart/form-data.');
  }
  const boundary = type.params.get('boundary') ?? '';
  if (boundary === '' || boundary.length > 200) throw malformedForm('the boundary is missing or too long');
  return boundary;
}

function ignore(): void {
  // The caller has stopped reading the parts. So an error in a later part is ignored.
}
