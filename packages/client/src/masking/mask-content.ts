import { createHash } from 'node:crypto';
import { AppError, digestOf, isAppError, MaskingStream, type MaskingReceipt } from '@proofhouse/core';
import { contentKindOf, kindBytes } from './content-kind.ts';
import { EmbeddedArchives } from './archives/embedded-archives.ts';
import { PieceReader } from './archives/piece-reader.ts';
import type { ScanLimits } from './archives/scan-limits.ts';
import { endsAsZip, scanContent, type Content } from './scan-content.ts';
import type { SecretMask } from './secret-mask.ts';

/**
 * What may be done with a content. `text` is masked. `exact` is scanned for secrets and must not be changed. For
 * `detect`, the default, the bytes of the content decide.
 */
export type ContentUse = 'text' | 'exact' | 'detect';

export interface MaskContentOptions {
  /** The mask for secrets. Undefined if nothing is changed and nothing is scanned. */
  readonly mask: SecretMask | undefined;
  /** True if contents that are not text are not scanned. */
  readonly allowBinary: boolean;
  /** Folder for temporary files. */
  readonly scratch: string;
  readonly signal: AbortSignal;
  readonly limits?: ScanLimits | undefined;
}

/** A content after masking or scanning, with its size and digest. */
export interface MaskedContent {
  /** Yields the same bytes at each call. Values that are added to the mask between two calls change nothing. */
  read(): AsyncIterable<Uint8Array>;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly receipt: MaskingReceipt;
  /** One line for each part of the content that was not scanned. */
  readonly unscanned: readonly string[];
}

/**
 * Reads a content once. Masks a text, and scans any other content. Throws `secret_found` if a content that is not text
 * has a secret. Throws another error if masking or scanning fails. After any error, the content must not be sent.
 */
export async function maskContent(
  content: Content,
  use: ContentUse,
  options: MaskContentOptions,
): Promise<MaskedContent> {
  const { mask, allowBinary, scratch, limits, signal } = options;
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const seen = (piece: Uint8Array): void => {
    signal.throwIfAborted();
    hash.update(piece);
    sizeBytes += piece.length;
  };
  const measured = (
    read: () => AsyncIterable<Uint8Array>,
    receipt = nothingMasked,
    unscanned: readonly string[] = [],
  ) => ({
    read,
    digest: digestOf(hash.digest('hex')),
    sizeBytes,
    receipt,
    unscanned,
  });
  const read = () => content.read();
  const isText = use === 'text' || (use === 'detect' && (await isTextOnly(content)));
  if (mask !== undefined && isText) {
    const set = mask.set();
    const stream = new MaskingStream(set);
    const archives = new EmbeddedArchives();
    for await (const piece of maskedPieces(stream, tapped(read(), archives))) seen(piece);
    return measured(() => maskedPieces(new MaskingStream(set), read()), stream.receipt, linesOf(archives));
  }
  if (mask !== undefined && !allowBinary) {
    const unscanned = await scanContent(content, { mask, seen, scratch, limits }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw notScanned(error);
    });
    return measured(read, nothingMasked, unscanned);
  }
  for await (const piece of read()) seen(piece);
  return measured(read);
}

const nothingMasked: MaskingReceipt = { masked: [] };

async function* maskedPieces(
  stream: MaskingStream,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of pieces) {
    const masked = stream.write(piece);
    if (masked.length > 0) yield masked;
  }
  const rest = stream.end();
  if (rest.length > 0) yield rest;
}

async function* tapped(pieces: AsyncIterable<Uint8Array>, archives: EmbeddedArchives): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    archives.write(piece);
    yield piece;
  }
}

/** Returns a line about compressed data in a text, as in a script that unpacks itself. */
function linesOf({ found }: EmbeddedArchives): readonly string[] {
  if (found === undefined) return [];
  return [`it has ${found.format} data at byte ${found.offset} that was not scanned for secrets`];
}

/** Also returns false for a text that ends as a zip archive, because masking would damage the archive. */
async function isTextOnly(content: Content): Promise<boolean> {
  const reader = new PieceReader(content.read());
  try {
    if (contentKindOf(await reader.peek(kindBytes)) !== 'text') return false;
  } finally {
    await reader.close();
  }
  return content.random === undefined || !(await endsAsZip(content.random));
}

const hint = ' (`--allow-binary` deposits it unscanned)';

function notScanned(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const message = isAppError(error, 'secret_found')
    ? error.message
    : `it cannot be scanned for secrets: ${error.message}`;
  // A system error has a code, such as ENOSPC. The caller needs the code to decide whether another attempt may succeed.
  if (!isAppError(error) && !('syscall' in error)) {
    return new AppError('invalid_request', `${message}${hint}`, { cause: error });
  }
  error.message = `${message}${hint}`;
  return error;
}
