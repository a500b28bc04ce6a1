import { AppError } from '@proofhouse/core';

/** Decodes JSON text. Throws `invalid_request` if it is not UTF-8, the only encoding of JSON (RFC 8259, section 8.1). */
export function utf8Text(bytes: Uint8Array, source: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw notUtf8(source, error);
  }
}

/** Decodes a stream of bytes as `utf8Text` does. Yields its text in pieces. */
export async function* utf8Pieces(pieces: AsyncIterable<unknown>, source: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const decode = (piece: Uint8Array, stream: boolean): string => {
    try {
      return decoder.decode(piece, { stream });
    } catch (error) {
      throw notUtf8(source, error);
    }
  };
  for await (const piece of pieces) yield decode(piece as Uint8Array, true);
  yield decode(new Uint8Array(), false);
}

function notUtf8(source: string, cause: unknown): AppError {
  return new AppError('invalid_request', `${source} is not UTF-8.`, { cause });
}
