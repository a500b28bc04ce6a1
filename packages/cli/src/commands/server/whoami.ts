import { Option, type Command } from '@commander-js/extra-typings';
import { isAppError } from '@proofhouse/core';
import { callerOf } from '../../caller.ts';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand, type ConnectionOptions } from '../../connected-command.ts';
import { experimentOf } from '../../experiment-command.ts';
import { printResult } from '../../output/print-result.ts';
import { printable } from '../../output/printable.ts';

const explanation = `
Without an experiment it says what the queue tells of the token: whether it is accepted, and whose kind it is.

Example: proofhouse whoami --experiment exp_01jd7v6m5x0000000000000000`;

interface Caller {
  readonly principal: 'admin' | 'worker';
  readonly workerId?: string;
}

export function whoami(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .addOption(new Option('--experiment <id>', 'the experiment to ask in').env('PROOFHOUSE_EXPERIMENT'))
    .addHelpText('after', explanation)
    .action(async (options) => {
      const { experiment } = options;
      if (experiment === undefined) {
        printCaller(context, options, await queueCaller(options));
        return;
      }
      const api = experimentOf({ ...options, experiment });
      if (callerOf(options.token) === 'admin') {
        // No operation of /v0 returns the identity of the admin. So a list of groups is requested: if this succeeds,
        // the token is valid.
        await api.listGroups({ limit: 1 });
        printCaller(context, options, { principal: 'admin' });
        return;
      }
      const worker = await api.whoami();
      const name = worker.name === undefined ? '' : `  ${printable(worker.name)}`;
      printResult(context, options.json === true, worker, () => `${worker.worker_id}${name}\n`);
    });
}

/**
 * Finds out who owns a token, with two calls. Every credential may list jobs, but only the admin may list worker
 * tokens. If the token contains a worker id, a successful call proves it, because the server checks it.
 */
async function queueCaller(options: ConnectionOptions): Promise<Caller> {
  const client = clientOf(options);
  await client.jobs.list({ limit: 1 });
  try {
    await client.workerTokens.list({ limit: 1 });
    return { principal: 'admin' };
  } catch (error) {
    if (!isAppError(error, 'forbidden')) throw error;
    const workerId = callerOf(options.token);
    return workerId === undefined || workerId === 'admin' ? { principal: 'worker' } : { principal: 'worker', workerId };
  }
}

function printCaller(context: CommandContext, options: ConnectionOptions, caller: Caller): void {
  printResult(context, options.json === true, caller, () => {
    if (caller.principal === 'admin') return "admin  This is the admin's token.\n";
    if (caller.workerId !== undefined) return `${caller.workerId}\n`;
    return `A worker's token, accepted by ${options.url}. \`proofhouse worker token list\` shows the admin whose it is.\n`;
  });
}
