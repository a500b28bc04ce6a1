import path from 'node:path';
import type { Command } from '@commander-js/extra-typings';
import { AppError } from '@proofhouse/core';
import { appendToMaskFile, canMask, maxAddedBytes } from '@proofhouse/client/masking';
import type { CommandContext } from '../../command-context.ts';
import { utf8Text } from '../../input/utf8-text.ts';

const explanation = `
For the command of a job that gets a secret while it runs. The worker gives its command PROOFHOUSE_MASK_FILE, and masks the
added values in everything that it has not sent yet: the log from its beginning, diffs, output files and messages. A line end
at the end of the input is not part of the value. The exit code is 0 also if the value is too short to be masked, which is
said on standard error.

Example: vault read -field=password database/creds/app | proofhouse mask add`;

export function maskAdd(command: Command, context: CommandContext) {
  return command
    .option('--json', 'print JSON to standard output, for programs')
    .addHelpText('after', explanation)
    .action(async ({ json = false }) => {
      const file = context.env['PROOFHOUSE_MASK_FILE'];
      if (file === undefined || file === '') {
        throw new AppError(
          'invalid_request',
          'PROOFHOUSE_MASK_FILE is not set, so there is nothing to add the value to. `proofhouse work` sets it for its command, unless masking is off.',
        );
      }
      const value = await valueOf(context);
      const added = canMask(value);
      if (added) await appendToMaskFile(path.resolve(context.cwd, file), value);
      else context.stderr.write('proofhouse: The value is not masked: it is too short.\n');
      if (json) context.stdout.write(`${JSON.stringify({ added })}\n`);
    });
}

async function valueOf(context: CommandContext): Promise<string> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  for await (const piece of context.stdin) {
    pieces.push(piece as Buffer);
    sizeBytes += (piece as Buffer).length;
    if (sizeBytes > maxAddedBytes) {
      throw new AppError('invalid_request', `The value is too large: it may have ${maxAddedBytes} bytes.`);
    }
  }
  const value = utf8Text(Buffer.concat(pieces), 'The value').replace(/\r?\n$/, '');
  if (value !== '') return value;
  throw new AppError('invalid_request', 'The value is empty: give it on standard input.');
}
