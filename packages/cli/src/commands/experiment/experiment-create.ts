import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { printResult } from '../../output/print-result.ts';

export function experimentCreate(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .option('--id <id>', 'exp_ and 26 characters of lower-case base32 (minted when left out)')
    .option('--name <name>', 'what people see')
    .addHelpText('after', '\nExample: proofhouse experiment create --name nightly')
    .action(async ({ id, name, ...options }) => {
      const made = await clientOf(options).experiments.create({ experimentId: id, name });
      printResult(context, options.json === true, made, () =>
        [
          `Experiment ${made.experimentId} is made.`,
          `Next: export PROOFHOUSE_EXPERIMENT=${made.experimentId}`,
          '      proofhouse worker register --name <name>',
          '',
        ].join('\n'),
      );
    });
}
