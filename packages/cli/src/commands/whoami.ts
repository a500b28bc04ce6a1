import type { CommandContext } from '../command-context.ts';
import { experimentCommand, experimentOf } from '../experiment-command.ts';
import { printResult } from '../print-result.ts';
import { printable } from '../printable.ts';

export function whoami(context: CommandContext) {
  return experimentCommand('whoami')
    .description('Which worker of the experiment the token speaks for')
    .addHelpText('after', '\nExample: proofhouse whoami --experiment exp_01jd7v6m5x0000000000000000')
    .action(async (options) => {
      const worker = await experimentOf(options).whoami();
      const name = worker.name === undefined ? '' : `  ${printable(worker.name)}`;
      printResult(context, options.json === true, worker, () => `${worker.worker_id}${name}\n`);
    });
}
