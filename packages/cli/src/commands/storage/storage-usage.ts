import type { Command } from '@commander-js/extra-typings';
import type { StorageUsage } from '@proofhouse/client';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { printResult } from '../../output/print-result.ts';
import { bytesText, counted, relativeTime } from '../../output/quantities.ts';
import { facts, table } from '../../output/table.ts';

export function storageUsage(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .addHelpText('after', '\nExample: proofhouse storage usage')
    .action(async (options) => {
      const usage = await clientOf(options).storage.usage();
      printResult(context, options.json === true, usage, () => usageText(usage, context.now()));
    });
}

function usageText(usage: StorageUsage, now: number): string {
  const { quotaBytes, warnAtBytes, byType } = usage;
  const percent = quotaBytes === null ? '' : ` (${String(Math.floor((usage.bytes / quotaBytes) * 100))} % used)`;
  const known = facts([
    ['stored', `${bytesText(usage.bytes)} in ${counted(usage.artifacts, 'artifact')}`],
    ['quota', quotaBytes === null ? 'none' : `${bytesText(quotaBytes)}${percent}`],
    ['warns at', warnAtBytes === null ? '' : bytesText(warnAtBytes)],
    ['counted', relativeTime(usage.sampledAt, now)],
  ]);
  if (byType.length === 0) return known;
  const rows = byType
    .toSorted((a, b) => b.bytes - a.bytes)
    .map(({ type, artifacts, bytes }) => [type, String(artifacts), bytesText(bytes)]);
  return `${known}\n${table(['TYPE', 'ARTIFACTS', 'BYTES'], rows)}`;
}
