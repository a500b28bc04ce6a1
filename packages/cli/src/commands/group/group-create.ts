import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { experimentCommand, experimentOf } from '../../experiment-command.ts';
import { memberIdsText, warnOfNames } from '../../input/member-ids.ts';
import { collect } from '../../input/option-values.ts';
import { printResult } from '../../output/print-result.ts';

export function groupCreate(command: Command, context: CommandContext) {
  return experimentCommand(command)
    .option('--name <name>', 'what people see; names need not be unique')
    .option('--member <id>', `a worker or group in it: ${memberIdsText}; may be given several times`, collect)
    .addHelpText('after', '\nExample: proofhouse group create --name readers --member wkr_01jd7v6m5x0000000000000000')
    .action(async (options) => {
      const { name, member: members } = options;
      warnOfNames(context, members ?? [], options);
      const made = await experimentOf(options).createGroup({ name, members });
      printResult(context, options.json === true, made, () =>
        [`Group ${made.group_id} is made.`, `Next: proofhouse group add ${made.group_id} <member>`, ''].join('\n'),
      );
    });
}
