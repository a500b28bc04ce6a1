import { Option, type Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { commaList, timeAfter } from '../../input/option-values.ts';
import { printResult } from '../../output/print-result.ts';

export function workerTokenCreate(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .argument('<workerId>', 'the worker that calls with it')
    .option('--description <text>', 'what it is for')
    .option('--types <list>', 'the only job types it may claim, comma-separated', commaList)
    .option(
      '--repositories <list>',
      'only jobs whose payload.repository is one of these; a job that names none is not given',
      commaList,
    )
    .option('--capabilities <list>', 'what the worker can do, whatever it says itself, comma-separated', commaList)
    .option('--can-enqueue', 'it may create jobs, within --types and --repositories, and read those that it made')
    .addOption(new Option('--read-metrics', 'it may read /metrics and nothing else').conflicts('canEnqueue'))
    .option(
      '--expires-at <time>',
      'when it ends: ISO 8601, a date, or +2h, +30d',
      timeAfter(() => context.now()),
    )
    .addHelpText(
      'after',
      '\nExample: proofhouse worker token create builder-1 --types exec --capabilities linux,docker',
    )
    .action(async (workerId, options) => {
      const created = await clientOf(options).workerTokens.create({
        workerId,
        description: options.description,
        allowedJobTypes: options.types,
        allowedRepositories: options.repositories,
        capabilities: options.capabilities,
        canEnqueue: options.canEnqueue,
        readMetrics: options.readMetrics,
        expiresAt: options.expiresAt,
      });
      printResult(context, options.json === true, created, () =>
        [
          `Token ${created.workerToken.id} of worker ${workerId}, shown only now:`,
          '',
          `  ${created.token}`,
          '',
          options.readMetrics === true
            ? 'Next: give it to what scrapes /metrics, as "Authorization: Bearer <token>"'
            : `Next: PROOFHOUSE_TOKEN=<token> proofhouse ${options.canEnqueue === true ? 'job create --type <type>' : 'work -- <command>'}`,
          '',
        ].join('\n'),
      );
    });
}
