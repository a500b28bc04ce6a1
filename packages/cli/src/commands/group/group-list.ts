import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { experimentCommand, experimentOf } from '../../experiment-command.ts';
import { positiveInteger } from '../../input/option-values.ts';
import { printResult } from '../../output/print-result.ts';
import { relativeTime } from '../../output/quantities.ts';
import { table } from '../../output/table.ts';

export function groupList(command: Command, context: CommandContext) {
  return experimentCommand(command)
    .option('--name <name>', 'only groups of this name')
    .option('--limit <n>', 'how many at most (1000)', positiveInteger)
    .option('--cursor <cursor>', 'go on where the last page ended')
    .addHelpText('after', '\nExample: proofhouse group list --experiment exp_01jd7v6m5x0000000000000000')
    .action(async (options) => {
      const { name, limit, cursor } = options;
      const page = await experimentOf(options).listGroups({ name, limit, cursor });
      const now = context.now();
      printResult(context, options.json === true, page, () => {
        if (page.items.length === 0 && page.nextCursor === null) return 'No groups.\n';
        const rows = page.items.map((one) => [
          one.group_id,
          one.name ?? '',
          relativeTime(one.created_at, now),
          one.members.join(', '),
        ]);
        const more = page.nextCursor === null ? '' : `More: add --cursor ${page.nextCursor}\n`;
        return table(['ID', 'NAME', 'CREATED', 'MEMBERS'], rows) + more;
      });
    });
}
