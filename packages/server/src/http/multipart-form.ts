import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { MIMEType } from 'node:util';
import { AppError } from '@proofhouse/core';
import { Dicer } from '@fastify/busboy';
import { parse as parseDisposition } from 'content-disposition';
import type { Clock } from '../kernel/clock.ts';
import { byteBody } from './byte-body.ts';
import { ClosingBoundary } from './closing-boundary.ts';
import { limits } from './limits.ts';

/** One part of a form. `body` must be read to its end before the next part is asked for. */
export interface FormPart {
  readonly name: string;
  /** Present when the part is an upload; may be empty. */
  readonly filename: string | undefined;
  /** Verbatim, parameters included. */
  readonly contentType: string | undefined;
  readonly body: Readable;
}

export interface FormOptions {
  readonly clock: Clock;
  /** From `formBoundary`. */
  readonly boundary: string;
  /** Bytes that all parts may have together; more is `body_too_large`, decided while reading. */
  readonly maxBytes: number;
}

/** What the parser is given at once: with `limits.formHeaderBytes` no more than the headers that it reads (80 KiB). */
const mostPieceBytes = 64 * 1024;

/** Preambles, part headers and text fields may take this much beside the file. */
const slackBytes = 2 * 1024 * 1024;

/**
 * The parts of a multipart/form-data body (RFC 7578) as they arrive, with back-pressure and bounded
 * memory. Errors: `bad_request` (malformed or cut short), `body_too_large`, `request_timeout`. Stopping
 * early leaves the connection open for an answer.
 */
export async function* formParts(request: IncomingMessage, options: FormOptions): AsyncGenerator<FormPart> {
  const reader = new FormReader(options.boundary);
  void reader.pump(byteBody(request, options.clock), options.maxBytes + slackBytes);
  try {
    for (;;) {
      const part = await reader.next();
      if (part === undefined) return;
      yield part;
      part.body.resume();
    }
  } finally {
    reader.stop();
  }
}

/** The bytes of a part; what goes wrong with them is `bad_request`, not a fault of ours. Stopping early leaves the rest unread. */
export async function* partBytes(part: FormPart): AsyncGenerator<Buffer> {
  try {
    yield* part.body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  } catch (error) {
    throw error instanceof AppError ? error : malformed('it ends in the middle of a part');
  }
}

/** The whole text of a small field. More than `limits.formFieldBytes`, or not UTF-8: `bad_request`. */
export async function fieldText(part: FormPart): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of partBytes(part)) {
    size += chunk.length;
    if (size > limits.formFieldBytes) {
      throw malformed(`the field "${part.name}" is longer than ${String(limits.formFieldBytes)} bytes`);
    }
    chunks.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch {
    throw malformed(`the field "${part.name}" is not UTF-8`);
  }
}

/** The text of one field of a form whose other parts do not matter; undefined when it has none. */
export async function findField(
  request: IncomingMessage,
  name: string,
  options: FormOptions,
): Promise<string | undefined> {
  for await (const part of formParts(request, options)) {
    if (part.name === name) return fieldText(part);
  }
  return undefined;
}

/** What parts the form, by its header alone. Errors: `unsupported_media_type`, `bad_request`. */
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
  if (boundary === '' || boundary.length > 200) throw malformed('the boundary is missing or too long');
  return boundary;
}

/** Joins the parser, which calls back whenever it likes, to a reader that asks for one part at a time. */
class FormReader {
  readonly #parser: Dicer;
  readonly #closing: ClosingBoundary;
  readonly #ready: FormPart[] = [];
  #headless = 0;
  #headerBytes = 0;
  #count = 0;
  #current: Readable | undefined;
  /** Past the closing boundary, and past the last byte of the body: one that breaks off between the two is no whole one. */
  #closed = false;
  #ended = false;
  #stopped = false;
  #error: AppError | undefined;
  #wake: () => void = () => undefined;

