import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { foldersOf, maxNamePartBytes } from '@proofhouse/core';

/** First components of names that are reserved for the worker: its log, its diffs, the segments of a live log. */
const workersOwn = ['log.log', 'diff.diff', 'diffs.json', 'diffs', '.log'];
/** Output files with a reserved name are put below this folder. */
const besideOwn = 'files';
/** Longer names are represented by their sha256 in the metadata, which is limited to 4 KiB. */
const maxNameBytesShown = 1024;

/** The artifact name for a file of the output folder. */
export interface ArtifactName {
  readonly name: string;
  /** Sent with the artifact when its name differs from the file name. */
  readonly metadata: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Assigns each file of an output folder a distinct artifact name. Parts that the server would refuse or change are
 * percent-encoded: bytes that are not UTF-8, control characters, backslashes, white space at the ends, `C:` at the
 * beginning. No two files get the same name, no file gets the name of a folder of another, and none gets a reserved
 * name.
 */
export class ArtifactNames {
  readonly #files = new Set<string>();
  readonly #folders = new Set<string>();

  /** Returns the artifact name. `parts` are the components of the file's path in the folder, as raw bytes. */
  claim(parts: readonly Buffer[]): ArtifactName {
    const encoded = encodedName(parts);
    const [first = ''] = encoded.split('/');
    return this.#claim(parts, workersOwn.includes(first) ? `${besideOwn}/${encoded}` : encoded);
  }

  /** Returns another name, for a name that the server already uses: a file where an earlier attempt had a folder. */
  claimBeside(parts: readonly Buffer[]): ArtifactName {
    return this.#claim(parts, `${besideOwn}/${encodedName(parts)}`);
  }

  #claim(parts: readonly Buffer[], wanted: string): ArtifactName {
    const name = this.#free(wanted);
    this.#files.add(name);
    for (const folder of foldersOf(name)) this.#folders.add(folder);
    return { name, metadata: originOf(parts, name) };
  }

  #free(wanted: string): string {
    for (let count = 1; ; count += 1) {
      const name = numbered(wanted, count).find((one) => !this.#isTaken(one));
      if (name !== undefined) return name;
    }
  }

  #isTaken(name: string): boolean {
    return this.#files.has(name) || this.#folders.has(name) || foldersOf(name).some((one) => this.#files.has(one));
  }
}

// The number is added to the first folder when the conflict is with a file of that name.
function numbered(name: string, count: number): string[] {
  if (count === 1) return [name];
  const [, stem = '', ending = ''] = /^(.*?[^/])(\.[^./]*)?$/s.exec(name) ?? [];
  return [`${stem}~${count}${ending}`, name.replace('/', `~${count}/`)];
}

/** Formats a path for messages; bytes that are not UTF-8 are percent-encoded. */
export function pathText(parts: readonly Buffer[]): string {
  return parts.map(textOf).join('/');
}

function originOf(parts: readonly Buffer[], name: string): Record<string, unknown> | undefined {
  const path = Buffer.concat(parts.flatMap((part, at) => (at === 0 ? [part] : [Buffer.from('/'), part])));
  if (path.equals(Buffer.from(name))) return undefined;
  const isEscaped = !isUtf8(path) || encodedName(parts) !== path.toString();
  if (path.length > maxNameBytesShown) {
    return { nameEscaped: isEscaped, nameSha256: createHash('sha256').update(path).digest('hex') };
  }
  return isEscaped ? { nameEscaped: true, nameBytes: path.toString('hex') } : { originalName: path.toString() };
}

function encodedName(parts: readonly Buffer[]): string {
  const name = parts.map((part) => escaped(textOf(part), /[\p{Cc}\\]/gu)).join('/');
  return escaped(escaped(name, /^\s+|\s+$/g), /(?<=^[A-Za-z]):(?=\/|$)/)
    .split('/')
    .map(shortened)
    .join('/');
}

/** Returns the bytes as text; bytes that are not UTF-8 become `%E9`. */
function textOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString();
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const length = [1, 2, 3, 4].find((count) => at + count <= bytes.length && isUtf8(bytes.subarray(at, at + count)));
    text += length === undefined ? percent(bytes.subarray(at, at + 1)) : bytes.toString('utf8', at, at + length);
    at += length ?? 1;
  }
  return text;
}

function escaped(text: string, pattern: RegExp): string {
  return text.replace(pattern, (found) => percent(Buffer.from(found)));
}

function percent(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

// Encoding can make a part three times as long.
function shortened(part: string): string {
  const bytes = Buffer.from(part);
  if (bytes.length <= maxNamePartBytes) return part;
  const mark = `~${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`;
  let end = maxNamePartBytes - mark.length;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end) + mark;
}
