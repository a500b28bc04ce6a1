/** One part of a multipart form. A field that is missing here is not sent. So tests can build incorrect forms. */
export interface Part {
  readonly name?: string;
  readonly filename?: string;
  readonly contentType?: string;
  readonly value: string | Uint8Array;
}

export interface Form {
  readonly contentType: string;
  readonly body: Buffer;
}

const boundary = 'conformance-boundary-7d1f0c';

/**
 * Builds a multipart/form-data body (RFC 7578). No library is used, because a library would correct the errors of
 * incorrect parts.
 */
export function multipart(parts: readonly Part[]): Form {
  const chunks = parts.flatMap((part) => [
    Buffer.from(`--${boundary}\r\n${headOf(part)}\r\n`),
    Buffer.from(part.value),
    Buffer.from('\r\n'),
  ]);
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    body: Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)]),
  };
}

/** Returns the form of a correct deposit: one part named `file`. */
export function depositForm(
  bytes: string | Uint8Array,
  options: { filename?: string; contentType?: string } = {},
): Form {
  return multipart([{ name: 'file', filename: 'part.bin', value: bytes, ...options }]);
}

function headOf(part: Part): string {
  const name = part.name === undefined ? '' : `; name="${part.name}"`;
  const filename = part.filename === undefined ? '' : `; filename="${part.filename}"`;
  const type = part.contentType === undefined ? '' : `Content-Type: ${part.contentType}\r\n`;
  return `Content-Disposition: form-data${name}${filename}\r\n${type}`;
}
