import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { printResult } from '../../output/print-result.ts';

export function jobRetry(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .argument('<jobId>', 'the id of the job')
    .addHelpText('after', '\nExample: proofhouse job retry 0190b2c4-7d3e-7000-8000-000000000000')
    .action(async (jobId, options) => {
      const job = await clientOf(options).jobs.retry(jobId);
      printResult(context, options.json === true, job, () =>
        [
          `Job ${job.id} is ${job.status} again, attempt ${job.attempt} of ${job.maxAttempts}.`,
          `Next: proofhouse job logs ${job.id} -f`,
          '',
        ].join('\n'),
      );
    });
}
