import { Option, type Command } from '@commander-js/extra-typings';
import { userRoles } from '@proofhouse/core';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { printResult } from '../../output/print-result.ts';
import { printable } from '../../output/printable.ts';

export function userCreate(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .argument('<name>', 'how the person is called')
    .addOption(new Option('--role <role>', 'what the user may do').choices(userRoles).makeOptionMandatory())
    .option('--email <address>', 'the address of the person')
    .addHelpText('after', '\nExample: proofhouse user create "Ada Lovelace" --role operator')
    .action(async (name, options) => {
      const { role, email } = options;
      const body = { name, role, ...(email === undefined ? {} : { email }) };
      const made = await clientOf(options).call('createUser', { body });
      printResult(context, options.json === true, made, () =>
        [
          `User ${made.user.id} (${printable(made.user.name)}) has the role ${made.user.role}.`,
          `Next: proofhouse user token create ${made.user.id}`,
          '',
        ].join('\n'),
      );
    });
}
