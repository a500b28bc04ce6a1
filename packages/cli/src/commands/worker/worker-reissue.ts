import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { experimentCommand, experimentOf } from '../../experiment-command.ts';
import { printResult } from '../../output/print-result.ts';
import { workerVariables } from '../../input/worker-variables.ts';

export function workerReissue(command: Command, context: CommandContext) {
  return experimentCommand(command)
    .argument('<workerId>', 'the worker, wkr_…')
    .addHelpText('after', '\nExample: proofhouse worker reissue wkr_01jd7v6m5x0000000000000000')
    .action(async (workerId, options) => {
      const reissued = await experimentOf(options).reissueCredential(workerId);
      printResult(context, options.json === true, reissued, () =>
        workerVariables(
          options,
          reissued,
          `Worker ${workerId} has a new token, shown only now; the old one is refused.`,
        ),
      );
    });
}
