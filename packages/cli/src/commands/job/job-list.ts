import { Option, type Command } from '@commander-js/extra-typings';
import { jobStatuses, type Job } from '@proofhouse/core';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { positiveInteger } from '../../input/option-values.ts';
import { printResult } from '../../output/print-result.ts';
import { relativeTime } from '../../output/quantities.ts';
import { table } from '../../output/table.ts';

export function jobList(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .addOption(new Option('--status <status>', 'only these').choices(jobStatuses))
    .option('--type <type>', 'only these')
    .option('--limit <n>', 'how many at most (50)', positiveInteger)
    .option('--cursor <cursor>', 'go on where the last page ended')
    .addHelpText('after', '\nExample: proofhouse job list --status failed --limit 10')
    .action(async (options) => {
      const { status, type, limit, cursor } = options;
      const page = await clientOf(options).jobs.list({ status, type, limit, cursor });
      const now = context.now();
      printResult(context, options.json === true, page, () => {
        const own = page.only === 'own' ? 'Only jobs that this worker holds or made are shown.\n' : '';
        if (page.items.length === 0 && page.nextCursor === null) return `No jobs.\n${own}`;
        const rows = page.items.map((job) => [
          job.id,
          job.type,
          statusText(job, now),
          String(job.priority),
          `${job.attempt}/${job.maxAttempts}`,
          relativeTime(job.createdAt, now),
          relativeTime(job.finishedAt ?? job.attemptStartedAt ?? job.startedAt, now),
          job.claimedBy ?? job.lastClaimedBy ?? '',
        ]);
        const more = page.nextCursor === null ? '' : `More: add --cursor ${page.nextCursor}\n`;
        return table(['ID', 'TYPE', 'STATUS', 'PRIO', 'TRY', 'CREATED', 'RAN', 'WORKER'], rows) + more + own;
      });
    });
}

/**
 * Returns the status. For a delayed job it includes the due time, because the job is queued but not claimable earlier.
 */
function statusText({ status, nextAttemptAt }: Job, now: number): string {
  const delayed = status === 'queued' && nextAttemptAt !== null && Date.parse(nextAttemptAt) > now;
  return delayed ? `${status} (${relativeTime(nextAttemptAt, now)})` : status;
}
