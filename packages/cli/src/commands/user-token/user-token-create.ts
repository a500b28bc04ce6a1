import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { timeAfter } from '../../input/option-values.ts';
import { userOf } from '../../input/user-of.ts';
import { printResult } from '../../output/print-result.ts';

export function userTokenCreate(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .argument('[userId]', 'the user that calls with it (you)')
    .option('--description <text>', 'what it is for')
    .option(
      '--expires-at <time>',
      'when it ends: ISO 8601, a date, or +2h, +30d',
      timeAfter(() => context.now()),
    )
    .option('--may-act-for', 'for a broker: it may name other users in Proofhouse-Actor (only an admin makes one)')
    .addHelpText('after', '\nExample: proofhouse user token create --description laptop --expires-at +90d')
    .action(async (given, options) => {
      const client = clientOf(options);
      const userId = await userOf(client, given);
      const { description, expiresAt, mayActFor } = options;
      const body = { description, expiresAt, ...(mayActFor === true ? { mayActFor } : {}) };
      const created = await client.call('createUserToken', { params: { userId }, body });
      printResult(context, options.json === true, created, () =>
        [
          `Token ${created.userToken.id} of user ${userId}, shown only now:`,
          '',
          `  ${created.token}`,
          '',
          `Next: proofhouse login --url ${options.url} --token-stdin`,
          '',
        ].join('\n'),
      );
    });
}
