import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { shownSecrets } from '@proofhouse/client/testing/secret-forms';

/**
 * Returns one line for each part of a secret in the path or the bytes of a file below the folder. Compressed files are
 * also searched after decompression.
 */
export async function shownInFiles(folder: string): Promise<string[]> {
  const shown: string[] = [];
  for (const file of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const place = path.join(file.parentPath, file.name);
    const bytes = await readFile(place);
    shown.push(...[place, ...formsOf(bytes)].flatMap(shownSecrets).map((one) => `${place}: ${one}`));
  }
  return shown;
}

function formsOf(bytes: Buffer): Buffer[] {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return [bytes, gunzipSync(bytes)];
  if (bytes.length > 3 && bytes.readUInt32LE(0) === 0xfd2fb528) return [bytes, zstdDecompressSync(bytes)];
  return [bytes];
}
