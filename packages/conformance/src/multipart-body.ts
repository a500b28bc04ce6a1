/** One part of a form. Left-out fields are left out on the wire, so that a form can be as wrong as it likes. */
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

/** A multipart/form-data body, written here so that no library repairs it (RFC 7578). */
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

/** The form of a right deposit. */
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
