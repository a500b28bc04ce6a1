import { AppError, defaultContentType } from '@proofhouse/core';
import {
  isReplayable,
  isWhole,
  openBody,
  piecesOf,
  sizeOf,
  type BodyHooks,
  type ByteSource,
  type StreamSource,
} from './transport/byte-source.ts';
import { unguessable } from './transport/random.ts';

export interface FormFile {
  readonly bytes: ByteSource;
  /** Content type of the file part. Default: the type of a Blob, else application/octet-stream. Null: no content type. */
  readonly contentType?: string | null | undefined;
  /** File name in the file part. It may be empty. Default: the name of a File, else empty. */
  readonly filename?: string | undefined;
  /**
   * Size of a stream in bytes, if known. With it, the server can refuse a file that is too large before it reads any
   * byte.
   */
  readonly sizeBytes?: number | undefined;
  /** Names and values of the text parts. They are sent before the file part. */
  readonly fields?: Readonly<Record<string, string>> | undefined;
  /**
   * Called for streams only, with the number of bytes sent so far. If the call is retried, the number starts again at
   * 0.
   */
  readonly onProgress?: ((sentBytes: number) => void) | undefined;
}

/**
 * A form with one file (RFC 7578). `FormData` is not used, for two reasons: it would buffer streams, and its boundary
 * is not known before the request. This class sets the content-type header itself, so that a default header cannot
 * replace the boundary.
 */
export class FileForm {
  readonly contentType: string;
  /** True if the form can be sent again. False if the file is a stream object, which can be sent only once. */
  readonly replayable: boolean;
  /** Size of the file in bytes, if known. */
  readonly fileBytes: number | undefined;
  readonly #file: FormFile;
  readonly #head: Uint8Array<ArrayBuffer>;
  readonly #tail: Uint8Array<ArrayBuffer>;

  /** Throws `invalid_request` if the content type has characters that a header must not contain. */
  constructor(field: string, file: FormFile) {
    // The boundary is random, so that nobody can create a file that contains it. If a file contained the boundary, the
    // server would read it as the end of the file.
    const boundary = `proofhouse-${unguessable()}`;
    const fields = Object.entries(file.fields ?? {}).flatMap(([name, value]) => [
      `--${boundary}`,
      `Content-Disposition: form-data; name="${quoted(name)}"`,
      '',
      value,
    ]);
    const lines = [
      ...fields,
      `--${boundary}`,
      `Content-Disposition: form-data; name="${quoted(field)}"; filename="${quoted(filenameOf(file))}"`,
      ...(file.contentType === null ? [] : [`Content-Type: ${contentTypeOf(file)}`]),
    ];
    this.contentType = `multipart/form-data; boundary=${boundary}`;
    this.replayable = isReplayable(file.bytes);
    this.fileBytes = sizeOf(file.bytes) ?? file.sizeBytes;
    this.#file = file;
    this.#head = new TextEncoder().encode(`${lines.join('\r\n')}\r\n\r\n`);
    this.#tail = new TextEncoder().encode(`\r\n--${boundary}--\r\n`);
  }

  /** Size of the whole form in bytes, if known. */
  get sizeBytes(): number | undefined {
    return this.fileBytes === undefined ? undefined : this.#head.length + this.fileBytes + this.#tail.length;
  }

  /** Returns the body for `fetch`. Bytes in memory become a Blob, because not every browser can send streams. */
  async open(hooks: BodyHooks): Promise<BodyInit> {
    const { bytes } = this.#file;
    if (isWhole(bytes)) return new Blob([this.#head, bytes as BlobPart, this.#tail]);
    return openBody(() => this.#pieces(bytes), hooks);
  }

  async *#pieces(bytes: StreamSource): AsyncGenerator<Uint8Array, void, undefined> {
    const { sizeBytes, onProgress } = this.#file;
    let sent = 0;
    yield this.#head;
    for await (const piece of piecesOf(bytes)) {
      sent += piece.byteLength;
      if (sizeBytes !== undefined && sent > sizeBytes) throw otherSize(sizeBytes);
      onProgress?.(sent);
      yield piece;
    }
    if (sizeBytes !== undefined && sent !== sizeBytes) throw otherSize(sizeBytes);
    yield this.#tail;
  }
}

/** Escapes a name for the quotes of a Content-Disposition header (WHATWG HTML, multipart/form-data encoding). */
function quoted(text: string): string {
  return text.replaceAll('\n', '%0A').replaceAll('\r', '%0D').replaceAll('"', '%22');
}

function filenameOf({ bytes, filename }: FormFile): string {
  if (filename !== undefined) return filename;
  return typeof File !== 'undefined' && bytes instanceof File ? bytes.name : '';
}

function contentTypeOf({ bytes, contentType }: FormFile): string {
  const type = contentType ?? (bytes instanceof Blob ? bytes.type : '');
  if (type.trim() === '') return defaultContentType;
  if (/^[\x20-\x7e]+$/.test(type)) return type;
  throw new AppError('invalid_request', 'The content type has characters that a header cannot carry.', {
    errors: [{ path: 'contentType', message: 'must be printable ASCII' }],
  });
}

function otherSize(sizeBytes: number): AppError {
  return new AppError(
    'invalid_request',
    `The stream does not have the ${String(sizeBytes)} bytes that were announced.`,
    {
      errors: [{ path: 'sizeBytes', message: 'must be the size of the stream' }],
    },
  );
}
