import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { foldersOf, maxNamePartBytes } from '@proofhouse/core';

/**
 * First path components of artifact names that only the worker may use: its log, its diffs, the segments of a live log.
 */
const workersOwn = ['log.log', 'diff.diff', 'diffs.json', 'diffs', '.log'];
/** First path component of the artifact name of an output file whose own name is reserved for the worker. */
const besideOwn = 'files';
/**
 * Longest file name in bytes that is stored in the metadata, which is limited to 4 KiB. For a longer name only its
 * sha256 is stored.
 */
const maxNameBytesShown = 1024;

/** The artifact name for a file of the output folder. */
export interface ArtifactName {
  readonly name: string;
  /** Metadata with the original file name. Undefined if it equals the artifact name. */
  readonly metadata: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Assigns an artifact name to each file of an output folder. The server would refuse or change some parts of a file
 * name, so they are percent-encoded: bytes that are not UTF-8, control characters, backslashes, white space at both
 * ends, `C:` at the beginning. No two files get the same artifact name. No file gets a reserved name, or a name that is
 * the folder of another artifact.
 */
export class ArtifactNames {
  readonly #files = new Set<string>();
  readonly #folders = new Set<string>();

  /** Returns the artifact name of a file. `parts` are the components of its path in the output folder, as raw bytes. */
  claim(parts: readonly Buffer[]): ArtifactName {
    const encoded = encodedName(parts);
    const [first = ''] = encoded.split('/');
    return this.#claim(parts, workersOwn.includes(first) ? `${besideOwn}/${encoded}` : encoded);
  }

  /**
   * Returns a second artifact name for a file. It is needed if an earlier attempt deposited files in a folder with the
   * first name, because the server then refuses the first name.
   */
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

// Returns candidates for the artifact name of a file. From `count` 2 on, there are two. The first has `~count` after
// the file name. The second has `~count` after the name of the first folder, because another file may have the name of
// this folder.
function numbered(name: string, count: number): string[] {
  if (count === 1) return [name];
  const [, stem = '', ending = ''] = /^(.*?[^/])(\.[^./]*)?$/s.exec(name) ?? [];
  return [`${stem}~${count}${ending}`, name.replace('/', `~${count}/`)];
}

/** Formats a path for messages. Bytes that are not UTF-8 are percent-encoded. */
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

/** Returns the bytes as text. A byte that is not UTF-8 is percent-encoded, such as `%E9`. */
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

// Truncates a path component to `maxNamePartBytes`, and appends a part of its sha256. This is needed because
// percent-encoding can make a component three times as long.
function shortened(part: string): string {
  const bytes = Buffer.from(part);
  if (bytes.length <= maxNamePartBytes) return part;
  const mark = `~${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`;
  let end = maxNamePartBytes - mark.length;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end) + mark;
}
