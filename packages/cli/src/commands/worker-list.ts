import type { CommandContext } from '../command-context.ts';
import { clientOf, connectedCommand } from '../connected-command.ts';
import { positiveInteger } from '../option-values.ts';
import { printResult } from '../print-result.ts';
import { relativeTime } from '../quantities.ts';
import { table } from '../table.ts';

export function workerList(context: CommandContext) {
  return connectedCommand('list')
    .alias('ls')
    .description('List the workers seen in the last ten minutes')
    .option('--limit <n>', 'how many at most (50)', positiveInteger)
    .option('--cursor <cursor>', 'go on where the last page ended')
    .addHelpText('after', '\nExample: proofhouse worker list')
    .action(async (options) => {
      const { limit, cursor } = options;
      const page = await clientOf(options).workers.list({ limit, cursor });
      const now = context.now();
      printResult(context, options.json === true, page, () => {
        if (page.items.length === 0 && page.nextCursor === null) return 'No worker was seen lately.\n';
        const rows = page.items.map((worker) => [
          worker.workerId,
          relativeTime(worker.lastSeenAt, now),
          worker.version ?? '',
          worker.allowedTypes?.join(', ') ?? 'any',
          worker.capabilities.join(', '),
          worker.holds.length > 1 ? `${worker.holds.length} jobs` : (worker.holds[0] ?? ''),
        ]);
        const more = page.nextCursor === null ? '' : `More: add --cursor ${page.nextCursor}\n`;
        return table(['WORKER', 'SEEN', 'SOFTWARE', 'TYPES', 'CAPABILITIES', 'HOLDS'], rows) + more;
      });
    });
}
