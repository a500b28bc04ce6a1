/** One part of a multipart form. */
export interface FormPart {
  readonly name: string;
  readonly value: string | Buffer;
  readonly filename?: string;
  readonly contentType?: string;
}

export const boundary = 'a-boundary-of-the-tests';
export const formType = `multipart/form-data; boundary=${boundary}`;

/** Returns a multipart/form-data body. A part with a filename, or with the name `file`, is a file. */
export function formBody(parts: readonly FormPart[]): Buffer {
  const chunks = parts.flatMap((part) => {
    const isFile = part.filename !== undefined || part.name === 'file';
    const filename = isFile ? `; filename="${part.filename ?? 'file.bin'}"` : '';
    const type = part.contentType === undefined ? '' : `Content-Type: ${part.contentType}\r\n`;
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${part.name}"${filename}\r\n${type}\r\n`;
    return [Buffer.from(head), Buffer.from(part.value), Buffer.from('\r\n')];
  });
  return Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)]);
}

/** Returns the parts of a form in the order in which most clients send them: the text fields, then the file. */
export function fieldsAndFile(fields: Readonly<Record<string, string>>, file: string | Buffer = 'bytes'): FormPart[] {
  return [...Object.entries(fields).map(([name, value]) => ({ name, value })), { name: 'file', value: file }];
}
