/**
 * Reads the body of a response as text, at most `maxBytes` bytes. Bytes are counted after decompression, so neither an
 * endless body nor a highly compressed one can fill the memory. If the body is longer, `whole` is false and the rest is
 * not read.
 */
export async function boundedText(
  { body }: Response,
  maxBytes: number,
): Promise<{ readonly text: string; readonly whole: boolean }> {
  if (body === null) return { text: '', whole: true };
  const decoder = new TextDecoder();
  const reader = body.getReader();
  const pieces: string[] = [];
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { text: pieces.join('') + decoder.decode(), whole: true };
      bytes += value.length;
      if (bytes > maxBytes) return { text: pieces.join(''), whole: false };
      pieces.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    // Closes the connection if the body was not read to its end.
    reader.cancel().catch(() => undefined);
  }
}
