/** One part of a parsed multipart form. */
export interface FormPart {
  readonly name: string | undefined;
  readonly isUpload: boolean;
  readonly contentType: string;
  readonly bytes: Buffer;
}

/**
 * Parses a multipart body. Returns undefined if it is malformed. The parser is simple and strict, because tests have
 * small bodies.
 */
export function formParts(contentType: string, body: Buffer): FormPart[] | undefined {
  const boundary = /^multipart\/form-data; boundary="?([^"]+)"?$/i.exec(contentType)?.[1];
  if (boundary === undefined) return undefined;
  const text = body.toString('latin1').replace(/--$/, '--\r\n');
  if (text === `--${boundary}--\r\n`) return [];
  if (!text.startsWith(`--${boundary}\r\n`) || !text.endsWith(`\r\n--${boundary}--\r\n`)) return undefined;
  const inner = text.slice(`--${boundary}\r\n`.length, -`\r\n--${boundary}--\r\n`.length);
  const parts = inner.split(`\r\n--${boundary}\r\n`).map(partOf);
  return parts.includes(undefined) ? undefined : (parts as FormPart[]);
}

function partOf(text: string): FormPart | undefined {
  const end = text.indexOf('\r\n\r\n');
  const head = text.slice(0, end);
  const disposition = /^Content-Disposition: form-data(;.*)?$/im.exec(head);
  if (end === -1 || disposition === null) return undefined;
  const parameters = disposition[1] ?? '';
  return {
    name: /; name="([^"]*)"/.exec(parameters)?.[1],
    isUpload: parameters.includes('; filename="'),
    contentType: /^Content-Type:(.*)$/im.exec(head)?.[1] ?? '',
    bytes: Buffer.from(text.slice(end + 4), 'latin1'),
  };
}
