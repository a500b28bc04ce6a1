import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { printResult } from '../../output/print-result.ts';

export function userEnable(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .argument('<userId>', "the user's id, as the list shows it")
    .addHelpText('after', '\nExample: proofhouse user enable 0190b2c4-7d3e-7000-8000-000000000000')
    .action(async (userId, options) => {
      const answer = await clientOf(options).call('updateUser', { params: { userId }, body: { disabled: false } });
      const { user } = answer;
      printResult(
        context,
        options.json === true,
        answer,
        () =>
          `User ${user.id} is enabled. Its earlier tokens stay invalid.\n  Next: proofhouse user token create ${user.id}\n`,
      );
    });
}
