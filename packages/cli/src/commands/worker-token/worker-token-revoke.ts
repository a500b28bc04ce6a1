import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { printResult } from '../../output/print-result.ts';

export function workerTokenRevoke(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .argument('<tokenId>', "the token's id, as the list shows it")
    .addHelpText('after', '\nExample: proofhouse worker token revoke 0190b2c4-7d3e-7000-8000-000000000000')
    .action(async (tokenId, options) => {
      const token = await clientOf(options).workerTokens.revoke(tokenId);
      printResult(
        context,
        options.json === true,
        token,
        () => `Token ${token.id} of worker ${token.workerId} is revoked.\n`,
      );
    });
}
