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
  /** Content type of the part. Default: the type of a Blob, else application/octet-stream. Null: the part has none. */
  readonly contentType?: string | null | undefined;
  /** Default: the name of a File; may be empty. */
  readonly filename?: string | undefined;
  /** Size of a stream, when known: the server can refuse a file that is too large before reading it. */
  readonly sizeBytes?: number | undefined;
  /** Text parts, sent before the file. */
  readonly fields?: Readonly<Record<string, string>> | undefined;
  /** Restarts from 0 when a try is repeated. Called for streams only. */
  readonly onProgress?: ((sentBytes: number) => void) | undefined;
}

/**
 * A form with one file (RFC 7578), encoded here instead of by `FormData`: streams are not buffered, and the boundary is
 * known outside the body, so that no default header can replace it.
 */
export class FileForm {
  readonly contentType: string;
  /** Whether it can be sent again. */
  readonly replayable: boolean;
  /** Of the file, when it is known. */
  readonly fileBytes: number | undefined;
  readonly #file: FormFile;
  readonly #head: Uint8Array<ArrayBuffer>;
  readonly #tail: Uint8Array<ArrayBuffer>;

  /** Errors: `invalid_request` when a header cannot carry the content type. */
  constructor(field: string, file: FormFile) {
    // Random, so that bytes from another source cannot contain the boundary and end the part.
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

  /** Of the whole body, when it is known. */
  get sizeBytes(): number | undefined {
    return this.fileBytes === undefined ? undefined : this.#head.length + this.fileBytes + this.#tail.length;
  }

  /** The body for `fetch`. Bytes in memory are sent as a Blob, since not every browser can send streams. */
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

/** Encodes text inside the quotes of a form's header (WHATWG HTML, multipart/form-data encoding). */
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
