import type { Command } from '@commander-js/extra-typings';
import type { Job } from '@proofhouse/core';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { printResult } from '../../output/print-result.ts';
import { printable } from '../../output/printable.ts';

export function jobCancel(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .argument('<jobId>', 'the id of the job')
    .option('--reason <text>', 'why, for whoever reads its log')
    .addHelpText(
      'after',
      '\nExample: proofhouse job cancel 0190b2c4-7d3e-7000-8000-000000000000 --reason "wrong branch"',
    )
    .action(async (jobId, options) => {
      const job = await clientOf(options).jobs.cancel(jobId, { reason: options.reason });
      printResult(context, options.json === true, job, () => cancelText(job));
    });
}

function cancelText(job: Job): string {
  if (job.status === 'cancelled') return `Job ${job.id} is cancelled.\n`;
  const worker = printable(job.claimedBy ?? 'a worker');
  return [
    `Job ${job.id} runs on ${worker}, which was asked to stop and hears of it at its next heartbeat.`,
    `Next: proofhouse job logs ${job.id} -f`,
    '',
  ].join('\n');
}
