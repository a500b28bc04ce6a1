import { Option, type Command } from '@commander-js/extra-typings';
import { AppError } from '@proofhouse/core';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand, type ConnectionOptions } from '../../connected-command.ts';
import { atLine, jobBatches } from '../../output/job-lines.ts';
import { readPayload } from '../../input/job-payload.ts';
import { commaList, integer, positiveInteger, timeAfter } from '../../input/option-values.ts';
import { printResult } from '../../output/print-result.ts';

const explanation = `
Workers do not run the payload: each runs the command that it was started with (proofhouse work -- <command>), which
finds the job in the file $PROOFHOUSE_JOB_FILE, the payload under .payload there. Types of your own are named to the
server in PROOFHOUSE_JOB_TYPES.

--from takes one job a line, with the fields of POST /api/queue/jobs: {"type":"exec","payload":{"n":1}}. --type is the type of lines that
name none. Up to 100 jobs are made at a time, all or none. A line without idempotencyKey gets one of its own, so that the same
command over the same file goes on where it stopped and makes no job twice within 24 hours; --idempotency-key names another run.

Example: proofhouse job create --type exec --payload '{"branch":"main"}'
         proofhouse work --once -- sh -c 'jq -r .payload.branch "$PROOFHOUSE_JOB_FILE"'`;

export function jobCreate(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .option('--type <type>', 'what kind of job: exec, task, codex_exec, codex_skill, or one of your own')
    .addOption(
      new Option('--from <file>', 'many jobs: a file of JSON lines, or - for standard input').conflicts([
        'payload',
        'priority',
        'maxAttempts',
        'capabilities',
        'affinityKey',
        'notBefore',
      ]),
    )
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
      if (options.from !== undefined) return createFrom(context, options, options.from);
      if (options.type === undefined) throw new AppError('bad_request', 'Add --type <type>, or --from <file>.');
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

interface FromOptions extends ConnectionOptions {
  readonly type?: string | undefined;
  readonly idempotencyKey?: string | undefined;
}

async function createFrom(context: CommandContext, options: FromOptions, source: string): Promise<void> {
  const client = clientOf(options);
  const signal = context.signal();
  let made = 0;
  let before = 0;
  try {
    for await (const batch of jobBatches(source, context, { type: options.type, keyPrefix: options.idempotencyKey })) {
      const jobs = batch.map(({ job }) => job);
      const results = await client.jobs.createMany(jobs, { signal }).catch((error: unknown) => {
        throw atLine(error, batch);
      });
      const created = results.filter((result) => result.created).length;
      made += created;
      before += results.length - created;
      for (const { job } of results) context.stdout.write(`${options.json === true ? JSON.stringify(job) : job.id}\n`);
    }
  } catch (error) {
    if (made + before > 0) {
      context.stderr.write(`proofhouse: ${madeText(made, before)} Run it again to go on: no job is made twice.\n`);
    }
    throw error;
  }
  context.stderr.write(`proofhouse: ${madeText(made, before)}\n`);
}

function madeText(made: number, before: number): string {
  const earlier = before === 0 ? '' : `, ${String(before)} had been made before`;
  return `${String(made)} ${made === 1 ? 'job is' : 'jobs are'} made${earlier}.`;
}
