import { Option, type Command } from '@commander-js/extra-typings';
import { callerOf, isUserToken } from '../../caller.ts';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { experimentOf } from '../../experiment-command.ts';
import { identityText } from '../../output/identity-text.ts';
import { printResult } from '../../output/print-result.ts';
import { printable } from '../../output/printable.ts';

const explanation = `
Says whether the token is accepted, and whose it is: a user with its role, a worker, or the admin. With an experiment it asks
as a worker of that experiment.

Example: proofhouse whoami`;

export function whoami(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .addOption(new Option('--experiment <id>', 'the experiment to ask in').env('PROOFHOUSE_EXPERIMENT'))
    .addHelpText('after', explanation)
    .action(async (options) => {
      const { experiment, token } = options;
      const json = options.json === true;
      if (experiment === undefined || isUserToken(token)) {
        const identity = await clientOf(options).call('identify', {});
        printResult(context, json, identity, () => `${identityText(identity)}\n`);
        return;
      }
      const api = experimentOf({ ...options, experiment });
      if (callerOf(token) === 'admin') {
        // No operation of /v0 returns the identity of the admin. So a list of groups is requested, because any successful
        // call proves that the token is valid.
        await api.listGroups({ limit: 1 });
        printResult(context, json, { principal: 'admin' }, () => "admin  This is the admin's token.\n");
        return;
      }
      const worker = await api.whoami();
      const name = worker.name === undefined ? '' : `  ${printable(worker.name)}`;
      printResult(context, json, worker, () => `${worker.worker_id}${name}\n`);
    });
}
