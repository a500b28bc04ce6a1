import { once } from 'node:events';
import type { Command } from '@commander-js/extra-typings';
import type { MaskingReceipt } from '@proofhouse/core';
import type { SecretMask } from '@proofhouse/client/masking';
import type { CommandContext } from '../../command-context.ts';
import { maskOf } from '../../input/masking-of.ts';
import { collect } from '../../input/option-values.ts';
import { countsText, warnOfShortValues } from '../../output/masking-text.ts';
import { printable } from '../../output/printable.ts';

const explanation = `
Replaces secrets by ***MASKED***, while the input arrives: values of environment variables whose names contain PASSWORD,
TOKEN, SECRET, API_KEY and the like, passwords of URLs in variables, values that \`proofhouse mask add\` added in the command
of a job, and secrets of known formats. All other bytes are written unchanged, also those that are not text.
What was masked is printed on standard error: how often which rule or variable, never a value. The exit code is 0 whether or
not anything was masked.

Example: npm test 2>&1 | proofhouse mask filter > test.log
         proofhouse mask filter --secret-file /run/secrets/database < dump.sql`;

export function maskFilter(command: Command, context: CommandContext) {
  return command
    .option('--secret-file <file>', 'a file whose whole content is a secret (repeatable)', collect)
    .option('--secret-name <glob>', 'more variables that hold secrets, such as "*_PASS" (repeatable)', collect)
    .option('--json', 'print what was masked as JSON')
    .addHelpText('after', explanation)
    .action(async ({ json = false, ...flags }) => {
      const mask = await maskOf(context, flags);
      const receipt = await filter(context, mask);
      if (json) {
        context.stderr.write(`${JSON.stringify({ ...receipt, tooShort: mask.tooShort })}\n`);
        return;
      }
      warnOfShortValues(context, mask);
      const counts = countsText(receipt);
      context.stderr.write(`proofhouse: ${printable(counts === '' ? 'Nothing was masked.' : `Masked: ${counts}`)}\n`);
    });
}

async function filter(context: CommandContext, mask: SecretMask): Promise<MaskingReceipt> {
  const stream = mask.stream();
  const write = async (bytes: Uint8Array): Promise<void> => {
    if (bytes.length > 0 && !context.stdout.write(bytes)) await once(context.stdout, 'drain');
  };
  for await (const piece of context.stdin) await write(stream.write(piece as Uint8Array));
  await write(stream.end());
  return stream.receipt;
}
