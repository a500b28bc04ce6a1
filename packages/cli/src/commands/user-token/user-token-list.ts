import type { Command } from '@commander-js/extra-typings';
import type { UserToken } from '@proofhouse/core';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { positiveInteger } from '../../input/option-values.ts';
import { userOf } from '../../input/user-of.ts';
import { printResult } from '../../output/print-result.ts';
import { relativeTime } from '../../output/quantities.ts';
import { table } from '../../output/table.ts';

export function userTokenList(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .argument('[userId]', 'the user whose tokens they are (you)')
    .option('--limit <n>', 'how many at most (50)', positiveInteger)
    .option('--cursor <cursor>', 'go on where the last page ended')
    .addHelpText('after', '\nExample: proofhouse user token list')
    .action(async (given, options) => {
      const client = clientOf(options);
      const { limit, cursor } = options;
      const params = { userId: await userOf(client, given) };
      const page = await client.call('listUserTokens', { params, query: { limit, cursor } });
      const now = context.now();
      printResult(context, options.json === true, page, () => {
        if (page.userTokens.length === 0 && page.nextCursor === null) return 'No tokens.\n';
        const rows = page.userTokens.map((token) => [
          token.id,
          stateOf(token, now),
          token.mayActFor ? 'others' : '',
          relativeTime(token.createdAt, now),
          token.description ?? '',
        ]);
        const more = page.nextCursor === null ? '' : `More: add --cursor ${page.nextCursor}\n`;
        return table(['ID', 'STATE', 'ACTS FOR', 'CREATED', 'DESCRIPTION'], rows) + more;
      });
    });
}

function stateOf(token: UserToken, now: number): string {
  if (token.revokedAt !== null) return 'revoked';
  if (token.ended) return 'ended';
  if (token.expiresAt === null) return 'valid';
  return Date.parse(token.expiresAt) <= now ? 'expired' : `ends ${relativeTime(token.expiresAt, now)}`;
}
