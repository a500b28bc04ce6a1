/**
 * The text of a body up to `maxBytes`, counted after decompression, so that neither an endless answer nor a highly
 * compressed one fills the memory. `whole` is false when the body was longer; the rest is not read.
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
    // Closes the connection when bytes are left.
    reader.cancel().catch(() => undefined);
  }
}
