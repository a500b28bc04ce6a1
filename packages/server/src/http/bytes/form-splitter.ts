import { AppError } from '@proofhouse/core';
import { limits } from '../limits.ts';

/** One piece of a form. Each part is one `headers` piece, then any number of `bytes` pieces, then one `end` piece. */
export type FormPiece =
  | { readonly kind: 'headers'; readonly block: Buffer }
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'end' };

type State = 'preamble' | 'delimiter' | 'headers' | 'body' | 'epilogue';

const carriageReturn = 0x0d;
const dash = 0x2d;
const lineEnd = Buffer.from('\r\n');
const headersEnd = Buffer.from('\r\n\r\n');

/**
 * Splits a multipart body (RFC 2046 section 5.1) into its parts. The result does not depend on how the body is divided into
 * chunks. Between two chunks the splitter buffers at most one delimiter or `limits.formHeaderBytes`.
 */
export class FormSplitter {
  readonly #delimiter: Buffer;
  #state: State = 'preamble';
  // The bytes that are kept for the next chunk. At first this is a line break. Every delimiter follows a line break,
  // but the first delimiter of a form need not.
  #pending: Buffer = lineEnd;
  // Number of bytes to skip before the body of a part begins. They are the line break that ends the headers. 0 after it
  // was skipped.
  #skipped = 0;

  constructor(boundary: string) {
    this.#delimiter = Buffer.from(`\r\n--${boundary}`);
  }

  /** True if the closing boundary was read. */
  get closed(): boolean {
    return this.#state === 'epilogue';
  }

  /** Yields the pieces that the next chunk of the body completes. Errors: `bad_request`. */
  *push(chunk: Buffer): Generator<FormPiece, void, undefined> {
    let rest: Buffer | undefined = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = Buffer.alloc(0);
    while (rest !== undefined && rest.length > 0) {
      if (this.#state === 'epilogue') return;
      if (this.#state === 'delimiter') rest = this.#afterDelimiter(rest);
      else if (this.#state === 'headers') rest = yield* this.#headers(rest);
      else rest = yield* this.#upToDelimiter(rest);
    }
  }

  /** Keeps bytes for the next call of `push`, because their meaning depends on the next chunk. */
  #hold(rest: Buffer): void {
    this.#pending = rest;
  }

  #afterDelimiter(rest: Buffer): Buffer | undefined {
    if (rest[0] !== dash) {
      this.#state = 'headers';
      return rest;
    }
    if (rest.length === 1) {
      this.#hold(rest);
      return undefined;
    }
    // The body of a part must not contain a line that begins with the boundary (RFC 2046 section 5.1).
    if (rest[1] !== dash) throw malformedForm('a line begins with half of its closing boundary');
    this.#state = 'epilogue';
    return undefined;
  }

  *#headers(rest: Buffer): Generator<FormPiece, Buffer | undefined, undefined> {
    const most = limits.formHeaderBytes + headersEnd.length;
    const head = rest.subarray(0, most);
    const end = head.indexOf(headersEnd);
    const delimiterAt = head.indexOf(this.#delimiter);
    if (delimiterAt !== -1 && (end === -1 || delimiterAt < end)) throw headersIncomplete();
    if (end === -1) {
      if (rest.length >= most) throw malformedForm('the headers of a part are too long');
      this.#hold(rest);
      return undefined;
    }
    this.#state = 'body';
    // The line break that ends the headers is parsed again as part of the body. If the body is empty, the delimiter
    // after it begins with this line break.
    this.#skipped = lineEnd.length;
    yield { kind: 'headers', block: rest.subarray(0, end) };
    return rest.subarray(end + headersEnd.length - lineEnd.length);
  }

  *#upToDelimiter(rest: Buffer): Generator<FormPiece, Buffer | undefined, undefined> {
    const found = rest.indexOf(this.#delimiter);
    const end = found === -1 ? this.#partialDelimiter(rest) : found;
    if (this.#state === 'body') {
      if (found !== -1 && found < this.#skipped) throw headersIncomplete();
      const bytes = rest.subarray(this.#skipped, end);
      if (end > 0) this.#skipped = 0;
      if (bytes.length > 0) yield { kind: 'bytes', bytes };
      if (found !== -1) yield { kind: 'end' };
    }
    if (found === -1) {
      this.#hold(rest.subarray(end));
      return undefined;
    }
    this.#state = 'delimiter';
    const after = rest.subarray(found + this.#delimiter.length);
    return after.length === 0 ? undefined : after;
  }

  /**
   * Returns the index in `rest` at which the beginning of a delimiter may start, or the length of `rest` if there is
   * none.
   */
  #partialDelimiter(rest: Buffer): number {
    const from = Math.max(0, rest.length - this.#delimiter.length + 1);
    for (let at = rest.indexOf(carriageReturn, from); at !== -1; at = rest.indexOf(carriageReturn, at + 1)) {
      if (rest.subarray(at).equals(this.#delimiter.subarray(0, rest.length - at))) return at;
    }
    return rest.length;
  }
}

export function malformedForm(why: string): AppError {
  return new AppError('bad_request', `The form cannot be read: ${why}.`);
}

function headersIncomplete(): AppError {
  return malformedForm('a part has no complete headers');
}
