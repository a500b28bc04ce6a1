import type { Command } from '@commander-js/extra-typings';
import { isAppError, type Job } from '@proofhouse/core';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { endOf, exitCodeOf, outcomeText, sayBroken } from '../../output/job-outcome.ts';
import { positiveInteger } from '../../input/option-values.ts';

const explanation = `
Exit code 0 when every job succeeded; 1 when one failed, was cancelled, used up its attempts, or had not ended in time. A failed
attempt that is tried again is no end. With --json each job is one line of JSON, as it ends.

Example: proofhouse job wait 0190b2c4-7d3e-7000-8000-000000000000 --timeout 600`;

/** Largest number of event streams that are open at the same time. */
const atOnce = 20;

export function jobWait(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .argument('<jobId...>', 'the ids of the jobs')
    .option('--timeout <seconds>', 'how long at most (no limit)', positiveInteger)
    .addHelpText('after', explanation)
    .action(async (jobIds, options) => {
      const client = clientOf(options);
      const limit = options.timeout === undefined ? undefined : AbortSignal.timeout(options.timeout * 1000);
      const signal = limit === undefined ? context.signal() : AbortSignal.any([context.signal(), limit]);
      const { broken, mended } = sayBroken(context);
      const ended: Job[] = [];
      const waiting = [...new Set(jobIds)];
      const late: string[] = [];
      const next = async (): Promise<void> => {
        for (let jobId = waiting.shift(); jobId !== undefined; jobId = waiting.shift()) {
          try {
            const job = await endOf(client, jobId, { signal, onBroken: broken });
            mended();
            ended.push(job);
            context.stdout.write(`${options.json === true ? JSON.stringify(job) : outcomeText(job)}\n`);
          } catch (error) {
            if (limit?.aborted !== true && !isAppError(error, 'request_timeout')) throw error;
            late.push(jobId);
          }
        }
      };
      await Promise.all(Array.from({ length: Math.min(atOnce, waiting.length) }, next));
      if (late.length > 0) context.stderr.write(`proofhouse: Not ended in time: ${late.join(', ')}\n`);
      context.exitCode = late.length > 0 ? 1 : exitCodeOf(ended);
    });
}
