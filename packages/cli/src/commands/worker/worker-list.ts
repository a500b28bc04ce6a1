import { Option, type Command } from '@commander-js/extra-typings';
import { AppError } from '@proofhouse/core';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand, type ConnectionOptions } from '../../connected-command.ts';
import { experimentOf } from '../../experiment-command.ts';
import { positiveInteger } from '../../input/option-values.ts';
import { printResult } from '../../output/print-result.ts';
import { relativeTime } from '../../output/quantities.ts';
import { table } from '../../output/table.ts';

const explanation = `
With --experiment it lists who is registered there, seen or not. PROOFHOUSE_EXPERIMENT alone does not ask for that.

Example: proofhouse worker list
         proofhouse worker list --experiment exp_01jd7v6m5x0000000000000000 --name planner`;

interface ListOptions extends ConnectionOptions {
  readonly name?: string | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export function workerList(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .addOption(new Option('--experiment <id>', 'the workers registered in it, oldest first'))
    .option('--name <name>', 'with --experiment: only workers of this name')
    .option('--limit <n>', 'how many at most (50; with --experiment 1000)', positiveInteger)
    .option('--cursor <cursor>', 'go on where the last page ended')
    .addHelpText('after', explanation)
    .action(async ({ experiment, ...options }) => {
      if (experiment !== undefined) return listRegistered(context, { ...options, experiment });
      if (options.name !== undefined) {
        throw new AppError('bad_request', '--name is for registered workers: add --experiment <id>.');
      }
      return listSeen(context, options);
    });
}

async function listSeen(context: CommandContext, options: ListOptions): Promise<void> {
  const { limit, cursor } = options;
  const page = await clientOf(options).workers.list({ limit, cursor });
  const now = context.now();
  printResult(context, options.json === true, page, () => {
    if (page.items.length === 0 && page.nextCursor === null) return 'No worker was seen lately.\n';
    const rows = page.items.map((worker) => [
      worker.workerId,
      relativeTime(worker.lastSeenAt, now),
      worker.version ?? '',
      worker.allowedTypes?.join(', ') ?? 'any',
      worker.capabilities.join(', '),
      worker.holds.length > 1 ? `${worker.holds.length} jobs` : (worker.holds[0] ?? ''),
    ]);
    return table(['WORKER', 'SEEN', 'SOFTWARE', 'TYPES', 'CAPABILITIES', 'HOLDS'], rows) + moreText(page.nextCursor);
  });
}

async function listRegistered(
  context: CommandContext,
  options: ListOptions & { readonly experiment: string },
): Promise<void> {
  const { name, limit, cursor } = options;
  const page = await experimentOf(options).listWorkers({ name, limit, cursor });
  const now = context.now();
  printResult(context, options.json === true, page, () => {
    if (page.items.length === 0 && page.nextCursor === null) return 'No worker is registered.\n';
    const rows = page.items.map((worker) => [
      worker.worker_id,
      worker.name ?? '',
      relativeTime(worker.registered_at, now),
      Object.entries(worker.labels ?? {})
        .map(([key, value]) => `${key}=${value}`)
        .join(', '),
    ]);
    return table(['WORKER', 'NAME', 'REGISTERED', 'LABELS'], rows) + moreText(page.nextCursor);
  });
}

function moreText(cursor: string | null): string {
  return cursor === null ? '' : `More: add --cursor ${cursor}\n`;
}
