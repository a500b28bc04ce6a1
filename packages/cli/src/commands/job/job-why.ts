import type { Command } from '@commander-js/extra-typings';
import { lackInWords, type Why } from '@proofhouse/core';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { printResult } from '../../output/print-result.ts';
import { printable } from '../../output/printable.ts';
import { relativeTime } from '../../output/quantities.ts';
import { facts, table } from '../../output/table.ts';

export function jobWhy(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .argument('<jobId>', 'the id of the job')
    .addHelpText('after', '\nExample: proofhouse job why 0190b2c4-7d3e-7000-8000-000000000000')
    .action(async (jobId, options) => {
      const why = await clientOf(options).jobs.why(jobId);
      printResult(context, options.json === true, why, () => whyText(why, context.now()));
    });
}

function whyText(why: Why, now: number): string {
  const { notBefore, position } = why;
  const known = facts([
    ['job', why.jobId],
    ['status', why.status],
    ['not before', notBefore === null ? '' : `${notBefore} (${relativeTime(notBefore, now)})`],
    ['ahead of it', position === null ? '' : String(position)],
    ['nobody offers', why.unmet.map(lackInWords).join(', ')],
    ['may have it', why.eligibleWorkers.join(', ')],
  ]);
  const near = why.nearWorkers.map((worker) => [
    worker.workerId,
    relativeTime(worker.lastSeenAt, now),
    worker.lacks.map(lackInWords).join(', '),
  ]);
  const nearly = near.length === 0 ? '' : `\n${table(['NEARLY', 'SEEN', 'LACKS'], near)}`;
  return `${printable(why.summary)}\n\n${known}${nearly}`;
}
