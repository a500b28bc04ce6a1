import type { Content } from './scan-content.ts';

export function contentOfBytes(bytes: Uint8Array): Content {
  async function* readRange(from: number, to: number): AsyncGenerator<Uint8Array, void, undefined> {
    if (to > from) yield bytes.subarray(from, to);
  }
  const sizeBytes = bytes.length;
  return { read: () => readRange(0, sizeBytes), random: { sizeBytes, readRange } };
}
