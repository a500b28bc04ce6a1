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
  /** Its bytes, to be read before the next part is asked for. Stopping early leaves the rest unread. */
  readonly body: AsyncIterable<Buffer>;
}

export interface FormOptions {
  readonly clock: Clock;
  /** From `formBoundary`. */
  readonly boundary: string;
  /** What the whole form must hash to. */
  readonly digests?: BodyDigests | undefined;
  /** Bytes that all parts may have together; more is `body_too_large`, decided while reading. */
  readonly maxBytes: number;
}

/** Preambles, part headers and text fields may take this much beside the file. */
const slackBytes = 2 * 1024 * 1024;

/**
 * The parts of a multipart/form-data body (RFC 7578) as they arrive, with back-pressure and bounded
 * memory. Errors: `bad_request` (malformed or cut short), `body_too_large`, `request_timeout`. Stopping
 * early leaves the connection open for an answer.
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
    // Not awaited: a read that is still pending settles only with the next bytes of the client.
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

/** The bytes of the current part of `pieces`. Has no `return`, so that a reader who stops early does not end `pieces`. */
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

/** The whole text of a small field. Errors: `bad_request` (more than `limits.formFieldBytes`, or not UTF-8). */
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

/** The text of one field of a form whose other parts are skipped; undefined when it has no such field. */
export async function findField(
  request: IncomingMessage,
  name: string,
  options: FormOptions,
): Promise<string | undefined> {
  for await (const part of formParts(request, options)) {
    if (part.name !== name) continue;
    // Leaving the loop ends the form, so the text must be read before.
    const text = await fieldText(part);
    return text;
  }
  return undefined;
}

/** The boundary of a form, from its header. Errors: `unsupported_media_type`, `bad_request`. */
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
  // The reader of the parts has stopped.
}
