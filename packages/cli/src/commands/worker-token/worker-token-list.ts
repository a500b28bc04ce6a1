import type { Command } from '@commander-js/extra-typings';
import type { WorkerToken } from '@proofhouse/core';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { positiveInteger } from '../../input/option-values.ts';
import { printResult } from '../../output/print-result.ts';
import { relativeTime } from '../../output/quantities.ts';
import { table } from '../../output/table.ts';

export function workerTokenList(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .option('--worker <workerId>', 'only tokens of this worker')
    .option('--limit <n>', 'how many at most (50)', positiveInteger)
    .option('--cursor <cursor>', 'go on where the last page ended')
    .addHelpText('after', '\nExample: proofhouse worker token list --worker builder-1')
    .action(async (options) => {
      const { worker: workerId, limit, cursor } = options;
      const page = await clientOf(options).workerTokens.list({ workerId, limit, cursor });
      const now = context.now();
      printResult(context, options.json === true, page, () => {
        if (page.items.length === 0 && page.nextCursor === null) return 'No worker tokens.\n';
        const rows = page.items.map((token) => [
          token.id,
          token.workerId,
          stateOf(token, now),
          relativeTime(token.createdAt, now),
          relativeTime(token.lastUsedAt, now),
          token.description ?? '',
        ]);
        const more = page.nextCursor === null ? '' : `More: add --cursor ${page.nextCursor}\n`;
        return table(['ID', 'WORKER', 'STATE', 'CREATED', 'USED', 'DESCRIPTION'], rows) + more;
      });
    });
}

function stateOf(token: WorkerToken, now: number): string {
  if (token.revokedAt !== null) return 'revoked';
  if (token.expiresAt === null) return 'valid';
  return Date.parse(token.expiresAt) <= now ? 'expired' : `ends ${relativeTime(token.expiresAt, now)}`;
}
