import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { experimentCommand, experimentOf } from '../../experiment-command.ts';
import { collectLabel } from '../../input/option-values.ts';
import { printResult } from '../../output/print-result.ts';
import { workerVariables } from '../../input/worker-variables.ts';

export function workerRegister(command: Command, context: CommandContext) {
  return experimentCommand(command)
    .option('--name <name>', 'what people see; names need not be unique')
    .option('--label <key=value>', 'a label; may be given several times', collectLabel)
    .addHelpText(
      'after',
      '\nExample: proofhouse worker register --experiment exp_01jd7v6m5x0000000000000000 --name planner --label zone=a',
    )
    .action(async (options) => {
      const { name, label: labels } = options;
      const worker = await experimentOf(options).registerWorker({ name, labels });
      printResult(context, options.json === true, worker, () =>
        workerVariables(options, worker, `Worker ${worker.worker_id} is registered. Its token is shown only now.`),
      );
    });
}
