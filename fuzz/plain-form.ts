// A simple parser for a complete multipart body. The streaming reader is compared with it. It must accept everything
// that the streaming reader accepts.

export interface PlainPart {
  readonly header: string;
  readonly body: Buffer;
}

/**
 * Returns the parts between the delimiters. A delimiter is `--boundary` at the start of a line, with the CRLF before it
 * (RFC 2046 section 5.1.1).
 */
export function plainParts(form: Buffer, boundary: string): PlainPart[] {
  const text = form.toString('latin1');
  const delimiter = `\r\n--${boundary}`;
  const pieces = `\r\n${text}`.split(delimiter).slice(1);
  const end = pieces.findIndex((piece) => piece.startsWith('--'));
  return pieces.slice(0, end === -1 ? pieces.length : end).map((piece) => {
    const afterLine = piece.indexOf('\r\n');
    const headerEnd = piece.indexOf('\r\n\r\n', afterLine);
    return {
      header: piece.slice(afterLine + 2, headerEnd),
      body: Buffer.from(piece.slice(headerEnd + 4), 'latin1'),
    };
  });
}