  constructor(boundary: string) {
    this.#closing = new ClosingBoundary(boundary);
    // It passes over what is more: one more than may be is enough to know.
    this.#parser = new Dicer({ boundary, maxHeaderPairs: limits.formHeaderPairs + 1 });
    this.#parser.on('part', (part) => {
      this.#accept(part);
    });
    this.#parser.on('error', () => {
      this.#fail(malformed('it ends before its closing boundary'));
    });
    this.#parser.on('finish', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  /** Nobody reads on: the rest of the body belongs to whoever closes the connection. */
  #isStopped(): boolean {
    return this.#stopped;
  }

  /** Feeds the parser; never rejects, failures reach whoever reads. */
  async pump(source: AsyncIterable<Buffer>, maxBytes: number): Promise<void> {
    let size = 0;
    try {
      for await (const chunk of source) {
        if (this.#isStopped()) return;
        size += chunk.length;
        if (size > maxBytes) throw new AppError('body_too_large', `The form is larger than ${String(maxBytes)} bytes.`);
        for (const piece of this.#pieces(chunk)) {
          this.#watchHeaders(piece);
          this.#closing.see(piece);
          if (this.#closing.state === 'broken') throw malformed('a line begins with half of its closing boundary');
          if (!this.#parser.write(piece)) await this.#drained();
          if (this.#isStopped()) return;
        }
      }
      this.#parser.end();
      this.#ended = true;
      this.#wake();
    } catch (error) {
      this.#fail(error instanceof AppError ? error : malformed('it cannot be read'));
    }
  }

  /** The next part, or undefined after the last. */
  async next(): Promise<FormPart | undefined> {
    for (;;) {
      if (this.#error !== undefined) throw this.#error;
      const part = this.#ready.shift();
      if (part !== undefined) {
        this.#current = part.body;
        return part;
      }
      if (this.#closed && this.#ended) {
        if (this.#headless > 0) throw malformed('a part has no complete headers');
        if (this.#closing.state !== 'closed') throw malformed('it ends before its closing boundary');
        return undefined;
      }
      await new Promise<void>((wake) => (this.#wake = wake));
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#wake();
    // A part that nobody waits for would otherwise report its end as an unhandled error.
    for (const body of [this.#current, ...this.#ready.map((part) => part.body)]) body?.on('error', ignore).resume();
  }

  // Headers that do not end are met in small pieces, and a part's first ones lie in no large piece.
  *#pieces(chunk: Buffer): Generator<Buffer> {
    for (let at = 0; at < chunk.length;) {
      const piece = chunk.subarray(at, at + (this.#headless > 0 ? limits.formHeaderBytes : mostPieceBytes));
      at += piece.length;
      yield piece;
    }
  }

  #watchHeaders(piece: Buffer): void {
    this.#headerBytes = this.#headless > 0 ? this.#headerBytes + piece.length : 0;
    if (this.#headerBytes > limits.formHeaderBytes) throw malformed('the headers of a part are too long');
  }

  #accept(part: Dicer.PartStream): void {
    this.#headless += 1;
    this.#count += 1;
    part.on('error', ignore);
    if (this.#count > limits.formParts) this.#fail(malformed(`it has more than ${String(limits.formParts)} parts`));
    part.on('header', (header) => {
      this.#headless -= 1;
      const described = describe(header as PartHeader, part);
      if (described instanceof AppError) {
        part.resume();
        this.#fail(described);
        return;
      }
      this.#ready.push(described);
      this.#wake();
    });
  }

  #fail(error: AppError): void {
    this.#error ??= error;
    this.#stopped = true;
    this.#wake();
    this.#current?.destroy(this.#error);
  }

  #drained(): Promise<void> {
    return new Promise((settle) => {
      const done = (): void => {
        this.#parser.off('drain', done);
        settle();
      };
      this.#parser.on('drain', done);
    });
  }
}

type PartHeader = Readonly<Record<string, readonly string[] | undefined>>;

function describe(header: PartHeader, body: Readable): FormPart | AppError {
  if (Object.values(header).flat().length > limits.formHeaderPairs) return malformed('a part has too many headers');
  for (const name of ['content-disposition', 'content-type']) {
    if ((header[name]?.length ?? 0) > 1) return malformed(`a part has two ${name} headers`);
  }
  const disposition = header['content-disposition']?.[0];
  if (disposition === undefined) return malformed('a part has no Content-Disposition');
  if (repeats(disposition)) return malformed('a Content-Disposition says something twice');
  let name: string | undefined;
  let filename: string | undefined;
  try {
    const parsed = parseDisposition(utf8(disposition), { multipart: true });
    if (parsed.type !== 'form-data') return malformed('a part is not form-data');
    ({ name, filename } = parsed.parameters);
  } catch {
    return malformed('a Content-Disposition cannot be read');
  }
  if (name === undefined || name.length > limits.formNameBytes) return malformed('a part has no usable name');
  const contentType = header['content-type']?.[0];
  return { name, filename, contentType: contentType === undefined ? undefined : utf8(contentType), body };
}

// Two readers might choose differently between two names.
function repeats(disposition: string): boolean {
  const unquoted = disposition.replace(/"[^"]*"?/g, '');
  return /;\s*(name|filename)\s*=[^]*;\s*\1\s*=/i.test(unquoted);
}

// The parser hands headers over byte by byte, as Latin-1; browsers send UTF-8.
function utf8(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8');
}

function malformed(why: string): AppError {
  return new AppError('bad_request', `The form cannot be read: ${why}.`);
}

function ignore(): void {
  // Errors of a part reach its reader through `FormReader.next` or the body's own iterator.
}
