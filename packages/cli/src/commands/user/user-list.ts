import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { positiveInteger } from '../../input/option-values.ts';
import { printResult } from '../../output/print-result.ts';
import { relativeTime } from '../../output/quantities.ts';
import { table } from '../../output/table.ts';

export function userList(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .option('--limit <n>', 'how many at most (50)', positiveInteger)
    .option('--cursor <cursor>', 'go on where the last page ended')
    .addHelpText('after', '\nExample: proofhouse user list')
    .action(async (options) => {
      const { limit, cursor } = options;
      const page = await clientOf(options).call('listUsers', { query: { limit, cursor } });
      const now = context.now();
      printResult(context, options.json === true, page, () => {
        if (page.users.length === 0 && page.nextCursor === null) return 'No users.\n';
        const rows = page.users.map((user) => [
          user.id,
          user.role,
          user.disabledAt === null ? 'enabled' : 'disabled',
          relativeTime(user.createdAt, now),
          user.name,
          user.email ?? '',
        ]);
        const more = page.nextCursor === null ? '' : `More: add --cursor ${page.nextCursor}\n`;
        return table(['ID', 'ROLE', 'STATE', 'CREATED', 'NAME', 'EMAIL'], rows) + more;
      });
    });
}
