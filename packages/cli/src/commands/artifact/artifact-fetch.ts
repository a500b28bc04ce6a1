import type { Command } from '@commander-js/extra-typings';
import { isAppError } from '@proofhouse/core';
import { callerOf } from '../../caller.ts';
import type { CommandContext } from '../../command-context.ts';
import { experimentCommand, experimentOf } from '../../experiment-command.ts';
import { about } from '../../output/explain-error.ts';
import { keepDownload } from '../../transfer/keep-download.ts';

export function artifactFetch(command: Command, context: CommandContext) {
  return experimentCommand(command)
    .argument('<uri>', 'whole, as the deposit printed it')
    .option('-o, --output <file>', 'a file or folder to save to, or - for standard output (its own name, here)')
    .option('--force', 'replace an existing file')
    .addHelpText(
      'after',
      '\nExample: proofhouse artifact fetch proofhouse://artifacts/a6crfhf7vprfirub6ges5wxg4rxdicpy --experiment exp_01jd7v6m5x0000000000000000 -o report.json',
    )
    .action(async (uri, options) => {
      const { output, force, json } = options;
      const experiment = experimentOf(options);
      try {
        const download = await experiment.fetch(uri, { signal: context.signal() });
        await keepDownload(context, download, { output, force, json, name: 'artifact', about: { uri } });
      } catch (error) {
        throw about(`${uri} in ${options.experiment}`, error, nextStep(error, uri, options.token));
      }
    });
}

function nextStep(error: unknown, uri: string, token: string | undefined): string {
  if (!isAppError(error, 'forbidden')) return '';
  return `whoever deposited it runs: proofhouse artifact grant ${uri} ${callerOf(token) ?? '<your id>'}`;
}
