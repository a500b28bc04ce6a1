import { runWorker, type WorkerLogEntry } from '@proofhouse/client/worker';
import type { CommandContext } from '../command-context.ts';
import { clientOf, connectedCommand } from '../connected-command.ts';
import { commaList, positiveInteger } from '../option-values.ts';
import { printable } from '../printable.ts';
import { version } from '../version.ts';

const explanation = `
Each job's command finds it in $PROOFHOUSE_JOB_FILE (JSON) and $PROOFHOUSE_JOB_ID, and leaves what is to be kept in
$PROOFHOUSE_OUTPUT_DIR. Its output goes to log.log; when it runs in a git repository, what differs from the commit it
began on goes to diff.diff. Exit code 0 completes the job, every other fails it.

Example: proofhouse work --types exec --once -- npm test`;

export function work(context: CommandContext) {
  return connectedCommand('work')
    .description('Claim jobs and run a command for each')
    .argument('<command...>', 'the command and its arguments, after --')
    .option('--types <list>', 'job types to claim, comma-separated (all that the token allows)', commaList)
    .option('--capabilities <list>', 'what this machine can do, comma-separated', commaList)
    .option('--concurrency <n>', 'jobs at a time (1)', positiveInteger)
    .option('--lease-seconds <n>', 'how long a job stays ours without a sign of life (120)', positiveInteger)
    .option('--once', 'wait for one job, run it and end: exit code 1 unless it succeeded')
    .option('--retryable', 'a job whose command failed may be tried again')
    .option('--pass-token', 'give the command the token and the lease, so that it can call the server itself')
    .option('--work-folder', 'run each command in a fresh folder instead of here')
    .option('--work-root <folder>', 'where the folders of jobs are made')
    .passThroughOptions()
    .addHelpText('after', explanation)
    .action(async (command, options) => {
      const json = options.json === true;
      // A worker has time: a server that restarts is no reason to lose what a job left.
      const client = clientOf(options, { tries: 12, maxDelayMs: 15_000 });
      const report = await runWorker({
        client,
        command,
        env: context.env,
        cwd: context.cwd,
        types: options.types,
        capabilities: options.capabilities,
        software: `proofhouse/${version}`,
        concurrency: options.concurrency,
        leaseSeconds: options.leaseSeconds,
        once: options.once,
        retryable: options.retryable,
        passToken: options.passToken === true ? options.token : undefined,
        inWorkFolder: options.workFolder,
        workRoot: options.workRoot,
        signal: context.signal(),
        log: (entry) => printEntry(context, json, entry),
      });
      if (json) context.stdout.write(`${JSON.stringify({ report })}\n`);
      if (options.once === true && report.succeeded === 0) context.exitCode = 1;
    });
}

// One line each, as it happens; programs read JSON lines.
function printEntry(context: CommandContext, json: boolean, entry: WorkerLogEntry): void {
  if (json) context.stdout.write(`${JSON.stringify(entry)}\n`);
  else if (entry.level === 'info') context.stdout.write(`${printable(entry.message)}\n`);
  else context.stderr.write(`proofhouse: ${printable(entry.message)}\n`);
}
