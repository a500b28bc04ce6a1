import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { printResult } from '../../output/print-result.ts';

export function signInLink(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .addHelpText('after', '\nExample: proofhouse sign-in-link --url http://127.0.0.1:8750')
    .action(async (options) => {
      const link = await clientOf(options).call('createSignInLink', { body: {} });
      printResult(context, options.json === true, link, () =>
        [`Works once, until ${link.expiresAt}:`, '', `  ${link.url}`, ''].join('\n'),
      );
    });
}
