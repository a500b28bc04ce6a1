import { callerOf } from '../caller.ts';
import type { CommandContext } from '../command-context.ts';
import { experimentCommand, experimentOf } from '../experiment-command.ts';
import { printResult } from '../print-result.ts';
import { printable } from '../printable.ts';

export function whoami(context: CommandContext) {
  return experimentCommand('whoami')
    .description("Which worker of the experiment the token speaks for, or that it is the admin's")
    .addHelpText('after', '\nExample: proofhouse whoami --experiment exp_01jd7v6m5x0000000000000000')
    .action(async (options) => {
      const experiment = experimentOf(options);
      if (callerOf(options.token) === 'admin') {
        // /v0 knows no name of the admin's: any call that is answered says that the token is the right one.
        await experiment.listGroups({ limit: 1 });
        printResult(
          context,
          options.json === true,
          { principal: 'admin' },
          () => "admin  This is the admin's token.\n",
        );
        return;
      }
      const worker = await experiment.whoami();
      const name = worker.name === undefined ? '' : `  ${printable(worker.name)}`;
      printResult(context, options.json === true, worker, () => `${worker.worker_id}${name}\n`);
    });
}
