import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { experimentCommand, experimentOf } from '../../experiment-command.ts';
import { ofGroup } from '../../output/explain-error.ts';
import { printResult } from '../../output/print-result.ts';

export function groupDelete(command: Command, context: CommandContext) {
  return experimentCommand(command)
    .argument('<groupId>', 'grp_…')
    .addHelpText('after', '\nExample: proofhouse group delete grp_01jd7v6m5x0000000000000000')
    .action(async (groupId, options) => {
      await ofGroup(options, experimentOf(options).deleteGroup(groupId));
      printResult(context, options.json === true, { groupId, deleted: true }, () => `Group ${groupId} is deleted.\n`);
    });
}
