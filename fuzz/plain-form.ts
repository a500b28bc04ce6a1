// A multipart body read the plainest way: all of it at once. What the streaming reader accepts must be found here too.

export interface PlainPart {
  readonly header: string;
  readonly body: Buffer;
}

/** The parts between delimiters (RFC 2046 section 5.1.1): a line that begins with `--boundary`, its CRLF before it. */
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
