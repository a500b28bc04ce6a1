import { tmpdir } from 'node:os';
import path from 'node:path';
import { addAbortSignal } from 'node:stream';
import { spooled, type Content } from '@proofhouse/client/masking';
import { EvidenceFile } from '@proofhouse/client/worker';
import { AppError } from '@proofhouse/core';
import type { CommandContext } from '../command-context.ts';

/**
 * Opens a file and calls `use` with its content. For `-`, first copies standard input to a temporary file, because a
 * content must be read more than once. A secret may be at its end, and nothing may be sent before the whole content was
 * scanned.
 */
export async function withContent<Result>(
  context: CommandContext,
  file: string,
  use: (content: Content) => Promise<Result>,
): Promise<Result> {
  if (file === '') throw new AppError('invalid_request', 'The path is empty: name a file, or - for standard input.');
  if (file === '-') {
    const pieces = addAbortSignal(context.signal(), context.stdin);
    return spooled(tmpdir(), pieces, (random) => use({ read: () => random.readRange(0, random.sizeBytes), random }));
  }
  const opened = await EvidenceFile.open(path.resolve(context.cwd, file));
  try {
    return await use({ read: () => opened.read(), random: opened });
  } finally {
    await opened.close();
  }
}
