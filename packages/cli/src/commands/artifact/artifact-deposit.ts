import type { Command } from '@commander-js/extra-typings';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ByteSource } from '@proofhouse/client';
import { maskContent } from '@proofhouse/client/masking';
import { requireCleanName } from '@proofhouse/client/worker';
import type { CommandContext } from '../../command-context.ts';
import { experimentCommand, experimentOf } from '../../experiment-command.ts';
import { masksExplained, maskingOf } from '../../input/masking-of.ts';
import { collect } from '../../input/option-values.ts';
import { about } from '../../output/explain-error.ts';
import { printMasking, warnOfShortValues } from '../../output/masking-text.ts';
import { printResult } from '../../output/print-result.ts';
import { printable } from '../../output/printable.ts';
import { transferProgress } from '../../output/transfer-progress.ts';
import { withContent } from '../../transfer/with-content.ts';

const example =
  'Example: proofhouse artifact deposit report.json --experiment exp_01jd7v6m5x0000000000000000 --content-type application/json';

export function artifactDeposit(command: Command, context: CommandContext) {
  return experimentCommand(command)
    .argument('<file>', 'a file, or - for standard input')
    .option('--content-type <type>', 'what it is (application/octet-stream)')
    .option('--filename <name>', "what it is called where it is fetched (the file's own name)")
    .option('--idempotency-key <key>', 'the same key and bytes make one deposit, however often they are sent')
    .option('--no-mask', 'send secrets in clear')
    .option('--secret-file <file>', 'a file whose whole content is a secret (repeatable)', collect)
    .option('--secret-name <glob>', 'more variables that hold secrets, such as "*_PASS" (repeatable)', collect)
    .option('--allow-binary', 'send binary files and archives without a scan for secrets')
    .addHelpText('after', `${masksExplained}\n\n${example}`)
    .action(async (file, { filename = file === '-' ? '' : path.basename(file), ...options }) => {
      const experiment = experimentOf(options);
      const masking = await maskingOf(context, options);
      warnOfShortValues(context, masking.mask);
      const shown = (text: string): string => masking.mask?.text(text) ?? text;
      const label = file === '-' ? 'standard input' : shown(file);
      const progress = transferProgress(context, printable(path.basename(label)), options.json === true);
      const { idempotencyKey } = options;
      const contentType = options.contentType && shown(options.contentType);
      const call = { contentType, filename, idempotencyKey, signal: context.signal() };
      const send = (bytes: ByteSource, sizeBytes?: number) =>
        experiment.deposit(bytes, {
          ...call,
          sizeBytes,
          onProgress: (sent) => progress.update(sent, sizeBytes ?? sent),
        });
      try {
        const deposit =
          file === '-' && masking.mask === undefined
            ? await send(context.stdin)
            : await withContent(context, file, async (content) => {
                requireCleanName(filename, masking.mask);
                const { mask, allowBinary = false } = masking;
                const scanning = { mask, allowBinary, scratch: tmpdir(), signal: call.signal };
                const masked = await maskContent(content, 'detect', scanning);
                const { sizeBytes } = masked;
                const answer = await send(sizeBytes === 0 ? new Uint8Array() : () => masked.read(), sizeBytes);
                printMasking(context, options.json === true, filename || label, masked);
                return answer;
              });
        printResult(context, options.json === true, deposit, () => `${printable(deposit.artifacts_uri)}\n`);
      } catch (error) {
        throw file === '' ? error : about(label, error);
      } finally {
        progress.end();
      }
    });
}
