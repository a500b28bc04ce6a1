import { once } from 'node:events';
import path from 'node:path';
import type { Command } from '@commander-js/extra-typings';
import type { MaskingReceipt } from '@proofhouse/core';
import { MaskFile, readSecretFiles, SecretMask } from '@proofhouse/client/masking';
import type { CommandContext } from '../../command-context.ts';
import { collect } from '../../input/option-values.ts';
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
    .action(async ({ secretFile = [], secretName: names, json = false }) => {
      const files = secretFile.map((file) => path.resolve(context.cwd, file));
      const mask = new SecretMask({ env: context.env, names, values: await readSecretFiles(files) });
      const added = context.env['PROOFHOUSE_MASK_FILE'];
      if (added !== undefined && added !== '') mask.follow(new MaskFile(added));
      const receipt = await filter(context, mask);
      context.stderr.write(
        json ? `${JSON.stringify({ ...receipt, tooShort: mask.tooShort })}\n` : receiptText(receipt, mask),
      );
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

function receiptText({ masked }: MaskingReceipt, { tooShort }: SecretMask): string {
  const counts = masked.map(({ rule, count }) => `${rule} ${count}`).join(', ');
  const lines = [
    ...tooShort.map((name) => `The value of ${name} is not masked: it is too short.`),
    counts === '' ? 'Nothing was masked.' : `Masked: ${counts}`,
  ];
  return lines.map((line) => `proofhouse: ${printable(line)}\n`).join('');
}
