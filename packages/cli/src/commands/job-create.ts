import type { CommandContext } from '../command-context.ts';
import { clientOf, connectedCommand } from '../connected-command.ts';
import { readPayload } from '../job-payload.ts';
import { commaList, integer, positiveInteger, timeAfter } from '../option-values.ts';
import { printResult } from '../print-result.ts';

const explanation = `
Workers do not run the payload: each runs the command that it was started with (proofhouse work -- <command>), which
finds the job in the file $PROOFHOUSE_JOB_FILE, the payload under .payload there. Types of your own are named to the
server in PROOFHOUSE_JOB_TYPES.

Example: proofhouse job create --type exec --payload '{"branch":"main"}'
         proofhouse work --once -- sh -c 'jq -r .payload.branch "$PROOFHOUSE_JOB_FILE"'`;

export function jobCreate(context: CommandContext) {
  return connectedCommand('create')
    .description('Put a job into the queue')
    .requiredOption('--type <type>', 'what kind of job: exec, task, codex_exec, codex_skill, or one of your own')
    .option('--payload <json>', 'what the job is to do: JSON, @file.json, or - for standard input')
    .option('--priority <n>', 'higher runs first (0)', integer)
    .option('--max-attempts <n>', 'how often it may be tried (3)', positiveInteger)
    .option('--capabilities <list>', 'what a worker must be able to do, comma-separated', commaList)
    .option(
      '--affinity-key <key>',
      'a word for jobs that belong together; stored and shown, it does not change who gets them',
    )
    .option(
      '--not-before <time>',
      'not claimable before: ISO 8601, a date, or +90m, +2h, +1d',
      timeAfter(() => context.now()),
    )
    .option('--idempotency-key <key>', 'the same key makes one job, however often it is sent')
    .addHelpText('after', explanation)
    .action(async (options) => {
      const payload = options.payload === undefined ? {} : await readPayload(options.payload, context);
      const job = await clientOf(options).jobs.create(
        {
          type: options.type,
          payload,
          priority: options.priority,
          maxAttempts: options.maxAttempts,
          requiredCapabilities: options.capabilities,
          affinityKey: options.affinityKey,
          notBefore: options.notBefore,
        },
        { idempotencyKey: options.idempotencyKey },
      );
      printResult(context, options.json === true, job, () =>
        [`Job ${job.id} is ${job.status} (${job.type}).`, `Next: proofhouse job logs ${job.id} -f`, ''].join('\n'),
      );
    });
}
