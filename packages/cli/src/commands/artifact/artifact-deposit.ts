import type { Command } from '@commander-js/extra-typings';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '@proofhouse/core';
import type { ByteSource } from '@proofhouse/client';
import type { CommandContext } from '../../command-context.ts';
import { experimentCommand, experimentOf } from '../../experiment-command.ts';
import { about } from '../../output/explain-error.ts';
import { printResult } from '../../output/print-result.ts';
import { printable } from '../../output/printable.ts';
import { transferProgress } from '../../output/transfer-progress.ts';

const pieceBytes = 256 * 1024;

export function artifactDeposit(command: Command, context: CommandContext) {
  return experimentCommand(command)
    .argument('<file>', 'a file, or - for standard input')
    .option('--content-type <type>', 'what it is (application/octet-stream)')
    .option('--filename <name>', "what it is called where it is fetched (the file's own name)")
    .option('--idempotency-key <key>', 'the same key and bytes make one deposit, however often they are sent')
    .addHelpText(
      'after',
      '\nExample: proofhouse artifact deposit report.json --experiment exp_01jd7v6m5x0000000000000000 --content-type application/json',
    )
    .action(async (file, options) => {
      const { contentType, filename, idempotencyKey } = options;
      const experiment = experimentOf(options);
      const source = await sourceOf(context, file);
      const progress = transferProgress(context, printable(path.basename(file)), options.json === true);
      try {
        const deposit = await experiment.deposit(source.bytes, {
          contentType,
          filename: filename ?? source.filename,
          sizeBytes: source.sizeBytes,
          idempotencyKey,
          signal: context.signal(),
          onProgress: (sent) => progress.update(sent, source.sizeBytes ?? sent),
        });
        printResult(context, options.json === true, deposit, () => `${printable(deposit.artifacts_uri)}\n`);
      } catch (error) {
        throw about(file === '-' ? 'standard input' : file, error);
      } finally {
        progress.end();
      }
    });
}

interface Source {
  readonly bytes: ByteSource;
  readonly filename: string;
  readonly sizeBytes?: number;
}

async function sourceOf(context: CommandContext, file: string): Promise<Source> {
  if (file === '') throw new AppError('invalid_request', 'The path is empty: name a file, or - for standard input.');
  if (file === '-') return { bytes: context.stdin, filename: '' };
  const place = path.resolve(context.cwd, file);
  const found = await stat(place);
  if (!found.isFile())
    throw new AppError('invalid_request', `${file} is not a regular file: only files can be deposited.`);
  // The size is declared before the first byte is sent. Bytes that are appended to the file during the upload are not sent.
  const { size } = found;
  const open = () => createReadStream(place, { end: size - 1, highWaterMark: pieceBytes });
  return { bytes: size === 0 ? new Uint8Array() : open, filename: path.basename(place), sizeBytes: size };
}
