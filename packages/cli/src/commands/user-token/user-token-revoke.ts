import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { userOf } from '../../input/user-of.ts';
import { printResult } from '../../output/print-result.ts';

export function userTokenRevoke(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .argument('<tokenId>', "the token's id, as the list shows it")
    .option('--user <userId>', 'the user whose token it is (you)')
    .addHelpText('after', '\nExample: proofhouse user token revoke 0190b2c4-7d3e-7000-8000-000000000000')
    .action(async (tokenId, options) => {
      const client = clientOf(options);
      const userId = await userOf(client, options.user);
      const answer = await client.call('revokeUserToken', { params: { userId, tokenId }, body: {} });
      printResult(
        context,
        options.json === true,
        answer,
        () => `Token ${tokenId} of user ${userId} is revoked, with the sessions that it opened.\n`,
      );
    });
}
