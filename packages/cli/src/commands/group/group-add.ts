import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { experimentCommand, experimentOf } from '../../experiment-command.ts';
import { ofGroup } from '../../output/explain-error.ts';
import { memberIdsText, warnOfNames } from '../../input/member-ids.ts';
import { membersText } from '../../output/members-text.ts';
import { printResult } from '../../output/print-result.ts';

export function groupAdd(command: Command, context: CommandContext) {
  return experimentCommand(command)
    .argument('<groupId>', 'grp_…, or admins or orchestrators')
    .argument('<memberId>', memberIdsText)
    .addHelpText('after', '\nExample: proofhouse group add admins wkr_01jd7v6m5x0000000000000000')
    .action(async (groupId, memberId, options) => {
      warnOfNames(context, [memberId], options);
      const edited = await ofGroup(options, experimentOf(options).addGroupMember(groupId, memberId));
      printResult(context, options.json === true, edited, () => membersText(edited));
    });
}
