import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { positiveInteger } from '../../input/option-values.ts';
import { printResult } from '../../output/print-result.ts';
import { bytesText, relativeTime } from '../../output/quantities.ts';
import { table } from '../../output/table.ts';

export function artifactList(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .argument('<jobId>', 'the job they belong to')
    .option('--name <name>', 'only the versions of this name')
    .option('--limit <n>', 'how many at most (200)', positiveInteger)
    .option('--cursor <cursor>', 'go on where the last page ended')
    .addHelpText('after', '\nExample: proofhouse artifact list 0190b2c4-7d3e-7000-8000-000000000000')
    .action(async (jobId, options) => {
      const { name, limit, cursor } = options;
      const page = await clientOf(options).artifacts.list(jobId, { name, limit, cursor });
      const now = context.now();
      printResult(context, options.json === true, page, () => {
        if (page.items.length === 0 && page.nextCursor === null) return 'No artifacts.\n';
        const rows = page.items.map((artifact) => [
          artifact.id,
          artifact.name,
          artifact.type,
          bytesText(artifact.sizeBytes),
          relativeTime(artifact.createdAt, now),
          artifact.digest.slice(0, 'sha256:'.length + 12),
        ]);
        const more = page.nextCursor === null ? '' : `More: add --cursor ${page.nextCursor}\n`;
        const next = page.items[0] === undefined ? '' : `Next: proofhouse artifact pull ${jobId} ${page.items[0].id}\n`;
        return table(['ID', 'NAME', 'TYPE', 'SIZE', 'CREATED', 'DIGEST'], rows) + more + next;
      });
    });
}
